"""The page steps of an exchange of two zones, as a short program: which frames change contents, in what order.

The program is a row of *phases*, each of `count` *runs* of equal size. A run either swaps the contents of two
areas of frames or shifts those of one to another. Because the extents of the runs follow Euclid's algorithm,
there are a few phases a digit of the extents (some forty at most), however many runs there are: every step is
found from its number, forwards and backwards, and nothing grows with the zones.

With the lower zone L of l pages, the upper one U of u pages, and l < u (Gries and Mills, "Swapping Sections",
Cornell TR 81-452):

1. L changes places with the last l pages of U. L is then where it belongs.
2. The first u - l pages of U are shifted down to the others, over the gap, if there is one.
3. U's two parts, now side by side in the wrong order, change sides: as long as one is longer, the shorter one
   changes places with the far end of the longer one, and is then where it belongs.

With l > u the same from the other end, with equal extents only the first step.
"""

import enum
from collections.abc import Iterator
from typing import NamedTuple

from attrs import frozen

from lparvm.arch.address import Zone
from lparvm.arch.exchange_geometry import frames_between_needed, in_order


class RunKind(enum.StrEnum):
    """What happens to the two areas of a run."""

    SWAP = "swap"
    SHIFT = "shift"


class Run(NamedTuple):
    """Areas `[first_frame, first_frame + pages)` and `[second_frame, second_frame + pages)`, host absolute.

    A swap exchanges their contents; the areas don't overlap. A shift copies the contents of the first to the
    second, which may overlap; what is left behind in the first means nothing any more.
    """

    kind: RunKind
    first_frame: int
    second_frame: int
    pages: int

    @property
    def descending(self) -> bool:
        """Whether the pages come from the last to the first: those of a shift upwards, so that none is lost."""
        return self.kind is RunKind.SHIFT and self.second_frame > self.first_frame

    def part(self, start: int, end: int) -> "Run":
        """Its pages `[start, end)`, counted from the lowest."""
        return Run(self.kind, self.first_frame + start, self.second_frame + start, end - start)

    def steps(self, start: int, end: int) -> "Run":
        """Its steps `[start, end)`, counted in the order in which they are done."""
        return self.part(self.pages - end, self.pages - start) if self.descending else self.part(start, end)

    def inverted(self) -> "Run":
        """The run that takes it back."""
        if self.kind is RunKind.SWAP:
            return self
        return Run(self.kind, self.second_frame, self.first_frame, self.pages)


@frozen
class Phase:
    """Runs of equal size, one after another.

    A page of one run only ever meets pages with the same number in the other runs: this is what makes lanes
    of a phase independent of each other.

    Attributes:
        run: the first run.
        count: how many runs.
        first_stride: frames from the first area of a run to that of the next run.
        second_stride: the same of the second area.
    """

    run: Run
    count: int = 1
    first_stride: int = 0
    second_stride: int = 0

    @property
    def steps(self) -> int:
        """Page steps of all its runs."""
        return self.run.pages * self.count

    def run_at(self, index: int) -> Run:
        """One of its runs."""
        kind, first, second, pages = self.run
        return Run(kind, first + index * self.first_stride, second + index * self.second_stride, pages)


def exchange_program(one: Zone, other: Zone) -> tuple[Phase, ...]:
    """The phases that exchange two zones."""
    lower, upper = in_order(one, other)
    swapped = min(lower.extent, upper.extent)
    longer = upper.extent - lower.extent
    if longer > 0:
        closed = lower.end
        phases = [
            Phase(Run(RunKind.SWAP, lower.origin, upper.origin + longer, swapped)),
            Phase(Run(RunKind.SHIFT, upper.origin, closed, longer)),
            *_rotation(lower.origin, swapped, longer),
        ]
    elif longer < 0:
        closed = upper.origin + longer
        phases = [
            Phase(Run(RunKind.SWAP, lower.origin, upper.origin, swapped)),
            Phase(Run(RunKind.SHIFT, lower.origin + swapped, closed, -longer)),
            *_rotation(closed, -longer, swapped),
        ]
    else:
        phases = [Phase(Run(RunKind.SWAP, lower.origin, upper.origin, swapped))]
    # Without a gap there is nothing to close.
    return tuple(phase for phase in phases if phase.run.first_frame != phase.run.second_frame)


def pages_copied(one: Zone, other: Zone) -> int:
    """How many pages an exchange copies: two for each step that swaps, one for each that shifts."""
    return sum(
        phase.steps * (2 if phase.run.kind is RunKind.SWAP else 1) for phase in exchange_program(one, other)
    )


def between_filled_from(one: Zone, other: Zone) -> tuple[Zone, Zone] | None:
    """The pages that come first to the frames between two zones, and those frames; None where none are needed.

    What is needed between is filled by the shift, before anything else comes there.
    """
    for needed in frames_between_needed(one, other):
        shift = next(phase.run for phase in exchange_program(one, other) if phase.run.kind is RunKind.SHIFT)
        return Zone(needed.origin - shift.second_frame + shift.first_frame, needed.extent), needed
    return None


def _rotation(origin: int, left: int, right: int) -> Iterator[Phase]:
    """Phases that let the two sections from `origin`, of `left` and `right` pages, change sides."""
    while left != right:
        if left < right:
            # The left section goes to the right end, the other's end comes for it: `count` times.
            count = (right - 1) // left
            yield Phase(Run(RunKind.SWAP, origin, origin + right, left), count, 0, -left)
            right -= count * left
        else:
            count = (left - 1) // right
            yield Phase(Run(RunKind.SWAP, origin, origin + left, right), count, right, 0)
            origin += count * right
            left -= count * right
    yield Phase(Run(RunKind.SWAP, origin, origin + left, left))
