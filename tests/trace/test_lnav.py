"""Lines for lnav: a time of day in each, and everything that an event has."""

import datetime as dt
import json

from lparvm.trace.lnav import began, format_text, line

EVENT = {
    "seq": 3, "t": 1_001_940_500, "actor": "LPARCTL", "event": "ReserveAreas", "op": "op.1", "cause": None, "step": 203,
    "to": "RM", "placements": [],
}  # fmt: skip


def test_a_line_has_the_time_of_day_and_is_worded():
    at = began({"started": "2026-11-23T08:00:00.250+00:00"})
    told = json.loads(line(EVENT, at))
    assert told["time"] == "2026-11-23T08:00:01.251940+00:00"
    assert told["who"] == "LPARCTL -> RM"
    assert (told["seq"], told["t"], told["step"]) == (3, 1_001_940_500, 203)
    assert "cause" not in told, "what is null is left out"
    assert "placements" not in told, "what is nested is only worded"


def test_a_header_without_a_time_is_no_reason_to_stop():
    for header in ({}, {"started": 5}, {"started": "yesterday"}, {"started": None}):
        assert began(header) == dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
    assert began({"started": "2026-11-23T08:00:00"}).tzinfo is dt.UTC


def test_a_time_beyond_every_calendar_is_no_reason_either():
    assert json.loads(line({**EVENT, "t": 2**63}, began({"started": "9999-12-31"})))["time"].startswith(
        "9999-12-31"
    )


def test_the_format_knows_the_fields_of_the_lines():
    (described,) = [one for name, one in json.loads(format_text()).items() if name != "$schema"]
    told = json.loads(line({**EVENT, "cause": 1}, began({})))
    shown = {part["field"] for part in described["line-format"] if isinstance(part, dict)} - {"__timestamp__"}
    assert shown <= described["value"].keys()
    assert shown <= told.keys()
    assert described["timestamp-field"] in told
    assert set(EVENT) - {"to", "placements"} <= described["value"].keys()
