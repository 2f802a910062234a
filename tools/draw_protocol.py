"""Draws docs/protocol.md from the tables of all operations: `python tools/draw_protocol.py [--check]`.

All about states, transitions, orders and ignored events is read from `lparvm.protocol`; who sends what to
whom, and why, is written in `protocol_page`. The generator refuses to draw a page that leaves out a kind of
operation, a message of the protocol or the reason of an ignored event.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a clone that is not installed works as well

import drawn_page
from protocol_page import prose
from protocol_page.drawing import rows, section
from protocol_page.machines import DRAWN, undrawn
from protocol_page.reasons import unreasoned
from protocol_page.routes import ROUTES, route_row, unrouted

PAGE = Path(__file__).resolve().parents[1] / "docs" / "protocol.md"


def draw() -> str:
    """The whole page.

    Raises:
        SystemExit: an operation has no section, a message no route, or an ignored event no reason.
    """
    ignored = {event for drawn in DRAWN for _, event in drawn.machine.ignored}
    missing = [*undrawn(), *unrouted(), *unreasoned(ignored)]
    if missing:
        raise SystemExit(f"draw_protocol: add a section, a route or a reason for {', '.join(missing)}")
    tables = rows(
        (f"[{one.title}](#{_anchor(one.title)})", f"`lparvm/protocol/{one.source}`") for one in DRAWN
    )
    parts = (
        prose.INTRO + tables,
        prose.ACTORS + rows(map(route_row, ROUTES)),
        prose.COURSE,
        prose.STANDSTILL,
        prose.READING,
        *(section(drawn) for drawn in DRAWN),
        prose.COMPOSITES,
    )
    return "".join(parts)


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


def main(arguments: list[str] | None = None) -> int:
    """See `drawn_page`."""
    return drawn_page.main(draw, PAGE, "tools/draw_protocol.py", __doc__ or "", arguments)


if __name__ == "__main__":
    sys.exit(main())
