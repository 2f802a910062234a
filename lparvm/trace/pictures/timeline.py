"""The timeline: what every actor did when, on lanes.

Lanes from top to bottom: LPAR control and the resource manager; then of each LPAR the phases of its operations, its
LIPs, and its I/O at each IOP. The operations themselves (`operations`) are drawn above them.

What a lane tells depends on the trace's level: from `protocol` on, when a guest is in SIE, stopped, and when its I/O is
quiescing or held; from `io` on also when it executes instructions and when its I/O is active.
"""

import enum
from collections.abc import Mapping

from attrs import Factory, define, evolve, frozen

from lparvm.config import PICTURE_LANES_MAX, PICTURE_MARKS_MAX, PICTURE_TRACK_SPANS_MAX
from lparvm.protocol.actor_names import LPAR_CONTROL, RESOURCE_MANAGER, lip_control_of
from lparvm.trace.pictures.collecting import Collector, Event, Handler, label, natural
from lparvm.trace.pictures.operations import whole_of
from lparvm.trace.pictures.spans import Span, Track, merged, within


class LaneKind(enum.IntEnum):
    """What a lane shows; the order within an LPAR."""

    PART = 0
    PHASES = 1
    LIP = 2
    IO = 3


# States of lanes that are no phases.
IN_SIE, EXECUTING, STOPPED = "in SIE", "executing", "stopped"
ACTIVE, QUIESCING, HELD = "I/O active", "I/O quiescing", "I/O held"
DEAD, PAGES_MOVE = "part dead", "pages move"


@frozen
class Mark:
    """Something that took no time.

    Attributes:
        t_ns: when.
        text: what.
    """

    t_ns: int
    text: str


@frozen
class Lane:
    """A lane.

    Attributes:
        name: what it is called.
        lpar: whose it is; empty: the machine's.
        kind: what it shows.
        tracks: (state, spans), the later over the earlier.
        marks: what took no time.
    """

    name: str
    lpar: str
    kind: LaneKind
    tracks: tuple[tuple[str, tuple[Span, ...]], ...]
    marks: tuple[Mark, ...] = ()


@frozen
class Timeline:
    """All lanes, in a window of time.

    Attributes:
        start_ns: begin of the window.
        end_ns: its end, after its begin.
        lanes: from top to bottom.
        left_out: lanes and marks that are not shown.
    """

    start_ns: int
    end_ns: int
    lanes: tuple[Lane, ...]
    left_out: int = 0

    def cut(self, start_ns: int, end_ns: int) -> "Timeline":
        """What lies in a window; lanes on which nothing does stay."""
        lanes = tuple(
            evolve(
                lane,
                tracks=tuple((state, within(spans, start_ns, end_ns)) for state, spans in lane.tracks),
                marks=tuple(mark for mark in lane.marks if start_ns <= mark.t_ns <= end_ns),
            )
            for lane in self.lanes
        )
        return evolve(self, start_ns=start_ns, end_ns=max(end_ns, start_ns + 1), lanes=lanes)

    def only(self, lpars: tuple[str, ...]) -> "Timeline":
        """The machine's lanes and those of some LPARs."""
        return evolve(self, lanes=tuple(lane for lane in self.lanes if lane.lpar in ("", *lpars)))

    def fit(self, spans_max: int, pixels: int) -> "Timeline":
        """The same in at most so many spans (as far as merging helps), none nearer together than a pixel."""
        resolution_ns = max((self.end_ns - self.start_ns) // pixels, 1)
        while True:
            lanes = tuple(
                evolve(
                    lane, tracks=tuple((state, merged(spans, resolution_ns)) for state, spans in lane.tracks)
                )
                for lane in self.lanes
            )
            count = sum(len(spans) for lane in lanes for _, spans in lane.tracks)
            if count <= spans_max or resolution_ns > self.end_ns - self.start_ns:
                return evolve(self, lanes=lanes)
            resolution_ns *= 2


@define
class _Lane:
    name: str
    lpar: str
    kind: LaneKind
    tracks: dict[str, Track] = Factory(dict)
    open: dict[str, tuple[int, str]] = Factory(dict)  # state -> (since, text)
    marks: list[Mark] = Factory(list)
    phase: str | None = None

    def begin(self, state: str, t_ns: int, text: str = "") -> None:
        self.tracks.setdefault(state, Track())
        self.open.setdefault(state, (t_ns, text))

    def end(self, state: str, t_ns: int) -> None:
        since = self.open.pop(state, None)
        if since is not None:
            self.tracks[state].add(since[0], max(t_ns, since[0]), since[1])


class TimelineCollector(Collector):
    """Gathers a `Timeline`."""

    def __init__(self) -> None:
        super().__init__()
        self._lanes: dict[tuple[str, LaneKind, str], _Lane] = {}
        self._nowhere = _Lane("", "", LaneKind.PART)
        self._left_out = 0
        self._moves = 0
        self._active: dict[tuple[str, str], set[tuple[str, int]]] = {}

    def listen(self) -> Mapping[str, Handler]:
        """What begins and ends states of lanes."""
        return {
            "lpar.activated": self._activated,
            "phase.entered": self._phase,
            "sie.issued": self._sie,
            "lip.stopped": self._stopped,
            "guest.ended": self._over,
            "lpar.deactivated": self._deactivated,
            "slice.ended": self._slice,
            "start.begun": self._begun,
            "start.ended": self._ended,
            "QuiesceIop": self._quiesce,
            "iop.quiesced": self._quiesced,
            "starts.released": self._released,
            "move.started": self._moving,
            "exchange.started": self._moving,
            "move.ended": self._moved,
            "exchange.ended": self._moved,
            "part.failed": self._died,
            "part.restarted": self._lives,
            "area.reserved": self._mapped,
            "zone.moved": self._mapped,
            "zone.resized": self._mapped,
            "area.released": self._mapped,
            "frame.retired": self._mapped,
        }

    def finish(self) -> Timeline:
        """All lanes, after the last event; what goes on ends there."""
        start_ns, end_ns = self.window_ns
        lanes = []
        for lane in sorted(self._lanes.values(), key=_place):
            for state in tuple(lane.open):
                lane.end(state, end_ns)
            tracks = tuple(
                (state, tuple(lane.tracks[state].spans)) for state in sorted(lane.tracks, key=_layer)
            )
            lanes.append(Lane(lane.name, lane.lpar, lane.kind, tracks, tuple(lane.marks)))
        return Timeline(start_ns, max(end_ns, start_ns + 1), tuple(lanes), self._left_out)

    # --- lanes ---

    def _lane(self, lpar: str, kind: LaneKind, name: str) -> _Lane:
        key = lpar, kind, name
        if key not in self._lanes:
            if len(self._lanes) >= PICTURE_LANES_MAX:
                self._left_out += 1
                self._nowhere = _Lane("", "", kind)
                return self._nowhere
            self._lanes[key] = _Lane(label(name), label(lpar), kind)
        return self._lanes[key]

    def _lpar(self, lpar: str) -> _Lane:
        return self._lane(lpar, LaneKind.PHASES, lpar)

    def _lip(self, event: Event) -> _Lane:
        return self._lane(event["lpar"], LaneKind.LIP, event["lip"])

    def _io(self, lpar: str, iop: str) -> _Lane:
        return self._lane(lpar, LaneKind.IO, iop)

    def _of_lpar(self, lpar: str) -> tuple[_Lane, ...]:
        return tuple(lane for key, lane in self._lanes.items() if key[0] == lpar)

    # --- operations ---

    def _activated(self, event: Event) -> None:
        self._lpar(event["lpar"])

    def _phase(self, event: Event) -> None:
        lane, phase = self._lpar(event["lpar"]), label(event["phase"])
        if lane.phase is not None:
            lane.end(lane.phase, event["t"])
        lane.phase = None if phase == "REPORTED" else phase
        if lane.phase is not None:
            lane.begin(phase, event["t"], label(whole_of(event["op"] or "")))

    def _moving(self, event: Event) -> None:
        self._moves += 1
        self._lane("", LaneKind.PART, LPAR_CONTROL).begin(PAGES_MOVE, event["t"])

    def _moved(self, event: Event) -> None:
        self._moves = max(self._moves - 1, 0)
        if self._moves == 0:
            self._lane("", LaneKind.PART, LPAR_CONTROL).end(PAGES_MOVE, event["t"])

    def _mapped(self, event: Event) -> None:
        lane = self._lane("", LaneKind.PART, RESOURCE_MANAGER)
        if len(lane.marks) >= PICTURE_MARKS_MAX:
            self._left_out += 1
            return
        whose = event["lpar"]
        lane.marks.append(Mark(event["t"], label(f"{event['event']} {whose}" if whose else event["event"])))

    def _part(self, part: str) -> _Lane:
        lpar = next((key[0] for key in self._lanes if key[0] and part == lip_control_of(key[0])), None)
        return self._lane("", LaneKind.PART, part) if lpar is None else self._lpar(lpar)

    def _died(self, event: Event) -> None:
        self._part(event["part"]).begin(DEAD, event["t"])

    def _lives(self, event: Event) -> None:
        self._part(event["part"]).end(DEAD, event["t"])

    # --- guests ---

    def _sie(self, event: Event) -> None:
        lane = self._lip(event)
        lane.end(STOPPED, event["t"])
        lane.begin(IN_SIE, event["t"])

    def _stopped(self, event: Event) -> None:
        lane = self._lip(event)
        left_ns = min(event["left_sie_ns"], event["t"])
        if IN_SIE in lane.open:
            left_ns = max(left_ns, lane.open[IN_SIE][0])
        lane.end(IN_SIE, left_ns)
        lane.begin(STOPPED, left_ns)

    def _over(self, event: Event) -> None:
        self._lip(event).end(IN_SIE, event["t"])

    def _slice(self, event: Event) -> None:
        lane = self._lip(event)
        lane.tracks.setdefault(EXECUTING, Track()).add(event["first_ns"], min(event["last_ns"], event["t"]))

    def _deactivated(self, event: Event) -> None:
        for lane in self._of_lpar(event["lpar"]):
            if lane.kind in (LaneKind.LIP, LaneKind.IO):
                for state in tuple(lane.open):
                    lane.end(state, event["t"])

    # --- input and output ---

    def _begun(self, event: Event) -> None:
        who = event["lpar"], event["iop"]
        active = self._active.setdefault(who, set())
        if len(active) < PICTURE_TRACK_SPANS_MAX:  # a trace may tell of starts that never end
            active.add((event["device"], event["start"]))
        self._io(*who).begin(ACTIVE, event["t"])

    def _ended(self, event: Event) -> None:
        # A start that ended because no path was left names no IOP.
        start = event["device"], event["start"]
        for (lpar, iop), active in self._active.items():
            if lpar == event["lpar"] and start in active:
                active.remove(start)
                if not active:
                    self._io(lpar, iop).end(ACTIVE, event["t"])

    def _quiesce(self, event: Event) -> None:
        lpar, iop = event.get("lpar"), event.get("to")
        if isinstance(lpar, str) and isinstance(iop, str):
            self._io(lpar, iop).begin(QUIESCING, event["t"])

    def _quiesced(self, event: Event) -> None:
        lane = self._io(event["lpar"], event["iop"])
        lane.end(QUIESCING, event["t"])
        lane.begin(HELD, event["t"])

    def _released(self, event: Event) -> None:
        lane = self._io(event["lpar"], event["iop"])
        lane.end(QUIESCING, event["t"])
        lane.end(HELD, event["t"])


def _place(lane: _Lane) -> tuple[object, ...]:
    """The machine's parts first, then LPAR by LPAR."""
    return bool(lane.lpar), natural(lane.lpar), lane.kind, natural(lane.name)


_LAYERS = (IN_SIE, EXECUTING, STOPPED, ACTIVE, QUIESCING, HELD, PAGES_MOVE)


def _layer(state: str) -> tuple[int, str]:
    """Phases first, as they don't overlap; then states in the order in which they cover each other."""
    return _LAYERS.index(state) if state in _LAYERS else len(_LAYERS) if state == DEAD else -1, state


__all__ = [
    "ACTIVE", "DEAD", "EXECUTING", "HELD", "IN_SIE", "PAGES_MOVE", "QUIESCING", "STOPPED", "Lane", "LaneKind", "Mark",
    "Timeline", "TimelineCollector",
]  # fmt: skip
