"""Timeouts: what came after its time was up no longer counts."""

from lparvm.stress.oracles.problem import Problem
from lparvm.trace.writer import Event


class TimeoutWatch:
    """A listener of a run's trace.

    Attributes:
        problems: what it found.
    """

    def __init__(self) -> None:
        """Nothing has timed out."""
        self._stop_over: dict[str, int] = {}
        self.problems: list[Problem] = []

    def feed(self, told: Event) -> None:
        """Look at an event."""
        name = told["event"]
        if name == "StopTimedOut":
            self._stop_over[told["op"]] = told["seq"]
        elif name == "phase.entered" and told["phase"] == "QUIESCING":
            # Sent to one mailbox, both: what was sent first is seen first.
            over, cause = self._stop_over.get(told["op"]), told["cause"]
            if over is not None and cause is not None and cause > over:
                text = f"{told['op']} waits for I/O of {told['lpar']}, whose stop came after STOP= was over"
                self.problems.append(Problem("timeouts", text))
