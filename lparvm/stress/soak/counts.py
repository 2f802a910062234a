"""What a soak did, in bounded memory: whatever is kept here must not look like a leak of the machine."""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from lparvm.arch.address import PAGE_BYTES
from lparvm.protocol.news import CommandResult
from lparvm.protocol.results import Result

Event = Mapping[str, Any]

_STEPS_AN_E_FOLD = 100
"""Times are counted in classes that are 1 % wide."""
_RELOCATIONS = ("MVSTOR", "XCHSTOR")


class Times:
    """Durations, of which the median is known to 1 %, and the longest exactly.

    Attributes:
        count: how many.
        longest_ns: the longest; 0 of none.
    """

    def __init__(self) -> None:
        """None yet."""
        self.count = self.longest_ns = 0
        self._classes: Counter[int] = Counter()

    def add(self, duration_ns: int) -> None:
        """One more."""
        self.count += 1
        self.longest_ns = max(self.longest_ns, duration_ns)
        self._classes[round(math.log(max(1, duration_ns)) * _STEPS_AN_E_FOLD)] += 1

    def quantile_ns(self, share: float) -> int:
        """What so large a share of them is not above, about; 0 of none."""
        left = share * self.count
        for place, count in sorted(self._classes.items()):
            left -= count
            if left <= 0:
                return min(self.longest_ns, round(math.exp(place / _STEPS_AN_E_FOLD)))
        return 0


class Counts:
    """What was done.

    Attributes:
        results: by verb and result.
        answers: how long commands took to their answer.
        stops: how long the LIP that stood longest stood in each move and exchange that completed.
        relocations: moves and exchanges that were committed, also those of a plan.
        moved_bytes: of pages that were moved and stayed.
        steps: of LPARs' guests, verified in all lives that have ended.
        lives: how many those were.
        problems: of the guests, as they tell them.
    """

    def __init__(self) -> None:
        """Nothing yet."""
        self.results: Counter[tuple[str, Result]] = Counter()
        self.answers, self.stops = Times(), Times()
        self.relocations = self.moved_bytes = 0
        self.steps: Counter[str] = Counter()
        self.lives: Counter[str] = Counter()
        self.problems: list[str] = []
        self._moved_by: str | None = None

    @property
    def commands(self) -> int:
        """How many were answered."""
        return self.answers.count

    def add(self, result: CommandResult) -> None:
        """A command was answered."""
        verb = verb_of(result.text)
        self.results[verb, result.result] += 1
        self.answers.add(result.answered_ns - result.at_ns)
        self.moved_bytes += result.pages * PAGE_BYTES
        longest = result.longest_stop
        if verb in _RELOCATIONS and result.result is Result.COMPLETED and longest is not None:
            self.stops.add(longest.stopped_ns)

    def feed(self, event: Event) -> None:
        """A listener of the trace."""
        match event["event"]:
            case "zone.moved":
                # An exchange moves two zones in one step.
                self.relocations += event["op"] != self._moved_by
                self._moved_by = event["op"]
            case "guest.verified":
                self.steps[event["lpar"]] += event["steps"]
                self.lives[event["lpar"]] += 1
            case "guest.damaged":
                where = f"guest absolute {event['address']:#x}"
                told = f"expected {event['expected']}, found {event['found']}"
                self.problems.append(f"{event['lpar']}: damage at {where}: {told}")


def verb_of(text: str) -> str:
    """The verb of a command; of a PLAN with GO, both words."""
    words = text.split()
    return "PLAN GO" if words[0] == "PLAN" and words[-1] == "GO" else words[0]
