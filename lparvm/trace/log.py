"""The events of a run as lines for people, while it runs: a listener that renders by structlog's ConsoleRenderer.

    1.001940 LPARCTL -> RM    ReserveAreas      op.1   203 placements=[{lpar=LPAR2 zone=49152+65536(192M+256M)}]

What it shows are the facts of its level, and the messages that the trace holds as well. Values are worded as
`lparvm trace show` words them.
"""

from collections.abc import Callable

import orjson
from structlog.dev import Column, ConsoleRenderer, KeyValueColumnFormatter

from lparvm.trace.sink import Event, encode
from lparvm.trace.vocabulary import VOCABULARY, Level
from lparvm.trace.wording import fields_text, printable, time_text, who_text

_WIDTHS = {"t": 12, "who": 23, "event": 24, "op": 6, "step": 3, "fields": 0}
# Standard codes: they look right on a light and on a dark terminal.
_RESET, _DIM, _BOLD, _CYAN = "\x1b[0m", "\x1b[2m", "\x1b[1m", "\x1b[36m"
_STYLES = {"t": _DIM, "who": _CYAN, "event": _BOLD, "op": "", "step": _DIM, "fields": ""}


class EventLog:
    """Called with each event of a trace; writes one line for each that is shown."""

    def __init__(
        self, write: Callable[[str], None], *, level: Level = Level.PROTOCOL, colours: bool = False
    ) -> None:
        """Prepare the columns.

        Args:
            write: takes a line, without its newline.
            level: what is shown: events of this level and those below it.
            colours: whether lines have colour codes.
        """
        self._write = write
        self._shown = frozenset(name for name, kind in VOCABULARY.items() if kind.level <= level)
        reset = _RESET if colours else ""

        def style(code: str) -> str:
            return code if colours else ""

        columns = [
            Column(name, KeyValueColumnFormatter(None, style(_STYLES[name]), reset, str, width))
            for name, width in _WIDTHS.items()
        ]
        # A renderer must have one for other fields; there are none.
        others = KeyValueColumnFormatter("", "", reset, str)
        self._render = ConsoleRenderer(columns=[*columns, Column("", others)])

    def __call__(self, event: Event) -> None:
        """Show an event, if it is of the level."""
        name = event["event"]
        if name not in self._shown:
            return
        told = orjson.loads(encode(event))  # its values as they stand in a file
        line = {
            "t": f"{time_text(told['t']):>{_WIDTHS['t']}}",
            "who": who_text(told),
            "event": name,
            "op": printable(told["op"] or ""),
            "step": told["step"] or "",
            "fields": fields_text(told),
        }
        self._write(self._render(None, "", line).rstrip())
