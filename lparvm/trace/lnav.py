"""A trace for lnav, the log file viewer: its events with the time of day, and worded.

lnav wants a date in each line, and takes none of 1970 for one; `t` begins at 0. So each event is told with `time`,
the header's wall-clock time plus `t`; with `who` and `what`, as `lparvm trace show` words them; and without fields that
are null, lists or objects. Header and trailer are left out. `lnav_format.json` beside this file describes such lines
to lnav.
"""

import datetime as dt
from importlib import resources

import orjson

from lparvm.trace.sink import Event
from lparvm.trace.wording import fields_text, who_text

_NS_PER_US = 1000
_COLUMNS = (int, float, str, bool)  # what is nested stands in `what`
_UNKNOWN = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


def began(header: Event) -> dt.datetime:
    """When the run began, by the header; the beginning of 2000 where that doesn't say."""
    try:
        at = dt.datetime.fromisoformat(header["started"])
    except (KeyError, TypeError, ValueError):
        return _UNKNOWN
    return at if at.tzinfo is not None else at.replace(tzinfo=dt.UTC)


def line(event: Event, began_at: dt.datetime) -> bytes:
    """An event as lnav gets it, with its newline."""
    try:
        at = began_at + dt.timedelta(microseconds=event["t"] // _NS_PER_US)
    except OverflowError:  # no run is that long
        at = began_at
    told = {name: value for name, value in event.items() if type(value) in _COLUMNS}
    worded = {
        "time": at.isoformat(timespec="microseconds"),
        "who": who_text(event),
        "what": fields_text(event),
    }
    return orjson.dumps({**worded, **told}, option=orjson.OPT_APPEND_NEWLINE)


def format_text() -> str:
    """The description of the lines, for `lnav -i`."""
    return resources.files("lparvm.trace").joinpath("lnav_format.json").read_text(encoding="utf-8")
