"""What led to an event: its chain of causes, back to the operator's command or the guest's own doing.

`Chains` remembers of each event that can be a cause a few numbers, in columns: 40 bytes an event, and at most
`TRACE_CAUSES_MAX` events; then the older half is forgotten.
"""

from array import array
from bisect import bisect_left, bisect_right

from attrs import frozen

from lparvm.config import TRACE_CAUSES_MAX, TRACE_CHAIN_LINKS_MAX
from lparvm.trace.rules.base import Event

# These cause nothing, and are most of a trace.
_LEAVES = frozenset(("storage.accessed", "slice.ended"))


@frozen
class Link:
    """An event of a chain.

    Attributes:
        seq: its number.
        line: its line in the file, from 1.
        t_ns: when, on the run clock.
        actor: who told it.
        event: its name.
        op: its operation.
    """

    seq: int
    line: int
    t_ns: int
    actor: str
    event: str
    op: str | None


@frozen
class Chain:
    """Causes of an event, the first one first, the event itself last.

    Attributes:
        links: the first one and the last ones, at most `TRACE_CHAIN_LINKS_MAX`.
        left_out: how many between the first and the second link are not told.
        whole: it goes back to an event without cause; else what was before is not known.
        command: the operator's command whose operation the event belongs to, which need not be its first cause (what
            a device does that an operation waited for has another); None where it belongs to none.
        text: of that command.
    """

    links: tuple[Link, ...]
    left_out: int
    whole: bool
    command: Link | None = None
    text: str = ""


class Chains:
    """The causes of a trace's events. `note` each event in the order of the file."""

    def __init__(self) -> None:
        self._names: list[str | None] = [None]
        self._index: dict[str | None, int] = {None: 0}
        self._commands: dict[str, tuple[Link, str]] = {}  # by operation
        self._seq, self._cause = array("q"), array("q")
        self._line, self._t = array("q"), array("q")
        self._actor, self._event, self._op = array("I"), array("I"), array("I")

    def note(self, event: Event, line: int) -> None:
        """Remember an event that stands in that line."""
        name = event["event"]
        if name in _LEAVES:
            return
        if len(self._seq) >= TRACE_CAUSES_MAX:
            self._forget()
        self._seq.append(event["seq"])
        self._cause.append(-1 if event["cause"] is None else event["cause"])
        self._line.append(line)
        self._t.append(event["t"])
        self._actor.append(self._number(event["actor"]))
        self._event.append(self._number(name))
        self._op.append(self._number(event["op"]))
        if name == "command.received" and event["op"] is not None:
            self._commands.setdefault(event["op"], (self._link(len(self._seq) - 1), event["text"]))

    def _number(self, name: str | None) -> int:
        number = self._index.get(name)
        if number is None:
            number = self._index[name] = len(self._names)
            self._names.append(name)
        return number

    def _forget(self) -> None:
        for column in (self._seq, self._cause, self._line, self._t, self._actor, self._event, self._op):
            del column[: TRACE_CAUSES_MAX // 2]

    def chain(self, event: Event) -> Chain:
        """The chain that ends in this event.

        The file's order is trusted as far as numbers ascend; a cause must have a lower number than what it caused.
        """
        found: list[int] = []
        seq, cause = event["seq"], -1 if event["cause"] is None else event["cause"]
        while 0 <= cause < seq and (at := self._find(cause)) is not None:
            found.append(at)
            seq, cause = cause, self._cause[at]
        found.reverse()
        left_out = max(0, len(found) + 1 - TRACE_CHAIN_LINKS_MAX)
        told = found[:1] + found[1 + left_out :]
        op = None if event["op"] is None else ".".join(event["op"].split(".", 2)[:2])  # `op.3` of `op.3.1`
        command, text = self._commands.get(op, (None, "")) if op is not None else (None, "")
        return Chain((*map(self._link, told), self.link(event)), left_out, cause < 0, command, text)

    def _find(self, seq: int) -> int | None:
        at = bisect_left(self._seq, seq)
        return at if at < len(self._seq) and self._seq[at] == seq else None

    def _link(self, at: int) -> Link:
        actor, event = str(self._names[self._actor[at]]), str(self._names[self._event[at]])
        return Link(self._seq[at], self._line[at], self._t[at], actor, event, self._names[self._op[at]])

    def line_of(self, seq: int) -> int | None:
        """The line of the event with this number; None where it isn't known.

        An event that is not remembered stands between two that are, as many lines on as numbers.
        """
        at = bisect_right(self._seq, seq) - 1
        if at < 0 or self._seq[at] == seq:
            return None if at < 0 else self._line[at]
        line, later = self._line[at] + seq - self._seq[at], at + 1
        if later < len(self._seq) and self._line[later] - line != self._seq[later] - seq:
            return None  # a line that is no event stands there, too
        return line

    def link(self, event: Event) -> Link:
        """An event as the end of its chain; line 0 where it isn't known."""
        line = self.line_of(event["seq"]) or 0
        return Link(event["seq"], line, event["t"], event["actor"], event["event"], event["op"])
