"""Runs of built-in scenarios; one serves all tests of a module that look at it."""

from typing import Any

from attrs import define, field

from lparvm.machine import Options
from lparvm.report import RunReport
from lparvm.runner import Clock, run

M = 1 << 8  # frames of a MB


@define
class Told:
    """A run: its report, and every event."""

    report: RunReport
    events: list[dict[str, Any]] = field(repr=False)

    def of(self, event: str, **fields: object) -> list[dict[str, Any]]:
        return [
            one
            for one in self.events
            if one["event"] == event and all(one.get(name) == value for name, value in fields.items())
        ]

    def zones(self) -> dict[str, tuple[int, int, int]]:
        """LPAR -> origin, size and gap in MB at the end."""
        return {row.name: (row.origin // M, row.size // M, row.gap // M) for row in self.report.frame_after}


_TOLD: dict[tuple[str, Clock], Told] = {}


def told(name: str, clock: Clock) -> Told:
    """The run, made when it is first asked for."""
    if (name, clock) not in _TOLD:
        events: list[dict[str, Any]] = []
        report = run(
            name, clock=clock, options=Options(listeners=(lambda event: events.append(dict(event)),))
        )
        _TOLD[name, clock] = Told(report, events)
    return _TOLD[name, clock]


def forget_runs() -> None:
    """Let go of their events."""
    _TOLD.clear()
