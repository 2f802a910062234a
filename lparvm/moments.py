"""Moments of a run that a scenario names by how far an operation is: `when = { phase = "MOVING", page = 4096 }`.

What is to happen at a moment happens in the very step in which that is told: between a page and the next, a message
and the next. So it must be synchronous and tell nothing itself.
"""

from collections.abc import Callable, Mapping
from typing import Any

from lparvm.scenario.model import Moment
from lparvm.trace.rules.base import Event

# The events that tell how far a move or an exchange is, and the field that says it.
_CURSORS = {"chunk.moved": "pages_across", "chunk.exchanged": "steps_done"}


class Moments:
    """Those that something waits for. `watch` is a listener of the machine's trace."""

    def __init__(self) -> None:
        """Nothing waits."""
        self._waiting: list[tuple[Moment, Callable[[], None]]] = []
        self._phases: dict[str, str] = {}

    def at(self, moment: Moment, then: Callable[[], None]) -> None:
        """Call `then`, once, when this moment has come."""
        self._waiting.append((moment, then))

    def watch(self, event: Event) -> None:
        """Look whether this event is somebody's moment."""
        if event["event"] == "phase.entered":
            self._phases[event["lpar"]] = event["phase"]
        elif event["event"] not in _CURSORS:
            return
        for one in tuple(self._waiting):
            moment, then = one
            if _has_come(moment, event, self._phases):
                self._waiting.remove(one)
                then()


def _has_come(moment: Moment, event: Event, phases: Mapping[str, str]) -> bool:
    lpars = _lpars_of(event)
    if moment.lpar is not None and moment.lpar not in lpars:
        return False
    if event["event"] == "phase.entered":
        return moment.page is None and bool(event["phase"] == moment.phase)
    if moment.page is None or event["inverse"]:
        return False
    reached: int = event[_CURSORS[event["event"]]]
    return reached >= moment.page and moment.phase in (None, phases.get(lpars[0]))


def _lpars_of(event: Mapping[str, Any]) -> tuple[str, ...]:
    return (event["lower"], event["upper"]) if "lower" in event else (event["lpar"],)
