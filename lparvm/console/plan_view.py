"""What `lparvm plan` shows: the plan, and storage before and after it."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from lparvm.arch.address import PAGE_BYTES
from lparvm.console.render import frame
from lparvm.planning import Planning
from lparvm.protocol.plan_model import Plan
from lparvm.protocol.plan_text import plan_lines
from lparvm.units import format_size

_COLUMNS = 64


def planning_parts(planning: Planning) -> Iterator[RenderableType]:
    """What is shown, in this order, with an empty line before each."""
    frames = planning.scenario.main_storage_frames
    yield frame("before", planning.rows(after=False), frames)
    yield Text("\n".join(plan_lines(planning.plan)))
    if isinstance(planning.plan, Plan):
        after = frame("after", planning.rows(after=True), frames)
        yield Group(after, _mark(planning, frames))


def _mark(planning: Planning, frames: int) -> Text:
    """A line below the bar that shows where the room is."""
    room = planning.room
    assert room is not None, "a plan makes room"
    first = room.origin * _COLUMNS // frames
    last = max(first + 1, -(-room.end * _COLUMNS // frames))
    name = f" {format_size(room.extent * PAGE_BYTES)}"
    return Text("  " + " " * first + "^" * (last - first) + name, style="bold")
