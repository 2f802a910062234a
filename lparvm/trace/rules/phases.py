"""phases-in-order: an operation goes through its phases in their order, a relocation in the patent's, and skips none.

Checked, by a table of its own (not the operations' machines):
- each phase follows one that it may follow, and carries its step; of an operation on two LPARs both enter each;
- what ends a phase has happened before the next one begins: no LIP of the LPAR is in SIE (201); and in this
  operation, every IOP quiesced (202), the area reserved (203), the move or exchange ended with all pages moved (204
  to 209), the map's entry changed (SALE acknowledged), a LIP in SIE (210; a guest that failed, is held or is not
  loaded need not start); a zone that grew or shrank was resized, a guest that was asked has answered, an LPAR that
  is loaded or deactivated was reset at every IOP;
- an LPAR is in one operation at a time; an operation that began has reported (211) at the end of the run,
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
    "ADMITTING": (
        None, ("STOPPING", "EXTENDING", "ASKING", "RESETTING", "LOADING", "BACKING_OUT", "REPORTED"),
    ),
    "STOPPING": (201, ("QUIESCING", "RESETTING", "BACKING_OUT", "REPORTED")),
    "QUIESCING": (202, ("CHECKING", "BACKING_OUT")),
    "CHECKING": (203, ("MOVING", "NOTIFYING", "BACKING_OUT")),
    "MOVING": (204, ("NOTIFYING", "BACKING_OUT")),
    "NOTIFYING": (None, ("RESTARTING", "BACKING_OUT")),
    "RESTARTING": (210, ("REPORTED",)),
    "EXTENDING": (None, ("BACKING_OUT", "REPORTED")),
    "ASKING": (None, ("SHRINKING", "STOPPING", "REPORTED")),
    "SHRINKING": (None, ("BACKING_OUT", "REPORTED")),
    "RESETTING": (None, ("LOADING", "REPORTED")),
    "LOADING": (None, ("BACKING_OUT", "REPORTED")),
    "BACKING_OUT": (None, ("REPORTED",)),
    "REPORTED": (211, ()),
}  # fmt: skip
# (phase, the one before it) -> what ended that one, where it doesn't depend on the LPAR's parts.
_ENDS = {
    ("MOVING", "CHECKING"): ["area.reserved"],
    ("NOTIFYING", "MOVING"): ["moved"],
    ("SHRINKING", "ASKING"): ["guest.answered"],
}
# Facts that any of several may tell: the new place of a zone.
_NEW_ZONE = ("zone.moved", "zone.resized")


@define
class _Operation:
    """An operation under way on an LPAR, and what has happened in it."""

    phase: str = _START
    seen: set[str] = field(factory=set)  # asked for members only, never walked


class PhasesInOrder(Checker):
    """Phases follow the table; what ends a phase has happened."""

    name = "phases-in-order"
    steps = tuple(range(201, 212))

    def listen(self) -> Mapping[str, Handler]:
        """Phases, and the facts that end them."""
        self._in_sie: dict[tuple[str, str], int] = {}  # (LPAR, LIP) -> since when
        self._iops: dict[str, tuple[str, ...]] = {}
        self._still: dict[str, str] = {}  # LPARs that need not start, and why
        self._operations: dict[tuple[str, str], _Operation] = {}  # by operation and LPAR
        self._interrupted = False
        self._ended = False
        evidence = (
            "lip.stopped", "guest.ended", "iop.quiesced", "area.reserved", "zone.moved", "zone.resized",
            "sie.issued", "guest.answered", "lpar.reset",
        )  # fmt: skip
        return {
            "lpar.activated": self._activated,
            "lpar.deactivated": self._deactivated,
            "guest.loaded": self._loaded,
            "guest.verified": self._unloaded,
            "guest.held": self._held,
            "phase.entered": self._phase,
            "command.answered": self._answered,
            "machine.ended": self._machine_ended,
            "move.ended": self._move_ended,
            "exchange.ended": self._exchange_ended,
            **dict.fromkeys(evidence, self._evidence),
        }

    def _activated(self, event: Event) -> None:
        self._iops[event["lpar"]] = tuple(event["iops"])
        self._still[event["lpar"]] = "is not loaded"

    def _deactivated(self, event: Event) -> None:
        self._iops.pop(event["lpar"], None)
        self._still[event["lpar"]] = "is not active"

    def _loaded(self, event: Event) -> None:
        self._still.pop(event["lpar"], None)

    def _unloaded(self, event: Event) -> None:
        """A guest's life has ended, and the LPAR has none until the next one is loaded."""
        self._still[event["lpar"]] = "is not loaded"

    def _held(self, event: Event) -> None:
        if event["held"]:
            self._still.setdefault(event["lpar"], "is held")
        elif self._still.get(event["lpar"]) == "is held":
            del self._still[event["lpar"]]

    def _move_ended(self, event: Event) -> None:
        if not event["inverse"] and event["outcome"] == "moved":
            self._note(event, event["lpar"], "moved")

    def _exchange_ended(self, event: Event) -> None:
        if not event["inverse"] and event["outcome"] == "moved":
            for lpar in (event["lower"], event["upper"]):
                self._note(event, lpar, "moved")

    def _evidence(self, event: Event) -> None:
        name, lpar = event["event"], event["lpar"]
        if tells_failure(event):
            self._still[lpar] = "has failed"
        if name == "sie.issued":
            self._in_sie[lpar, event["lip"]] = event["t"]
        elif name in {"lip.stopped", "guest.ended"}:
            self._in_sie.pop((lpar, event["lip"]), None)
        if name in {"iop.quiesced", "lpar.reset"}:
            name = f"{name} {event['iop']}"
        self._note(event, lpar, name)

    def _note(self, event: Event, lpar: str, fact: str) -> None:
        operation = self._operations.get((event["op"], lpar))
        if operation is not None:
            operation.seen.add(fact)

    def _phase(self, event: Event) -> None:
        self.checked += 1
        op, lpar, phase = event["op"], event["lpar"], event["phase"]
        operation = self._operations.get((op, lpar))
        if operation is None:
            self._one_at_a_time(event)
            operation = self._operations[op, lpar] = _Operation()
        step, _ = _TABLE.get(phase, (None, ()))
        _, successors = _TABLE[operation.phase]
        if phase not in successors:
            self.violate(event, f"{phase} follows {operation.phase}")
        else:
            missing = self._missing(operation, lpar, phase)
            if missing:
                self.violate(event, f"{phase} entered without {', '.join(missing)}")
        if event["step"] != step:
            self.violate(event, f"{phase} carries step {event['step']}, expected {step}")
        if phase == "REPORTED":
            del self._operations[op, lpar]
        elif phase in _TABLE:
            operation.phase = phase

    def _missing(self, operation: _Operation, lpar: str, phase: str) -> list[str]:
        """What should have happened before a phase is entered the regular way."""
        if phase == "QUIESCING":
            return [f"lip.stopped {lip}" for name, lip in self._in_sie if name == lpar]
        if phase == "RESTARTING":
            return [] if any(fact in operation.seen for fact in _NEW_ZONE) else ["zone.moved"]
        if (phase, operation.phase) == ("NOTIFYING", "CHECKING"):
            # Only a zone that shrinks where it is has nothing to move.
            return ["MOVING"] if "area.reserved" in operation.seen else []
        needed = _ENDS.get((phase, operation.phase), [])
        if phase == "CHECKING":
            needed = [f"iop.quiesced {iop}" for iop in self._iops.get(lpar, ())]
        elif operation.phase == "RESETTING":
            needed = [f"lpar.reset {iop}" for iop in self._iops.get(lpar, ())]
        elif operation.phase == "RESTARTING" and lpar not in self._still:
            needed = ["sie.issued"]
        return [fact for fact in needed if fact not in operation.seen]

    def _one_at_a_time(self, event: Event) -> None:
        for (op, lpar), other in self._operations.items():
            if lpar == event["lpar"]:
                self.violate(event, f"{lpar} is held by {op} in phase {other.phase}")

    def _answered(self, event: Event) -> None:
        if event["result"] == "INTERRUPTED":
            op = event["op"]
            parts = f"{op}."
            for key in [key for key in self._operations if key[0] == op or key[0].startswith(parts)]:
                del self._operations[key]

    def _machine_ended(self, event: Event) -> None:
        self._ended, self._interrupted = True, event["interrupted"]

    def end(self) -> None:
        """A run that was not interrupted leaves no operation half way."""
        if self._ended and not self._interrupted:
            for (op, lpar), operation in self._operations.items():
                self.violate(None, f"{op} of {lpar} is still in phase {operation.phase}")
