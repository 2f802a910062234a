"""Counts the states of every configuration anew, for docs/statespace.md: `python tools/draw_statespace.py [--check]`.

The page is written by hand, but for the two tables between the marks. They take some minutes.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a clone that is not installed works as well

import drawn_page

from lparvm.assembly import Parts
from lparvm.protocol.lifecycle_record import HoldOperation, UnholdOperation
from lparvm.protocol.operation_record import OperationRecord
from lparvm.protocol.relocation_record import Relocation
from lparvm.protocol.resizing_record import Expansion, Shrinkage
from lparvm.stress.statespace import CONFIGURATIONS, Configuration, explore, report_lines
from lparvm.stress.statespace.rows import RowsTaken

PAGE = Path(__file__).resolve().parents[1] / "docs" / "statespace.md"
KINDS: dict[str, type[OperationRecord]] = {
    "MVSTOR and XCHSTOR": Relocation,
    "EXPAND": Expansion,
    "SHRINK": Shrinkage,
    "STOP": HoldOperation,
    "START": UnholdOperation,
}
COUNTS_HEAD = (
    "| configuration | what | LPARs, LIPs, IOPs | states | transitions | depth | at rest | in all orders |\n"
    "|---|---|---|---:|---:|---:|---:|---:|\n"
)
ROWS_HEAD = "| operation | states and events in its table | never taken |\n|---|---:|---|\n"


def draw() -> str:
    """The page as it stands, with both tables made anew.

    Raises:
        SystemExit: an invariant does not hold.
    """
    text, taken = PAGE.read_text(encoding="utf-8"), RowsTaken()
    counts = "".join(count_row(one, taken) for one in CONFIGURATIONS.values())
    text = _between(text, "counts", COUNTS_HEAD + counts)
    return _between(text, "rows", ROWS_HEAD + "".join(_rows_taken(taken)))


def count_row(one: Configuration, taken: RowsTaken) -> str:
    """A row of the first table.

    Raises:
        SystemExit: an invariant does not hold.
    """
    found = explore(one, Parts(advance=taken.advance))
    if not found.holds:
        raise SystemExit("\n".join(["draw_statespace: this does not hold", *report_lines([(one, found)])]))
    size = f"{len(one.lpars)}, {len(one.lips)}, {len(one.iops)}"
    orders = "" if one.large or one.pairwise else f"{explore(one, reduced=False).states:,}"
    counts = f"{found.states:,} | {found.transitions:,} | {found.depth} | {found.at_rest:,}"
    return f"| `{one.name}` | {one.title} | {size} | {counts} | {orders} |\n"


def _rows_taken(taken: RowsTaken) -> Iterator[str]:
    for title, kind in KINDS.items():
        missed = taken.missed(kind)
        told = ", ".join(f"`{state}` on `{event}`" for state, event in missed) or "none"
        yield f"| {title} | {taken.rows_of(kind)} | {told} |\n"


def _between(text: str, mark: str, part: str) -> str:
    """The page with another part between two marks.

    Raises:
        SystemExit: the marks are not there.
    """
    begin, end = f"<!-- {mark}: begin -->\n", f"<!-- {mark}: end -->\n"
    before, found, rest = text.partition(begin)
    _, also, after = rest.partition(end)
    if not (found and also):
        raise SystemExit(f"draw_statespace: {PAGE.name} has no marks for the {mark}")
    return f"{before}{begin}\n{part}\n{end}{after}"


def main(arguments: list[str] | None = None) -> int:
    """See `drawn_page`."""
    return drawn_page.main(draw, PAGE, "tools/draw_statespace.py", __doc__ or "", arguments)


if __name__ == "__main__":
    sys.exit(main())
