"""phases-in-order: a relocation goes through its phases in the patent's order, and skips no step.

Checked, by a table of its own (not the relocation machine's):
- each phase follows one that it may follow, and carries its step;
- what ends a phase has happened before the next one begins: no LIP of the LPAR is in SIE (201); and in this
  operation, every IOP quiesced (202), the area reserved (203), the move ended with all pages moved (204 to
  209), the map's entry changed (SALE acknowledged), a LIP in SIE (210; a guest that failed need not start);
- an LPAR is in one relocation at a time; a relocation that began has reported (211) at the end of the run,
  unless the run was interrupted.

Not checked: how long a phase takes; the states within a phase; messages.
`checked` counts phases entered.
"""

from collections.abc import Mapping

from attrs import define, field

from lparvm.trace.rules.base import Checker, Event, Handler
from lparvm.trace.rules.running import tells_failure

_START = "(start)"
# Phase -> its step, and the phases that may follow it.
_TABLE: dict[str, tuple[int | None, tuple[str, ...]]] = {
    _START: (None, ("ADMITTING", "STOPPING")),
    "ADMITTING": (None, ("STOPPING", "REPORTED")),
    "STOPPING": (201, ("QUIESCING", "BACKING_OUT")),
    "QUIESCING": (202, ("CHECKING", "BACKING_OUT")),
    "CHECKING": (203, ("MOVING", "BACKING_OUT")),
    "MOVING": (204, ("NOTIFYING", "BACKING_OUT")),
    "NOTIFYING": (None, ("RESTARTING", "BACKING_OUT")),
    "RESTARTING": (210, ("REPORTED",)),
    "BACKING_OUT": (None, ("REPORTED",)),
    "REPORTED": (211, ()),
}
# Phase -> what ended the one before it, where that doesn't depend on the LPAR's parts.
_ENDS = {"MOVING": ["area.reserved"], "NOTIFYING": ["move.ended"], "RESTARTING": ["zone.moved"]}


@define
class _Operation:
    """A relocation under way, and what has happened in it."""

    lpar: str
    phase: str = _START
    seen: set[str] = field(factory=set)  # asked for members only, never walked


class PhasesInOrder(Checker):
    """Phases follow the table; what ends a phase has happened."""

    name = "phases-in-order"

    def listen(self) -> Mapping[str, Handler]:
        """Phases, and the facts that end them."""
        self._in_sie: dict[tuple[str, str], int] = {}  # (LPAR, LIP) -> since when
        self._iops: dict[str, tuple[str, ...]] = {}
        self._failed: set[str] = set()  # asked for members only
        self._operations: dict[str, _Operation] = {}
        self._interrupted = False
        self._ended = False
        evidence = (
            "lip.stopped", "guest.ended", "iop.quiesced", "area.reserved", "move.ended", "zone.moved",
            "sie.issued",
        )  # fmt: skip
        return {
            "lpar.activated": self._activated,
            "phase.entered": self._phase,
            "command.answered": self._answered,
            "machine.ended": self._machine_ended,
            **dict.fromkeys(evidence, self._evidence),
        }

    def _activated(self, event: Event) -> None:
        self._iops[event["lpar"]] = tuple(event["iops"])
        self._failed.discard(event["lpar"])

    def _evidence(self, event: Event) -> None:
        name = event["event"]
        if tells_failure(event):
            self._failed.add(event["lpar"])
        if name == "sie.issued":
            self._in_sie[event["lpar"], event["lip"]] = event["t"]
        elif name in {"lip.stopped", "guest.ended"}:
            self._in_sie.pop((event["lpar"], event["lip"]), None)
        operation = self._operations.get(event["op"])
        if operation is None:
            return
        if name == "move.ended":
            if event["inverse"] or event["outcome"] != "moved":
                return
        elif name == "iop.quiesced":
            name = f"iop.quiesced {event['iop']}"
        operation.seen.add(name)

    def _phase(self, event: Event) -> None:
        self.checked += 1
        op, lpar, phase = event["op"], event["lpar"], event["phase"]
        operation = self._operations.get(op)
        if operation is None:
            self._one_at_a_time(event)
            operation = self._operations[op] = _Operation(lpar)
        step, _ = _TABLE.get(phase, (None, ()))
        _, successors = _TABLE[operation.phase]
        if phase not in successors:
            self.violate(event, f"{phase} follows {operation.phase}")
        else:
            missing = [fact for fact in self._needed(operation, phase) if fact not in operation.seen]
            if missing:
                self.violate(event, f"{phase} entered without {', '.join(missing)}")
        if event["step"] != step:
            self.violate(event, f"{phase} carries step {event['step']}, expected {step}")
        if phase == "REPORTED":
            del self._operations[op]
        elif phase in _TABLE:
            operation.phase = phase

    def _needed(self, operation: _Operation, phase: str) -> list[str]:
        """What must have happened before a phase is entered the regular way."""
        lpar = operation.lpar
        if phase == "QUIESCING":
            return [f"lip.stopped {lip}" for name, lip in self._in_sie if name == lpar]
        if phase == "CHECKING":
            return [f"iop.quiesced {iop}" for iop in self._iops.get(lpar, ())]
        if phase == "REPORTED":
            starts = operation.phase == "RESTARTING" and lpar not in self._failed
            return ["sie.issued"] if starts else []
        return _ENDS.get(phase, [])

    def _one_at_a_time(self, event: Event) -> None:
        for op, other in self._operations.items():
            if other.lpar == event["lpar"]:
                self.violate(event, f"{event['lpar']} is held by {op} in phase {other.phase}")

    def _answered(self, event: Event) -> None:
        if event["result"] == "INTERRUPTED":
            self._operations.pop(event["op"], None)

    def _machine_ended(self, event: Event) -> None:
        self._ended, self._interrupted = True, event["interrupted"]

    def end(self) -> None:
        """A run that was not interrupted leaves no relocation half way."""
        if self._ended and not self._interrupted:
            for op, operation in self._operations.items():
                self.violate(None, f"{op} of {operation.lpar} is still in phase {operation.phase}")
