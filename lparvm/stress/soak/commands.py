"""Draws commands for a machine as it is: mostly such that can be carried out, and some that are refused."""

import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

from attrs import frozen

from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.protocol.lpar_entry import LparEntry
from lparvm.protocol.messages import FrameRow

_T = TypeVar("_T")
_STRAY_PERCENT = 5
"""Of the targets: anywhere, also where somebody else is."""
# An LPAR loses or gains a part of what there is at most: else one of them soon has all that is free.
_PART = 4
_WAITS = ("", "", "", " BUSY=HALT", " BUSY=WAIT", " QUIESCE=20ms", " QUIESCE=5ms BUSY=HALT", " TEST")
_DISPLAYS = ("FRAME", "STORAGE", "DEVICES", "OPERATIONS", "CALIBRATION")


@frozen
class Situation:
    """The machine when a command is drawn.

    Attributes:
        rows: the LPAR frame.
        frames: size of main storage.
        lpars: every LPAR, active or not.
    """

    rows: Sequence[FrameRow]
    frames: int
    lpars: Mapping[str, LparEntry]

    def gaps(self, without: str = "") -> tuple[Zone, ...]:
        """What is free, and where one LPAR is, if it is named."""
        gaps, at = [], 0
        for row in self.rows:
            if row.name != without:
                gaps.append(Zone(at, row.origin - at))
                at = row.origin + row.size
        gaps.append(Zone(at, max(0, self.frames - at)))
        return tuple(gap for gap in gaps if gap.extent)


class CommandDraw:
    """One operator's commands."""

    def __init__(self, draw: random.Random) -> None:
        """`draw` decides everything."""
        self._draw = draw
        self._kinds = {
            self.move: 40, self.move_beside: 8, self.move_and_expand: 5, self.exchange: 14, self.expand: 8,
            self.shrink: 8, self.plan: 5, self.reply: 6, self.display: 4, self.cancel: 2,
        }  # fmt: skip

    def command(self, now: Situation) -> str:
        """The next one."""
        (kind,) = self._draw.choices(tuple(self._kinds), tuple(self._kinds.values()))
        return kind(now)

    def pause_ns(self, most_ns: int) -> int:
        """Some time."""
        return self._draw.randrange(most_ns)

    def chance(self, percent: int) -> bool:
        """Whether it happens."""
        return self._draw.randrange(100) < percent

    def one_of(self, choices: Sequence[_T]) -> _T:
        """Any of them."""
        return self._draw.choice(choices)

    def lpar(self, now: Situation) -> FrameRow:
        """Any that is active."""
        return self._draw.choice(now.rows)

    # --- what there is ------------------------------------------------------------------------------------

    def move(self, now: Situation) -> str:
        """To where it fits, mostly: beside its old area, over it, or far away."""
        row = self.lpar(now)
        fitting = [gap for gap in now.gaps(row.name) if gap.extent >= row.size]
        if self.chance(_STRAY_PERCENT) or not fitting:
            origin = self._draw.randrange(now.frames)
        else:
            gap = self._draw.choice(fitting)
            room = gap.extent - row.size
            origin = gap.origin + self._draw.choice((0, room, self._draw.randint(0, room)))
        return f"MVSTOR {row.name} HSA={origin * PAGE_BYTES}{self._waits()}"

    def move_beside(self, now: Situation) -> str:
        """To the end, or beside another one."""
        row, other = self.lpar(now), self.lpar(now)
        target = self._draw.choice((f"BEFORE={other.name}", f"AFTER={other.name}", "END"))
        return f"MVSTOR {row.name} {target}{self._waits()}"

    def move_and_expand(self, now: Situation) -> str:
        """A command of two operations."""
        row = self.lpar(now)
        by = self._draw.randint(1, max(1, row.gap // _PART))
        return f"{self.move(now)} EXPAND={row.name},SIZE={(row.size + by) * PAGE_BYTES}"

    def exchange(self, now: Situation) -> str:
        """Of two LPARs; neighbours more often than not, for what lies between is in the way."""
        place = self._draw.randrange(len(now.rows))
        other = self._draw.choice((place - 1, self._draw.randrange(len(now.rows))))
        return f"XCHSTOR {now.rows[place].name} {now.rows[other].name}{self._waits()}"

    def expand(self, now: Situation) -> str:
        """Into the gap behind it."""
        row = self.lpar(now)
        by = self._draw.randint(1, max(1, row.gap // _PART))
        return f"EXPAND {row.name} SIZE={(row.size + by) * PAGE_BYTES}"

    def shrink(self, now: Situation) -> str:
        """By a part of it; a guest that can't do without refuses."""
        row = self.lpar(now)
        by = self._draw.randint(1, max(1, row.size // _PART))
        return f"SHRINK {row.name} SIZE={max(1, row.size - by) * PAGE_BYTES}"

    def plan(self, now: Situation) -> str:
        """Room, or a larger LPAR; carried out as often as not."""
        free = sum(gap.extent for gap in now.gaps())
        row = self.lpar(now)
        by = self._draw.randint(1, max(1, free // _PART))
        room = self._draw.randint(1, max(1, free))
        goal = self._draw.choice((
            f"FREE {room * PAGE_BYTES}", f"EXPAND {row.name} SIZE={(row.size + by) * PAGE_BYTES}",
        ))  # fmt: skip
        return f"PLAN {goal}{self._draw.choice(('', ' GO'))}"

    def reply(self, now: Situation) -> str:
        """A line for the console."""
        del now
        return f'REPLY TYPIST "line {self._draw.getrandbits(48):012x}"'

    def display(self, now: Situation) -> str:
        """Any of them."""
        del now
        return f"DISPLAY {self._draw.choice(_DISPLAYS)}"

    def cancel(self, now: Situation) -> str:
        """Whatever is under way for an LPAR, if anything is."""
        return f"CANCEL {self.lpar(now).name}"

    def _waits(self) -> str:
        return self._draw.choice(_WAITS)
