"""parts-in-order: what a command does in several parts, it does one after the other (claims 6 and 13).

MVSTOR with EXPAND moves an LPAR as `op.3.1` and expands another as `op.3.2`; a plan's steps are such parts, too.

Checked:
- a part begins when every earlier part of its command has reported, and comes behind it in number;
- when it begins, every LPAR of the earlier parts runs again: no LIP stands that one of them has stopped (a guest that
  failed, or is held, need not start).

Not checked: that a later part comes at all (an earlier one may fail); which parts a command has.
`checked` counts parts that follow another one of their command.
"""

from collections.abc import Mapping

from attrs import define, field

from lparvm.trace.rules.base import Checker, Event, Handler
from lparvm.trace.rules.running import Running


@define
class _Command:
    """A command of several parts.

    Attributes:
        last: number of its last part.
        open: LPARs that are in a phase -> their part.
        lpars: all LPARs of its parts -> in which they were last.
    """

    last: int = 0
    open: dict[str, int] = field(factory=dict)
    lpars: dict[str, int] = field(factory=dict)


class PartsInOrder(Checker):
    """Parts of a command follow one another."""

    name = "parts-in-order"
    claims = (6, 13)

    def listen(self) -> Mapping[str, Handler]:
        """Phases, and who runs."""
        self._commands: dict[str, _Command] = {}
        self._running = Running()
        return {
            "phase.entered": self._phase,
            "command.answered": self._answered,
            "lpar.activated": self._running.activated,
            "guest.loaded": self._running.activated,
            "guest.held": self._running.held,
            "guest.ended": self._running.over,
            "guest.verified": self._running.at_rest,
            "lip.stopped": self._running.stopped,
            "lpar.reset": self._running.at_rest,
            "sie.issued": self._running.sie,
        }

    def _phase(self, event: Event) -> None:
        command, part = _parts(event["op"])
        if part is None:
            return
        known, lpar = self._commands.setdefault(command, _Command()), event["lpar"]
        if part != known.last:
            if known.last:
                self.checked += 1
                self._judge(event, command, known, part)
            known.last = max(part, known.last)
        known.lpars[lpar] = part
        if event["phase"] == "REPORTED":
            known.open.pop(lpar, None)
        else:
            known.open[lpar] = part

    def _judge(self, event: Event, command: str, known: _Command, part: int) -> None:
        if part < known.last:
            self.violate(event, f"part {part} goes on after part {known.last} has begun")
        for lpar, other in known.open.items():
            if other != part:
                self.violate(event, f"part {part} begins, but part {other}, of {lpar}, has not reported")
        for lpar in known.lpars:
            standing = [
                lip for lip in self._running.standing_of(lpar) if self._stopped_by(command, lpar, lip)
            ]
            if standing:
                self.violate(event, f"part {part} begins, but {lpar} stands on {', '.join(standing)}")

    def _stopped_by(self, command: str, lpar: str, lip: str) -> bool:
        """Whether it stands for this command; somebody else may have stopped it since."""
        return _parts(self._running.stopped_by[lpar, lip])[0] == command

    def _answered(self, event: Event) -> None:
        self._commands.pop(str(event["op"]), None)


def _parts(op: str | None) -> tuple[str, int | None]:
    """The command's operation and the number of its part: `op.3`, 1 of `op.3.1`."""
    words = (op or "").split(".")
    return ".".join(words[:2]), int(words[2]) if len(words) > 2 and words[2].isdecimal() else None
