"""A trace as a listing, the way IPCS prints what GTF and the system trace have collected.

At the top the options in effect and the environment, as GTFTRACE has them; then pages with titles. Each event is one
entry: a line with fixed columns, its own fields as keywords padded with points, `LPAR.... LPAR2`, and as many
continuation lines as they take. Numbers are hexadecimal, times are the run clock's. The command's help describes the
columns.

Nothing is lost: every field is there, nested ones under their own names, one after another. Lines are made as they are
asked for; nothing is kept but what the page needs.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from lparvm.trace.flat import leaves, name_of
from lparvm.trace.short_names import KEYWORD_CHARACTERS, event_identifier, field_keyword
from lparvm.trace.vocabulary import COMMON_FIELDS
from lparvm.trace.wording import printable
from lparvm.units import NS_PER_S

Event = dict[str, Any]

LINE_CHARACTERS = 132
LINES_A_PAGE = 60

_HEADINGS = "SEQ----- TIME-STAMP-------- IDENT----------- EVENT-ID- STP OPERATION CAUSE--- UNIQUE-" + "-" * 46
_UNIQUE_COLUMN = _HEADINGS.index("UNIQUE-")
_UNIQUE_CHARACTERS = LINE_CHARACTERS - _UNIQUE_COLUMN
_CELL_CHARACTERS = 18
_NOTHING = "........"


def heading(header: Event, options: Iterable[str], *, name: str) -> Iterator[str]:
    """What stands before the first page.

    Args:
        header: of the trace.
        options: what is selected, as `KEYWORD=value`; none: everything.
        name: of the file.
    """
    yield "     **** GTFTRACE DISPLAY OPTIONS IN EFFECT ****"
    yield f" {' '.join(options) or 'ALL'}"
    yield ""
    yield "     **** GTF DATA COLLECTION OPTIONS IN EFFECT: ****"
    yield f" LEVEL={_head(header, 'level', 'protocol').upper()} PROOF={'NO' if header.get('proof') is False else 'YES'}"
    yield ""
    yield "     **** GTF TRACING ENVIRONMENT ****"
    yield f"        Data set: {printable(name)}"
    yield f"        Release: lparvm {_head(header, 'lparvm')}   Format: {_head(header, 'version')}"
    scenario, seed, clock = (_head(header, one) for one in ("scenario", "seed", "clock"))
    yield f"        Scenario: {scenario}   Seed: {seed}   Clock: {clock}   Started: {_head(header, 'started')}"
    yield ""


def _head(header: Event, name: str, default: str = "unknown") -> str:
    return printable(str(header.get(name, default)))


class Pages:
    """Puts lines on pages: titles at the top of each.

    Attributes:
        number: of the page that was begun last.
    """

    def __init__(self, title: str, *, lines: int = LINES_A_PAGE) -> None:
        """Begin.

        Args:
            title: what the listing is about.
            lines: of a page, titles included; 0: one page without end.
        """
        self.number = 0
        self._title, self._lines = printable(title), lines
        self._left = 0

    def put(self, lines: list[str]) -> Iterator[str]:
        """An entry. It goes to a new page where it doesn't fit; one that is longer than a page just goes on."""
        if not self.number or (self._lines and self._left < len(lines)):
            yield from self._turn()
        for line in lines:
            if self._lines and self._left <= 0:
                yield from self._turn()
            self._left -= 1
            yield line

    def _turn(self) -> Iterator[str]:
        self.number += 1
        page = f"PAGE {self.number:05d}"
        if self.number > 1:
            yield ""
        title = f"LPARVM TRACE FORMAT - {self._title}"[: LINE_CHARACTERS - len(page) - 1]
        yield f"{title:<{LINE_CHARACTERS - len(page)}}{page}"
        yield ""
        yield _HEADINGS
        self._left = self._lines - 3


def entry(event: Event) -> list[str]:
    """The lines of an event."""
    cause, step, op = event["cause"], event["step"], event["op"]
    columns = (
        f"{_hex(event['seq'])} {_time(event['t'])} {printable(event['actor']):<16} "
        f"{printable(event_identifier(event['event'])):<9} {'' if step is None else step!s:<3} "
        f"{'' if op is None else printable(op):<9} {'' if cause is None else _hex(cause):<8} "
    )
    rows = list(_rows(event))
    return [(columns + (rows[0] if rows else "")).rstrip(), *(" " * _UNIQUE_COLUMN + row for row in rows[1:])]


def ending(trailer: Event | None, shown: Counter[str], events: int) -> Iterator[str]:
    """What stands after the last page: which event each identifier stands for, and how the trace ends.

    Args:
        trailer: of the trace; None: it was cut off.
        shown: how many events were put on pages, by name.
        events: how many there are.
    """
    yield ""
    yield "     **** EVENT IDENTIFIERS ****"
    for name, count in sorted(shown.items()):
        yield f" {printable(event_identifier(name)):<9} {printable(name):<32} {count:>10}"
    yield ""
    total = f"{shown.total()} OF {events} EVENTS SHOWN"
    if trailer is None:
        yield f"     **** TRACE WAS CUT OFF - {total} ****"
    else:
        verdict = printable(str(trailer.get("verdict", "unknown"))).upper()
        yield f"     **** END OF TRACE - VERDICT {verdict} - {total} ****"


def _rows(event: Event) -> Iterator[str]:
    """The unique fields, in cells of equal width; a long value takes several cells, or rows of its own."""
    row = ""
    for path, value in leaves({name: value for name, value in event.items() if name not in COMMON_FIELDS}):
        # Cut again: escapes of control characters are longer than these.
        name = printable(field_keyword(name_of(path)))[:KEYWORD_CHARACTERS]
        keyword = f"{name:.<{KEYWORD_CHARACTERS}} "
        text = _value(value)
        width = len(keyword) + len(text)
        if row and len(row) + width > _UNIQUE_CHARACTERS:
            yield row.rstrip()
            row = ""
        while len(row) + len(keyword) + len(text) > _UNIQUE_CHARACTERS:
            room = _UNIQUE_CHARACTERS - len(row) - len(keyword)
            yield row + keyword + text[:room]
            row, text, keyword = "", text[room:], " " * len(keyword)
        row += f"{keyword}{text} "
        row = row.ljust(-(-len(row) // _CELL_CHARACTERS) * _CELL_CHARACTERS)
    if row:
        yield row.rstrip()


def _value(value: Any) -> str:
    kind = type(value)
    if kind is bool:
        return "Y" if value else "N"
    if kind is int:
        return _hex(value)
    if kind is str and value:
        text = printable(value)
        return text if " " not in text else f"'{text}'"
    return _NOTHING if value is None or kind is not float else repr(value)


def _hex(value: int) -> str:
    return f"{value:08X}" if value >= 0 else f"-{-value:07X}"


def _time(t_ns: int) -> str:
    seconds, ns = divmod(t_ns, NS_PER_S)
    minutes, second = divmod(seconds, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}.{ns:09d}"
