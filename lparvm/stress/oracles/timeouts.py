"""Timeouts: what came after its time was up no longer counts, and no time goes by without being told."""

from attrs import frozen

from lparvm.stress.oracles.problem import Problem
from lparvm.trace.writer import Event

SLACK_NS = 1_500_000
"""LPAR control may be dead for a moment when a time is up."""
_LIMITS = {
    "STOPPING": ("STOP=", "stop_ns", "StopTimedOut"),
    "QUIESCING": ("QUIESCE=", "quiesce_ns", "QuiesceTimedOut"),
}


@frozen
class _Phase:
    """A phase that an operation is in, for so long at most; then it is told that the time is over."""

    name: str
    since_ns: int


class TimeoutWatch:
    """A listener of a run's trace.

    Attributes:
        problems: what it found.
    """

    def __init__(self, *, exact: bool) -> None:
        """`exact`: timers run out when they are due, as nothing is frozen and the clock never jumps."""
        self._exact = exact
        self._limits: dict[str, Event] = {}  # operation -> the message that began it
        self._phases: dict[str, _Phase] = {}
        self._over: dict[tuple[str, str], int | None] = {}  # (operation, event) -> its number
        self.problems: list[Problem] = []

    def feed(self, told: Event) -> None:
        """Look at an event."""
        name = told["event"]
        if name in ("MoveStorage", "ExchangeStorage"):
            self._limits[told["op"]] = told
        elif name in ("StopTimedOut", "QuiesceTimedOut"):
            self._over[told["op"], name] = told["seq"]
        elif name == "phase.entered":
            self._entered(told)

    def _entered(self, told: Event) -> None:
        op, phase = told["op"], told["phase"]
        if phase == "QUIESCING":
            # Sent to one mailbox, both: what was sent first is seen first.
            over, cause = self._over.get((op, "StopTimedOut")), told["cause"]
            if over is not None and cause is not None and cause > over:
                self._tell(f"{op} waits for I/O of {told['lpar']}, whose stop came after STOP= was over")
        before = self._phases.get(op)
        if before is None or before.name != phase:
            if before is not None and self._exact:
                self._judge(op, before, told["t"])
            self._phases[op] = _Phase(phase, told["t"])

    def _judge(self, op: str, phase: _Phase, now_ns: int) -> None:
        if phase.name not in _LIMITS or op not in self._limits:
            return
        word, field, event = _LIMITS[phase.name]
        limit_ns = self._limits[op].get(field)
        if limit_ns is None or (op, event) in self._over:
            return
        took_ns = now_ns - phase.since_ns
        if took_ns > limit_ns + SLACK_NS:
            self._tell(f"{op} was {phase.name} for {took_ns} ns, and nobody was told that {word} was over")

    def _tell(self, text: str) -> None:
        self.problems.append(Problem("timeouts", text))
