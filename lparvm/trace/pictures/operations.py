"""The operations of a trace: command, result, and how long guests stood still for them.

A part of a composite operation ("op.6.2") belongs to its command's operation ("op.6"); how long guests stood is told
of the part.
"""

from collections.abc import Mapping

from attrs import define, field, frozen

from lparvm.config import LPARS_MAX, PICTURE_BARS_MAX, PICTURE_OPERATIONS_MAX
from lparvm.trace.pictures.collecting import Collector, Event, Handler, durations_of, label, natural

MESSAGE_CHARACTERS_MAX = 2000
"""Of an answer, so much is kept; a longer one is cut."""


@frozen
class Prediction:
    """How long a guest should stand still, in ns."""

    low_ns: int
    expected_ns: int
    high_ns: int


@frozen
class Standing:
    """How long the guest of an LPAR stood still, told of the LIP that stood longest.

    Attributes:
        op: the operation, or its part.
        command: text of the command.
        lpar: whose guest it is.
        lip: the LIP that stood longest.
        stopped_ns: how long.
        phases_ns: (phase, ns) in the order told; they add up to `stopped_ns`.
        prediction: what was said before.
    """

    op: str
    command: str
    lpar: str
    lip: str
    stopped_ns: int
    phases_ns: tuple[tuple[str, int], ...]
    prediction: Prediction | None = None


@frozen
class Operation:
    """An operation, from its command to its answer.

    Attributes:
        op: its name.
        command: text of the command; empty where the trace doesn't hold it.
        begun_ns: when it was received, or first told of.
        ended_ns: when it was answered; None: it wasn't.
        result: name of the result, or empty.
        code: id of the message, or empty.
        message: the answer.
        lpars: whose phases were told.
    """

    op: str
    command: str
    begun_ns: int
    ended_ns: int | None = None
    result: str = ""
    code: str = ""
    message: str = ""
    lpars: tuple[str, ...] = ()


@frozen
class Operations:
    """All operations of a trace.

    Attributes:
        operations: in the order in which they began.
        standings: in the order told; the longest, where there are too many.
        left_out: commands whose operation is not listed.
        standings_left_out: standings that are not listed.
    """

    operations: tuple[Operation, ...]
    standings: tuple[Standing, ...]
    left_out: int = 0
    standings_left_out: int = 0

    def find(self, op: str) -> Operation | None:
        """The operation of a name, or of its part."""
        name = whole_of(op)
        return next((one for one in self.operations if one.op == name), None)


@define
class _Open:
    command: str
    begun_ns: int
    ended_ns: int | None = None
    result: str = ""
    code: str = ""
    message: str = ""
    lpars: list[str] = field(factory=list)


def whole_of(op: str) -> str:
    """The operation of a part: `op.6` of `op.6.2`."""
    return ".".join(op.split(".")[:2])


class OperationCollector(Collector):
    """Gathers `Operations`."""

    def __init__(self) -> None:
        super().__init__()
        self._open: dict[str, _Open] = {}
        self._left_out = 0
        # (part of an operation, LPAR) -> ...; in the order told.
        self._standings: dict[tuple[str, str], Standing] = {}
        self._standings_left_out = 0
        self._predictions: dict[tuple[str, str], Prediction] = {}

    def listen(self) -> Mapping[str, Handler]:
        """Commands, phases, standings."""
        return {
            "command.received": self._received,
            "command.answered": self._answered,
            "phase.entered": self._phase,
            "stop.predicted": self._predicted,
            "guest.stood": self._stood,
        }

    def finish(self) -> Operations:
        """All of them, after the last event."""
        self._keep_longest(PICTURE_BARS_MAX)
        operations = tuple(
            Operation(
                label(op), one.command, one.begun_ns, one.ended_ns, one.result, one.code, one.message,
                tuple(sorted(one.lpars, key=natural)),
            )
            for op, one in self._open.items()
        )  # fmt: skip
        standings = tuple(self._standings.values())
        return Operations(operations, standings, self._left_out, self._standings_left_out)

    def _of(self, event: Event) -> _Open | None:
        """The operation of an event; None where it has none, or there are too many."""
        if event["op"] is None:
            return None
        op = whole_of(event["op"])
        if op not in self._open:
            if len(self._open) >= PICTURE_OPERATIONS_MAX:
                self._left_out += event["event"] == "command.received"
                return None
            self._open[op] = _Open("", event["t"])
        return self._open[op]

    def _received(self, event: Event) -> None:
        one = self._of(event)
        if one is not None:
            one.command = label(event["text"])

    def _answered(self, event: Event) -> None:
        one = self._of(event)
        if one is None:
            return
        one.command = one.command or label(event["text"])
        one.ended_ns = max(event["t"], one.begun_ns)
        one.result, one.code = label(event["result"]), label(event["code"])
        one.message = label(event["message"], MESSAGE_CHARACTERS_MAX)

    def _phase(self, event: Event) -> None:
        one = self._of(event)
        lpar = label(event["lpar"])
        if one is not None and lpar not in one.lpars and len(one.lpars) < LPARS_MAX:
            one.lpars.append(lpar)

    def _predicted(self, event: Event) -> None:
        told = Prediction(event["low_ns"], event["expected_ns"], event["high_ns"])
        self._predictions[event["op"] or "", label(event["lpar"])] = told
        if len(self._predictions) > PICTURE_OPERATIONS_MAX:
            del self._predictions[next(iter(self._predictions))]

    def _stood(self, event: Event) -> None:
        op, lpar, stopped_ns = event["op"] or "", label(event["lpar"]), event["stopped_ns"]
        before = self._standings.get((op, lpar))
        if stopped_ns < 0 or (before is not None and before.stopped_ns >= stopped_ns):
            return
        one = self._open.get(whole_of(op))
        self._standings[op, lpar] = Standing(
            label(op),
            one.command if one is not None else "",
            lpar,
            label(event["lip"]),
            stopped_ns,
            tuple((label(name), ns) for name, ns in durations_of(event["phases_ns"]).items()),
            self._predictions.get((op, lpar)),
        )
        if len(self._standings) >= 4 * PICTURE_BARS_MAX:
            self._keep_longest(PICTURE_BARS_MAX)

    def _keep_longest(self, count: int) -> None:
        if len(self._standings) <= count:
            return
        longest = sorted(self._standings.items(), key=lambda item: -item[1].stopped_ns)[:count]
        kept = dict(longest)
        self._standings_left_out += len(self._standings) - len(kept)
        self._standings = {key: one for key, one in self._standings.items() if key in kept}
