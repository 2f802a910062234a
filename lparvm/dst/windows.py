"""What happens beside the order of the tasks, at steps that are chosen: jumps of the clock, and freezes."""

import math
from collections.abc import Callable

from attrs import frozen

from lparvm.dst.tape import Tape

JUMP_WINDOW_STEPS = 64
FREEZE_WINDOW_STEPS = 256
JUMP_KINDS = 2
"""To the next deadline, or half of the way."""
FREEZE_NS = (10_000, 100_000, 1_000_000, 10_000_000)
"""How long a frozen task stays so at least, in ns of virtual time."""
NEVER = 1 << 62
"""A step that no run comes to."""


@frozen
class Chaos:
    """What happens beside the order of the tasks.

    Attributes:
        jumps: in so many of 100 windows of `JUMP_WINDOW_STEPS` steps the clock jumps.
        jump_max_s: a jump that would be farther is left out.
        freezes: in so many of 100 windows of `FREEZE_WINDOW_STEPS` steps a task is frozen.
        freezable: which tasks may be, by name.
    """

    jumps: int = 0
    freezes: int = 0
    jump_max_s: float = math.inf
    freezable: Callable[[str], bool] = lambda _name: True


class Window:
    """Something that happens at most once in a window of steps; the choice is where in it, and how; 0: not at all.

    Attributes:
        due: the step at which `strikes` is to be asked next; before, nothing happens.
    """

    def __init__(self, tape: Tape, name: str, steps: int, kinds: int, percent: int) -> None:
        """In `percent` of 100 windows, at any step, in one of so many kinds; by a tape that is given, as it says."""
        self._stream, self._steps, self._kinds = tape.stream(name), steps, kinds
        places = steps * kinds
        # As many numbers more as make it happen in that share.
        self._numbers = 1 + (places if tape.replays else max(places, places * 100 // max(1, percent)))
        self._end = self._at = self._value = 0
        self.due = 0 if (self._stream.gives if tape.replays else percent) else NEVER

    def strikes(self, step: int) -> int | None:
        """At this step: the kind, where it happens now; only then the choice is noted as something else than 0."""
        if step >= self._end:
            self._open(step)
        if step < self._at:
            return None
        self._at, self.due = NEVER, self._end
        self._stream.values[-1] = self._value
        return (self._value - 1) % self._kinds

    def spared(self) -> None:
        """What struck last had no effect: it is noted as if it had not been chosen."""
        self._stream.values[-1] = 0

    def _open(self, step: int) -> None:
        self._end = self.due = step + self._steps
        self._at = NEVER
        self._value = self._stream.draw(self._numbers)
        self._stream.values[-1] = 0
        if 0 < self._value <= self._steps * self._kinds:
            self._at = self.due = step + (self._value - 1) // self._kinds
