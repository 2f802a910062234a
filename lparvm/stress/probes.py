"""The rare situations that a campaign must reach: each a question to the events of a run.

What was never reached was never tested. Every probe was seen by a campaign of 2,000 seeds; one that no longer is says
that the swarm draws something less than before.
"""

from collections.abc import Callable, Mapping

from lparvm.dst.probes import sometimes
from lparvm.protocol.results import Result
from lparvm.trace.writer import Event

_CANCELLED_IN = {
    phase: f"a command was cancelled in {phase}"
    for phase in ("ADMITTING", "STOPPING", "QUIESCING", "CHECKING", "MOVING", "ASKING", "LOADING")
}
_TOO_LATE_IN = {phase: f"a CANCEL came too late, in {phase}" for phase in ("NOTIFYING", "RESTARTING")}
_RESULTS = {
    Result.TARGET_TAKEN: "frames were taken between the early check and the one that counts",
    Result.STOP_TIMED_OUT: "a LIP did not stop in time",
    Result.QUIESCE_TIMED_OUT: "a device did not end in time, and the move was given up",
    Result.SALE_REFUSED: "an IOP refused SALE, and the move was backed out",
    Result.STORAGE_FAULT: "the mover had a machine check, and the move was backed out",
    Result.MOVE_FAILED: "the mover failed, and the move was backed out",
    Result.CHECK_STOPPED: "an LPAR was check-stopped",
    Result.LPAR_IN_OPERATION: "a command was refused because another operation holds its LPAR",
    Result.MOVED_NOT_EXPANDED: "an LPAR was moved, and the other one not expanded",
    Result.STORAGE_IN_USE: "SHRINK met storage in use",
    Result.NO_PLAN: "there was no plan",
}
_EVENTS = {
    "start.held": "a start was held",
    "start.deferred": "a start waited for its device",
    "transfer.refused": "a program that was given up came late and was refused",
    "device.ended": "a device ended after its operation had given it up",
    "frame.retired": "a faulty frame was taken out of use",
    "interruption.cleared": "a pending interruption was cleared",
}
_DEAD = "LPAR control died in {phase}"
_DIED_IN = tuple(
    _DEAD.format(phase=one) for one in ("QUIESCING", "MOVING", "NOTIFYING", "RESTARTING", "BACKING_OUT")
)
_OTHERS = (
    "a CANCEL came when its command was answered already",
    "a move went up over itself",
    "a move went down over itself",
    "a move was taken back from its middle",
    "an exchange was taken back from its middle",
    "zones of unequal sizes changed places",
    "an interruption was pending across a move",
    "starts were held on two IOPs at once",
    "two LPARs were moving at once",
    "an LPAR with two LIPs was moved",
    "devices were cleared after a quiesce had timed out",
    "a quiesce timed out at the very moment at which an IOP answered",
    "a guest was signalled while another LPAR was moving",
    "a stopped guest was moved",
)
PROBES: tuple[str, ...] = (
    *_CANCELLED_IN.values(), *_TOO_LATE_IN.values(), *_RESULTS.values(), *_EVENTS.values(), *_DIED_IN, *_OTHERS,
)  # fmt: skip


class ProbeWatch:
    """A listener of a run's trace."""

    def __init__(self) -> None:
        """Nothing happened yet."""
        self._phases: dict[str, str] = {}  # by operation
        self._of: dict[str, str] = {}  # LPAR -> its latest operation
        self._asked: dict[str, str] = {}  # operation, and its CANCEL -> the phase in which that was given
        self._moving: dict[str, str] = {}  # LPAR -> operation that relocates it
        self._lips: Mapping[str, list[str]] = {}
        self._timed_out: dict[str, int] = {}
        self._held_at: dict[str, set[str]] = {}
        self._held_lpars: set[str] = set()
        self._stopped_lips: dict[tuple[str, str], set[str]] = {}
        self._looks: dict[str, Callable[[Event], None]] = {
            "command.answered": self._answered,
            "phase.entered": self._entered,
            "part.failed": self._died,
            "CancelOperation": self._cancel,
            "move.started": self._move_started,
            "move.ended": self._transfer_ended,
            "exchange.started": self._exchange_started,
            "exchange.ended": self._transfer_ended,
            "interruptions.kept": self._kept,
            "start.held": self._start_held,
            "starts.released": self._released,
            "lip.stopped": self._stopped,
            "zone.moved": self._moved,
            "ClearBusyDevices": self._clear,
            "QuiesceTimedOut": self._timeout,
            "IopQuiesced": self._quiesced,
            "guest.signalled": self._signalled,
            "guest.held": self._guest_held,
        }

    def feed(self, told: Event) -> None:
        """Look at an event."""
        name = told["event"]
        if name in _EVENTS:
            sometimes(_EVENTS[name])
        look = self._looks.get(name)
        if look is not None:
            look(told)

    # --- operations -----------------------------------------------------------------------------------------

    def _answered(self, told: Event) -> None:
        op, result = told["op"], told["result"]
        if result in _RESULTS:
            sometimes(_RESULTS[result])
        asked = self._asked.pop(op, "")
        if result == Result.CANCELLED and asked in _CANCELLED_IN:
            sometimes(_CANCELLED_IN[asked])
        if result == Result.NOT_CANCELLABLE and asked in _TOO_LATE_IN:
            sometimes(_TOO_LATE_IN[asked])
        self._phases.pop(op, None)
        self._timed_out.pop(op, None)

    def _entered(self, told: Event) -> None:
        op, phase, lpar = told["op"], told["phase"], told["lpar"]
        self._phases[op] = phase
        self._of[lpar] = op
        if phase == "MOVING":
            self._moving[lpar] = op
            if len(set(self._moving.values())) > 1:
                sometimes("two LPARs were moving at once")
        elif self._moving.get(lpar) == op:
            del self._moving[lpar]

    def _cancel(self, told: Event) -> None:
        """Where an operation stands when its CANCEL is given: both commands' answers are judged by that."""
        named: str = told["target"]
        target = self._of.get(named, named)
        phase = self._phases.get(target)
        if phase is not None:
            self._asked[told["op"]] = self._asked[target] = phase

    def _died(self, _told: Event) -> None:
        for phase in self._phases.values():
            name = _DEAD.format(phase=phase)
            if name in _DIED_IN:
                sometimes(name)

    # --- transfers ------------------------------------------------------------------------------------------

    def _move_started(self, told: Event) -> None:
        apart = told["target_frame"] - told["source_frame"]
        if not told["inverse"] and abs(apart) < told["pages"]:
            sometimes("a move went up over itself" if apart > 0 else "a move went down over itself")

    def _exchange_started(self, told: Event) -> None:
        if told["lower_frames"] != told["upper_frames"]:
            sometimes("zones of unequal sizes changed places")

    def _transfer_ended(self, told: Event) -> None:
        done = told.get("pages_across", told.get("steps_done", 0))
        if not told["inverse"] and told["outcome"] != "moved" and told["outcome"] != "exchanged" and done:
            moves = told["event"] == "move.ended"
            sometimes(f"{'a move' if moves else 'an exchange'} was taken back from its middle")

    # --- guests and I/O -------------------------------------------------------------------------------------

    def _kept(self, told: Event) -> None:
        if told["numbers"]:
            sometimes("an interruption was pending across a move")

    def _start_held(self, told: Event) -> None:
        held = self._held_at.setdefault(told["lpar"], set())
        held.add(told["iop"])
        if len(held) > 1:
            sometimes("starts were held on two IOPs at once")

    def _released(self, told: Event) -> None:
        self._held_at.get(told["lpar"], set()).discard(told["iop"])

    def _stopped(self, told: Event) -> None:
        self._stopped_lips.setdefault((told["op"], told["lpar"]), set()).add(told["lip"])

    def _moved(self, told: Event) -> None:
        if len(self._stopped_lips.get((told["op"], told["lpar"]), ())) > 1:
            sometimes("an LPAR with two LIPs was moved")
        if told["lpar"] in self._held_lpars:
            sometimes("a stopped guest was moved")

    def _clear(self, told: Event) -> None:
        if told["op"] in self._timed_out:
            sometimes("devices were cleared after a quiesce had timed out")

    def _timeout(self, told: Event) -> None:
        self._timed_out[told["op"]] = told["t"]

    def _quiesced(self, told: Event) -> None:
        if self._timed_out.get(told["op"]) == told["t"]:
            sometimes("a quiesce timed out at the very moment at which an IOP answered")

    def _signalled(self, told: Event) -> None:
        if any(lpar != told["lpar"] for lpar in self._moving):
            sometimes("a guest was signalled while another LPAR was moving")

    def _guest_held(self, told: Event) -> None:
        if told["held"]:
            self._held_lpars.add(told["lpar"])
        else:
            self._held_lpars.discard(told["lpar"])
