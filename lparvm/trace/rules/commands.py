"""commands-answered: every command is answered, once, and then it is over.

Checked:
- each `command.received` has one `command.answered` of the same operation; none is answered that wasn't
  received; at the end of a run that was not interrupted, none is left;
- no fact of an operation, or of a part of it (`op.3.1` of `op.3`), is told after its answer. Excused are
  `lip.stopped`, `sie.issued` and `zone.noted`: when a stop is rescinded because a LIP doesn't reach an
  instruction boundary, that LIP stops and starts again when it does, which may be long after the answer; and
  `device.ended`, `transfer.refused` and `iop.quiesced`: a device that an operation gave up on ends when it ends.

Not checked: whether the result is the right one (scenarios tell what they expect); messages between actors; an
operation that goes on when thousands of others were answered after it.
`checked` counts commands.
"""

from collections.abc import Mapping

from lparvm.config import RULE_ANSWERS_KEPT_MAX
from lparvm.trace.rules.base import Checker, Event, Handler
from lparvm.trace.vocabulary import FACTS, Level

_EXCUSED = frozenset((
    "lip.stopped", "sie.issued", "zone.noted", "device.ended", "transfer.refused", "iop.quiesced",
))  # fmt: skip


class CommandsAnswered(Checker):
    """Every command is answered once."""

    name = "commands-answered"
    steps = (211,)

    def listen(self) -> Mapping[str, Handler]:
        """Commands and answers, and all else that can belong to an operation."""
        self._open: dict[str, str] = {}  # operation -> the command's text
        self._answered: dict[str, int] = {}  # operation -> when; the last ones
        self._ended = False
        # Slices and transfers are a guest's own: leaving them out keeps this rule off the hot path.
        facts = [kind.name for kind in FACTS if kind.level <= Level.PROTOCOL and kind.name not in _EXCUSED]
        return {
            **dict.fromkeys(facts, self._other),
            "command.received": self._received,
            "command.answered": self._answer,
            "machine.ended": self._machine_ended,
        }

    def _received(self, event: Event) -> None:
        self.checked += 1
        op = event["op"]
        if op is None:
            self.violate(event, f"{event['text']!r} has no operation")
        elif op in self._open or op in self._answered:
            self.violate(event, f"{op} was received already")
        else:
            self._open[op] = event["text"]

    def _answer(self, event: Event) -> None:
        op = event["op"]
        if op in self._answered:
            self.violate(event, f"{op} was answered already, at {self._answered[op]} ns")
        elif self._open.pop(op, None) is None:
            self.violate(event, f"{op} is answered, but was never received")
        else:
            self._answered[op] = event["t"]
            if len(self._answered) > RULE_ANSWERS_KEPT_MAX:
                del self._answered[next(iter(self._answered))]

    def _other(self, event: Event) -> None:
        op = event["op"]
        if op is None:
            return
        op = _whole(op)
        if op in self._answered:
            self.violate(event, f"{op} goes on after its answer at {self._answered[op]} ns")

    def _machine_ended(self, event: Event) -> None:
        self._ended = not event["interrupted"]

    def end(self) -> None:
        """A run that was not interrupted leaves no command unanswered."""
        if self._ended:
            for op, text in self._open.items():
                self.violate(None, f"{op}, {text!r}, was never answered")


def _whole(op: str) -> str:
    """The command's operation: `op.3` of `op.3.1`."""
    return ".".join(op.split(".", 2)[:2])
