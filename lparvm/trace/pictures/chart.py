"""The message chart of an operation: who sent what to whom, in order.

A row an event, in the trace's total order; time is told beside the rows, as most of it passes in few of them. What
repeats itself (the chunks of a move) is one row for each kind, with a count. Messages of progress
(`OperationAdvanced`) are counted, not drawn.
"""

from collections.abc import Iterator, Mapping

from attrs import define, evolve, frozen

from lparvm.config import (
    PICTURE_CHART_ACTORS_MAX,
    PICTURE_CHART_EVENTS_MAX,
    PICTURE_CHART_ROWS_MAX,
    PICTURE_PAGE_CHARTS_MAX,
)
from lparvm.protocol.actor_names import LPAR_CONTROL, RESOURCE_MANAGER, SERVICE_PROCESSOR, lip_control_of
from lparvm.trace.pictures.collecting import Collector, Event, Handler, label, names_of, natural, step_of
from lparvm.trace.pictures.operations import whole_of
from lparvm.trace.vocabulary import VOCABULARY

PROGRESS = "OperationAdvanced"
# Facts that a chart shows. The others say what the messages around them say as well.
_FACTS = {
    "command.received": "text", "command.answered": "result", "area.reserved": "lpar", "zone.moved": "lpar",
    "zone.resized": "lpar", "lip.stopped": "lpar", "sie.issued": "lpar", "iop.quiesced": "lpar", "sale.set": "lpar",
    "move.started": "lpar", "chunk.moved": "lpar", "move.ended": "outcome", "exchange.started": "lower",
    "chunk.exchanged": "lower", "exchange.ended": "outcome", "area.poisoned": "lpar", "area.released": "lpar",
    "frame.retired": "frame", "guest.loaded": "lpar", "area.cleared": "lpar", "guest.answered": "answer",
    "custody.verified": "lpar", "part.failed": "part", "part.restarted": "part",
}  # fmt: skip
_CHUNKS = ("chunk.moved", "chunk.exchanged", "ChunkMoved")
_REPEATED_KINDS_MAX = 3
_REPEATED_TIMES_MIN = 3


@frozen
class Row:
    """A row.

    Attributes:
        t_ns: when; of what repeats itself, when first.
        sender: the actor that tells it.
        receiver: the actor that it is sent to; None: a fact.
        text: name of the message, or the fact.
        phase: of the operation.
        step: the patent's step, or None.
        count: how often.
        last_ns: when last.
        seq: number of the (first) event.
    """

    t_ns: int
    sender: str
    receiver: str | None
    text: str
    phase: str
    step: int | None
    count: int
    last_ns: int
    seq: int

    @property
    def key(self) -> tuple[object, ...]:
        """What repeats itself has the same."""
        return self.sender, self.receiver, self.text, self.phase, self.step


@frozen
class Chart:
    """A chart.

    Attributes:
        op: the operation, or its part.
        actors: from left to right.
        rows: in order.
        progress: messages of progress that are not drawn.
        left_out: events that are not drawn, because there are too many.
    """

    op: str
    actors: tuple[str, ...]
    rows: tuple[Row, ...]
    progress: int = 0
    left_out: int = 0


@define
class _Open:
    rows: list[Row]
    phase: str = ""
    progress: int = 0
    left_out: int = 0
    relocates: bool = False


class ChartCollector(Collector):
    """Gathers charts: of one operation, or of the first ones that do more than answer."""

    def __init__(self, op: str | None = None) -> None:
        """Of an operation or its part; None: of the first ones."""
        super().__init__()
        self._only = op
        self._open: dict[str, _Open] = {}
        self._ranks: dict[str, int] = {}
        self._controls: dict[str, int] = {}  # LPAR -> place of its control among the LPARs'

    def listen(self) -> Mapping[str, Handler]:
        """What any operation's chart has to know; its own events come by `other`."""
        return {"machine.started": self._started, "part.failed": self._part, "part.restarted": self._part}

    def finish(self) -> tuple[Chart, ...]:
        """Charts of operations that have rows, in the order of their begin."""
        return tuple(self._chart(op, one) for op, one in self._open.items() if one.rows and self._wanted(one))

    def _wanted(self, one: _Open) -> bool:
        return self._only is not None or one.relocates

    # --- events ---

    def _started(self, event: Event) -> None:
        for rank, names in ((4, event["lips"]), (5, event["iops"])):
            self._ranks.update(dict.fromkeys(names_of(names), rank))

    def _part(self, event: Event) -> None:
        """A part died, or lives again: it concerns every operation that is under way."""
        for one in self._open.values():
            if one.rows and one.phase not in ("", "REPORTED"):
                self._add(one, event, None, _fact(event))

    def other(self, event: Event) -> None:
        """A fact or a message; of an operation, or not."""
        op = event["op"]
        if op is None or not self._is_mine(op):
            return
        name = op if self._only is not None else whole_of(op)
        one = self._open.get(name if self._only is None else self._only)
        if one is None:
            if not self._has_room():
                return
            one = self._open[name if self._only is None else self._only] = _Open([])
        self._take(one, event)

    def _has_room(self) -> bool:
        """Forget an operation without a relocation, if need be."""
        if len(self._open) >= PICTURE_PAGE_CHARTS_MAX:
            idle = next((op for op, one in self._open.items() if not one.relocates), None)
            if idle is None:
                return False
            del self._open[idle]
        return True

    def _is_mine(self, op: str) -> bool:
        return self._only is None or op == self._only or op.startswith(f"{self._only}.")

    def _take(self, one: _Open, event: Event) -> None:
        name = event["event"]
        if name == "phase.entered":
            one.phase = label(event["phase"])
            one.relocates = one.relocates or event["step"] is not None
        elif name == PROGRESS:
            one.progress += 1
        elif name in _FACTS:
            self._add(one, event, None, _fact(event))
        elif isinstance(to := event.get("to"), str) and (name not in VOCABULARY or VOCABULARY[name].message):
            self._add(one, event, to, name)

    def _add(self, one: _Open, event: Event, receiver: str | None, text: str) -> None:
        to = None if receiver is None else label(receiver)
        row = Row(
            event["t"], label(event["actor"]), to, label(text), one.phase, step_of(event), 1, event["t"],
            event["seq"],
        )  # fmt: skip
        if event["event"] in _CHUNKS:
            for place in range(len(one.rows) - 1, max(len(one.rows) - 4, -1), -1):
                if one.rows[place].key == row.key:
                    before = one.rows[place]
                    one.rows[place] = evolve(before, count=before.count + 1, last_ns=row.t_ns)
                    return
        if len(one.rows) >= PICTURE_CHART_EVENTS_MAX:
            one.left_out += 1
        else:
            one.rows.append(row)

    # --- the chart ---

    def _chart(self, op: str, one: _Open) -> Chart:
        rows = list(_folded(one.rows))
        left_out = one.left_out + sum(row.count for row in rows[PICTURE_CHART_ROWS_MAX:])
        rows = rows[:PICTURE_CHART_ROWS_MAX]
        names = dict.fromkeys(name for row in rows for name in (row.sender, row.receiver) if name is not None)
        actors = sorted(names, key=lambda name: (self._rank(name), natural(name)))
        if len(actors) > PICTURE_CHART_ACTORS_MAX:
            actors = actors[:PICTURE_CHART_ACTORS_MAX]
            kept = [row for row in rows if row.sender in actors and (row.receiver in (None, *actors))]
            left_out += sum(row.count for row in rows) - sum(row.count for row in kept)
            rows = kept
        return Chart(label(op), tuple(actors), tuple(rows), one.progress, left_out)

    def _rank(self, name: str) -> int:
        fixed = (SERVICE_PROCESSOR, LPAR_CONTROL, RESOURCE_MANAGER)
        if name in fixed:
            return fixed.index(name)
        return 3 if name.startswith(lip_control_of("")) else self._ranks.get(name, 6)


def _fact(event: Event) -> str:
    name = event["event"]
    told = event.get(_FACTS[name])
    return f"{name} {told}" if isinstance(told, str | int) else name


def _folded(rows: list[Row]) -> Iterator[Row]:
    """Rows, and of what repeats itself (at least three times, in a few kinds) one for each kind."""
    start = 0
    while start < len(rows):
        end, kinds = _repeated(rows, start)
        if kinds and end - start >= _REPEATED_TIMES_MIN * len(kinds):
            for first in kinds.values():
                same = [row for row in rows[start:end] if row.key == first.key]
                yield evolve(first, count=sum(row.count for row in same), last_ns=same[-1].last_ns)
            start = end
        else:
            yield rows[start]
            start += 1


def _repeated(rows: list[Row], start: int) -> tuple[int, dict[object, Row]]:
    """How far rows of a few kinds go on, each of which comes again, and the first row of each kind."""
    places: dict[object, list[int]] = {}
    end = start
    while end < len(rows) and (rows[end].key in places or len(places) < _REPEATED_KINDS_MAX):
        places.setdefault(rows[end].key, []).append(end)
        end += 1
    # What comes once only is no part of it: it may be the begin of what comes next.
    end = min((found[0] for found in places.values() if len(found) == 1), default=end)
    return end, {key: rows[found[0]] for key, found in places.items() if found[0] < end}


__all__ = ["PROGRESS", "Chart", "ChartCollector", "Row"]
