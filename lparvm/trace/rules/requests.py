"""requests-answered: of the messages between actors, every request is answered, by whom it was sent to, and once.

Checked, by a table of its own (not the protocol's), of the messages that the file holds:
- an answer goes from the actor that was asked to the one that asked, in the same operation and about the same LPAR,
  and answers one request that is open: none is answered twice, none that was never made;
- at the end of a run that was not interrupted, no request is open whose command was answered, nor one older than a
  second. Excused are a stop that was rescinded (RestartGuest), what a LIP was told that hasn't reached an instruction
  boundary since its stop, a signal that was settled, and commands answered by INTERRUPTED. An IOP may tell that it is
  quiet or busy without being asked.

Not checked: what an answer says; the guests' own traffic (StartIo, interceptions: that is starts-end-once); messages
that are no requests; a run whose trace holds no messages (`unchecked`).
`checked` counts requests that were answered.
"""

from collections.abc import Iterator, Mapping

from attrs import define

from lparvm.config import RULE_ANSWERS_KEPT_MAX
from lparvm.trace.rules.base import Checker, Event, Handler

_SOON_NS = 1_000_000_000
"""A message that was sent has been handled by then, also under the real clock."""

_ENDED = ("OperationEnded",)
_QUIET = ("IopQuiesced", "IopBusy")
# Request -> any of these answers it.
_ANSWERS: dict[str, tuple[str, ...]] = {
    # The service processor asks LPAR control, the resource manager, an IOP.
    "MoveStorage": _ENDED, "ExchangeStorage": _ENDED, "ExpandStorage": _ENDED, "ShrinkStorage": _ENDED,
    "DefineLpar": _ENDED, "ActivateLpar": _ENDED, "DeactivateLpar": _ENDED, "LoadLpar": _ENDED,
    "HoldLpar": _ENDED, "UnholdLpar": _ENDED, "CancelOperation": _ENDED,
    "QueryFrame": ("FrameReported",), "VaryPath": ("PathVaried",), "EnterLine": ("LineEntered",),
    # LPAR control asks the resource manager, and it the IOPs.
    "CheckAreas": ("AreasFree", "AreaTaken"), "ReserveAreas": ("AreasReserved", "AreaTaken"),
    "ReserveExtension": ("ExtensionReserved", "AreaTaken"), "AssignZone": ("ZoneAssigned", "AreaTaken"),
    "SetAddressLimits": ("AddressLimitsSet", "AddressLimitsRefused"),
    "SetAddressLimit": ("AddressLimitSet", "AddressLimitRefused"),
    "ReleaseAreas": ("AreasReleased",), "FreeZone": ("ZoneFreed",), "QueryHoldings": ("HoldingsReported",),
    # LPAR control asks the IOPs.
    "QuiesceIop": _QUIET, "ReportBusyDevices": _QUIET, "ReleaseHeldStarts": ("HeldStartsReleased",),
    "AttachLpar": ("LparAttached",), "DetachLpar": ("LparDetached",), "ResetLpar": ("LparReset",),
    # LPAR control asks LIP control.
    "StopGuest": ("GuestStopped",), "RestartGuest": ("GuestRestarted",), "HoldGuest": ("GuestHeld",),
    "PrepareGuest": ("GuestPrepared",), "StartGuest": ("GuestStarted",), "ResetGuest": ("GuestReset",),
    "ChangeExtent": ("ExtentChanged",), "SettleSignal": ("SignalSettled",),
    "SignalGuest": ("GuestSignalled", "GuestUnreachable", "GuestAnswered"),
    # LIP control asks the LIPs.
    "StopLip": ("LipStopped",), "StartInterpretiveExecution": ("InterpretiveExecutionStarted",),
    "AttachProcessor": ("ProcessorAttached",), "DetachProcessor": ("ProcessorDetached",),
    "SetExtent": ("ExtentSet",), "PresentSignal": ("SignalPresented",),
}  # fmt: skip
# Answers that are told unasked, too.
_UNASKED = frozenset(_QUIET)
# What takes back a request of the same two actors in the same operation; an answer may be on its way already.
_TAKES_BACK = {"RestartGuest": "StopGuest", "SettleSignal": "SignalGuest"}
# What a LIP answers when it gets to an instruction boundary.
_AT_BOUNDARY = frozenset(("StopLip", "StartInterpretiveExecution"))


def _asked() -> dict[str, tuple[str, ...]]:
    """Answer -> the requests that it may answer."""
    asked: dict[str, tuple[str, ...]] = {}
    for request, answers in _ANSWERS.items():
        for answer in answers:
            asked[answer] = (*asked.get(answer, ()), request)
    return asked


_REQUESTS = _asked()


@define
class _Request:
    """A request that is open.

    Attributes:
        event: the message.
        excused: it was taken back: it may stay without answer.
    """

    event: Event
    excused: bool = False


class RequestsAnswered(Checker):
    """Every request between actors is answered once."""

    name = "requests-answered"
    steps = (201, 202, 203, 210, 211)

    def listen(self) -> Mapping[str, Handler]:
        """Requests and answers; when commands were answered, and the machine ended."""
        # By what is asked, who asks, who is asked, and the operation; in the order in which they were sent.
        self._open: dict[tuple[str, object, object, object], list[_Request]] = {}
        self._answered: dict[str, bool] = {}  # command -> it was answered by INTERRUPTED; the last ones
        self._messages = False
        self._begun = False
        self._ended_ns: int | None = None
        return {
            **dict.fromkeys(_ANSWERS, self._request),
            **dict.fromkeys(_REQUESTS, self._answer),
            "machine.started": self._started,
            "command.answered": self._command,
            "machine.ended": self._machine_ended,
        }

    def undecided_reason(self) -> str | None:
        """A run at level off tells no messages."""
        return "no messages are told at this level" if self._begun and not self._messages else None

    def _started(self, _event: Event) -> None:
        self._begun = True

    def _request(self, event: Event) -> None:
        self._messages = True
        name, asks, asked, op = event["event"], event["actor"], event.get("to"), event["op"]
        taken_back = _TAKES_BACK.get(name)
        if taken_back is not None:
            for one in self._open.get((taken_back, asks, asked, op), ()):
                one.excused = one.excused or _same_lpar(one.event, event)
        self._open.setdefault((name, asks, asked, op), []).append(_Request(event))

    def _answer(self, event: Event) -> None:
        self._messages = True
        name, op = event["event"], event["op"]
        for request in _REQUESTS[name]:
            key = request, event.get("to"), event["actor"], op
            waiting = self._open.get(key, [])
            found = next((one for one in waiting if _same_lpar(one.event, event)), None)
            if found is not None:
                self.checked += 1
                waiting.remove(found)
                if not waiting:
                    del self._open[key]
                return
        if name not in _UNASKED:
            who = f"{event['actor']} answers {event.get('to')} by {name}"
            self.violate(event, f"{who}, but there is no open {' or '.join(_REQUESTS[name])} for it")

    def _command(self, event: Event) -> None:
        if event["op"] is not None:
            self._answered[event["op"]] = event["result"] == "INTERRUPTED"
            if len(self._answered) > RULE_ANSWERS_KEPT_MAX:
                # Whatever was asked for it, and stayed open, counts by its age.
                del self._answered[next(iter(self._answered))]

    def _machine_ended(self, event: Event) -> None:
        if not event["interrupted"]:
            self._ended_ns = event["t"]

    def _left(self) -> Iterator[Event]:
        """The requests that stay open without excuse."""
        stopping = {(key[2], str(one.event.get("lpar"))) for key, many in self._open.items() for one in many
                    if key[0] == "StopLip"}  # fmt: skip
        for key, many in self._open.items():
            for one in many:
                lip = key[2], str(one.event.get("lpar"))
                if not one.excused and not (
                    key[0] in _AT_BOUNDARY and lip in stopping and self._rescinded(key)
                ):
                    yield one.event

    def _rescinded(self, key: tuple[str, object, object, object]) -> bool:
        """Whether the LIP was told to start again before it had stopped: then it does both, or none."""
        _, asks, asked, op = key
        return all((name, asks, asked, op) in self._open for name in _AT_BOUNDARY)

    def end(self) -> None:
        """Find the requests that nobody answered."""
        if self._ended_ns is None:
            return
        for event in sorted(self._left(), key=lambda one: one["t"]):
            interrupted = None if event["op"] is None else self._answered.get(_whole(event["op"]))
            over = interrupted is not None or self._ended_ns - event["t"] > _SOON_NS
            if over and not interrupted:
                self.violate(event, f"to {event.get('to')}: it was never answered")


def _same_lpar(one: Event, other: Event) -> bool:
    """Whether two messages may be about the same LPAR: not all tell one."""
    mine, its = one.get("lpar"), other.get("lpar")
    return mine is None or its is None or mine == its


def _whole(op: str) -> str:
    """The command's operation: `op.3` of `op.3.1`."""
    return ".".join(op.split(".", 2)[:2])
