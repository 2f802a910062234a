"""From a trace to what a viewer shows: see `spans`.

- *operations*: a track a command and a part of one: its slice, and in it the phases. An operation of two LPARs has a
  track for the phases of the second one.
- an actor each: a track of points, an event each; a message's flow leads to the first thing that its receiver told
  because of it.
- a LIP's guests: a track each: running, waiting or stopped, and in it the time slices (levels io and storage).
- *LPARs*: counters: pages across in a move, steps of an exchange, instructions a second (levels io and storage).
"""

from collections.abc import Callable

from attrs import define

from lparvm.config import EXPORT_RATE_NS
from lparvm.trace.reader import TraceReader
from lparvm.trace.rules.base import Event
from lparvm.trace.shapes import shape_problem
from lparvm.trace.spans import EVENTS, LPARS, OPERATIONS, Counter, Model, Point, Row, Slice
from lparvm.units import NS_PER_S

RUNNING, WAITING, STOPPED = "running", "waiting", "stopped"
_NO_POINTS = frozenset(("storage.accessed", "slice.ended"))


def spans_of(reader: TraceReader) -> Model:
    """Read a trace to its end; malformed events are noted at the reader and left out."""
    drawing = _Drawing()
    for event in reader:
        problem = shape_problem(event)
        if problem is not None:
            reader.note(problem)
        else:
            drawing.take(event)
    drawing.end()
    return drawing.model


@define
class _Rate:
    """Instructions of a guest in the current stretch of `EXPORT_RATE_NS`."""

    counter: Counter
    stretch: int
    instructions: int = 0


class _Drawing:
    """The model, while the trace is read."""

    def __init__(self) -> None:
        self.model = Model()
        self._last_ns = 0
        self._sent: dict[int, tuple[str, Point]] = {}  # message -> its receiver and its point
        self._open: list[Slice] = []  # the slices that may end with the trace
        self._operations: dict[str, Slice] = {}
        self._phases: dict[tuple[str, str], Slice] = {}  # (operation, LPAR)
        self._first: dict[str, str] = {}  # operation -> its first LPAR
        self._guests: dict[tuple[str, str], Slice] = {}  # (LPAR, LIP)
        self._rates: dict[str, _Rate] = {}
        self._handlers: dict[str, Callable[[Event], None]] = {
            "command.received": self._received,
            "command.answered": self._answered,
            "phase.entered": self._phase,
            "sie.issued": self._sie,
            "lip.stopped": self._stopped,
            "guest.ended": self._over,
            "guest.loaded": self._gone,
            "lpar.deactivated": self._gone,
            "slice.ended": self._slice,
            "move.started": self._move_started,
            "chunk.moved": self._moved,
            "move.ended": self._moved,
            "exchange.started": self._exchanged,
            "chunk.exchanged": self._exchanged,
            "exchange.ended": self._exchanged,
        }

    def take(self, event: Event) -> None:
        """Draw an event."""
        name = event["event"]
        # Times that go back, as only a damaged trace has them, are drawn at the latest time before.
        self._last_ns = max(self._last_ns, event["t"])
        if name not in _NO_POINTS:
            self._point(event)
        handler = self._handlers.get(name)
        if handler is not None:
            handler(event)

    def _point(self, event: Event) -> None:
        actor, cause = event["actor"], event["cause"]
        point = Point(self._last_ns, event["event"], event["op"], event["seq"])
        if cause is not None:
            receiver, message = self._sent.get(cause, ("", None))
            if message is not None and receiver == actor:
                del self._sent[cause]
                message.starts, point.ends = True, cause
        self.model.row(actor, EVENTS).points.append(point)
        to = event.get("to")
        if type(to) is str and to != actor:
            self._sent[event["seq"]] = to, point

    # --- operations ---------------------------------------------------------------------------------------

    def _begin(self, row: Row, event: Event, name: str, *, depth: int = 0) -> Slice:
        one = Slice(self._last_ns, -1, name, depth, event["op"], event["seq"])
        row.slices.append(one)
        return one

    def _received(self, event: Event) -> None:
        op = event["op"]
        if op is not None and op not in self._operations:
            row = self.model.row(OPERATIONS, op)
            self._operations[op] = self._begin(row, event, event["text"])

    def _answered(self, event: Event) -> None:
        one = self._operations.get(str(event["op"]))
        if one is not None:
            one.end_ns = self._last_ns

    def _phase(self, event: Event) -> None:
        op, lpar, phase = str(event["op"]), event["lpar"], event["phase"]
        first = self._first.setdefault(op, lpar)
        row = self.model.row(OPERATIONS, op if lpar == first else f"{op} {lpar}")
        if op not in self._operations:  # a part of a command
            self._operations[op] = self._begin(row, event, f"{op} {lpar}")
        before = self._phases.get((op, lpar))
        if before is not None:
            before.end_ns = self._last_ns
        one = self._phases[op, lpar] = self._begin(row, event, phase, depth=1 if lpar == first else 0)
        if phase == "REPORTED":
            one.end_ns = self._last_ns
            if op.count(".") > 1:
                self._operations[op].end_ns = self._last_ns

    # --- guests -------------------------------------------------------------------------------------------

    def _guest_row(self, event: Event) -> Row:
        return self.model.row(event["lip"], event["lpar"])

    def _turn(self, event: Event, state: str | None, at_ns: int) -> None:
        """A guest on a LIP goes over into a state; None: it is gone."""
        who = event["lpar"], event["lip"]
        before = self._guests.pop(who, None)
        if before is not None:
            at_ns = max(at_ns, before.begin_ns)
            before.end_ns = at_ns
        if state is not None:
            one = self._guests[who] = self._begin(self._guest_row(event), event, state)
            one.begin_ns = at_ns

    def _sie(self, event: Event) -> None:
        self._turn(event, RUNNING, self._last_ns)

    def _stopped(self, event: Event) -> None:
        self._turn(event, STOPPED, min(event["left_sie_ns"], self._last_ns))

    def _over(self, event: Event) -> None:
        self._turn(event, None, self._last_ns)

    def _gone(self, event: Event) -> None:
        for lpar, lip in [who for who in self._guests if who[0] == event["lpar"]]:
            self._turn({"lpar": lpar, "lip": lip}, None, self._last_ns)

    def _slice(self, event: Event) -> None:
        first_ns = event["first_ns"]
        begin_ns = self._last_ns if event["lowest_host"] is None else min(first_ns, self._last_ns)
        guest = self._guests.get((event["lpar"], event["lip"]))
        if guest is not None and guest.name == WAITING:
            self._turn(event, RUNNING, begin_ns)
            guest = self._guests[event["lpar"], event["lip"]]
        if guest is not None:
            one = self._begin(self._guest_row(event), event, event["interception"], depth=1)
            one.begin_ns, one.end_ns = max(begin_ns, guest.begin_ns), self._last_ns
        if guest is not None and guest.name == RUNNING and event["interception"].startswith("Wait"):
            self._turn(event, WAITING, self._last_ns)
        self._count(event)

    # --- counters -----------------------------------------------------------------------------------------

    def _count(self, event: Event) -> None:
        lpar, stretch = event["lpar"], self._last_ns // EXPORT_RATE_NS
        rate = self._rates.get(lpar)
        if rate is None:
            counter = self.model.counter(LPARS, f"{lpar} instructions", "instructions/s")
            rate = self._rates[lpar] = _Rate(counter, stretch)
        if stretch != rate.stretch:
            self._sample(rate, stretch)
        rate.instructions += event["instructions"]

    def _sample(self, rate: _Rate, stretch: int) -> None:
        """A stretch is over, and another one begins: between them there may be some without instructions."""
        samples = rate.counter.samples
        samples.append((rate.stretch * EXPORT_RATE_NS, rate.instructions * NS_PER_S // EXPORT_RATE_NS))
        if stretch > rate.stretch + 1:
            samples.append(((rate.stretch + 1) * EXPORT_RATE_NS, 0))
        rate.stretch, rate.instructions = stretch, 0

    def _move_started(self, event: Event) -> None:
        across = event["first_page"] + event["pages"] if event["inverse"] else None
        counter = self._pages(event)
        if across is None or not counter.samples:
            counter.samples.append((self._last_ns, across or 0))

    def _moved(self, event: Event) -> None:
        self._pages(event).samples.append((self._last_ns, event["pages_across"]))

    def _pages(self, event: Event) -> Counter:
        return self.model.counter(LPARS, f"{event['lpar']} pages across", "pages")

    def _exchanged(self, event: Event) -> None:
        name = f"{event['lower']} and {event['upper']} exchange"
        counter = self.model.counter(LPARS, name, "page steps")
        counter.samples.append((self._last_ns, event["steps_done"]))

    def end(self) -> None:
        """What is still open ends with the trace."""
        for row in self.model.rows.values():
            for one in row.slices:
                if one.end_ns < 0:
                    one.end_ns = self._last_ns
        for rate in self._rates.values():
            self._sample(rate, rate.stretch + 2)
