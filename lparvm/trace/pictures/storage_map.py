"""The storage map over time: who holds which frames, and where the pages are meanwhile.

Two things are told apart, as only between moves they are the same:

- what the map says (*zone*, *reserved*, *vacated*): from `lpar.activated`, `area.reserved`, `zone.moved`,
  `zone.resized`, `area.released`;
- where an LPAR's pages are (*pages*): from the chunks of moves and exchanges. Within a chunk they are taken to move
  evenly; an exchange swaps page by page.

`poisoned` frames are free and hold the poison pattern until somebody gets them. Frames are host absolute.
"""

from collections.abc import Iterable, Mapping

from attrs import define, evolve, frozen

from lparvm.config import LPARS_MAX, PICTURE_BANDS_MAX, PICTURE_MARKS_MAX, PICTURE_RETIRED_MAX
from lparvm.trace.pictures.collecting import Collector, Event, Handler, label, natural, number_of
from lparvm.trace.pictures.pieces import Band, Pieces, rectangle

PAGES, ZONE, RESERVED, VACATED, POISONED = "pages", "zone", "reserved", "vacated", "poisoned"


@frozen
class Transfer:
    """A move or an exchange of pages, forth or back.

    Attributes:
        start_ns: its start.
        end_ns: its end.
        op: the operation, or its part.
        text: what became of it.
    """

    start_ns: int
    end_ns: int
    op: str
    text: str


@frozen
class StorageMap:
    """The map over time.

    Attributes:
        start_ns: begin of the window.
        end_ns: its end.
        frames: of main storage.
        lpars: all names, in their order.
        bands: what the map says, and over it the pages.
        transfers: when pages moved.
        retired: (frame, since when) of frames that are out of use.
        left_out: bands and frames that are not drawn.
    """

    start_ns: int
    end_ns: int
    frames: int
    lpars: tuple[str, ...]
    bands: tuple[Band, ...]
    transfers: tuple[Transfer, ...] = ()
    retired: tuple[tuple[int, int], ...] = ()
    left_out: int = 0

    def cut(self, start_ns: int, end_ns: int) -> "StorageMap":
        """The map in a window of time."""
        cut = [band.cut(start_ns, end_ns) for band in self.bands]
        return evolve(
            self,
            start_ns=start_ns,
            end_ns=max(end_ns, start_ns + 1),
            bands=tuple(band for band in cut if band is not None),
            transfers=tuple(
                evolve(one, start_ns=max(one.start_ns, start_ns), end_ns=min(one.end_ns, end_ns))
                for one in self.transfers
                if one.start_ns <= end_ns and one.end_ns >= start_ns
            ),
            retired=tuple((frame, max(t_ns, start_ns)) for frame, t_ns in self.retired if t_ns <= end_ns),
        )


class _Holdings:
    """What the map says of frames: areas with a holder, since when, and as what."""

    def __init__(self) -> None:
        self.bands: list[Band] = []
        self.left_out = 0
        self._now: list[tuple[str, str, int, int, int]] = []  # state, LPAR, low, high, since

    def put(self, state: str, lpar: str, low: int, high: int, t_ns: int) -> None:
        if low < high and len(self._now) < PICTURE_BANDS_MAX:
            self._now.append((state, lpar, low, high, t_ns))

    def take(
        self, state: str, low: int, high: int, t_ns: int, lpar: str | None = None
    ) -> list[tuple[int, int]]:
        """Of what is held as this (by an LPAR), frames are held no more; returns which."""
        taken, kept = [], []
        for area in self._now:
            its_state, its_lpar, its_low, its_high, _ = area
            first, last = max(its_low, low), min(its_high, high)
            if its_state != state or lpar not in (None, its_lpar) or first >= last:
                kept.append(area)
                continue
            taken.append((first, last))
            self._past(area, t_ns)
            rest = ((its_low, first), (last, its_high))
            kept += [(state, its_lpar, *piece, t_ns) for piece in rest if piece[0] < piece[1]]
        self._now = kept
        return taken

    def finish(self, t_ns: int) -> tuple[Band, ...]:
        for area in self._now:
            self._past(area, t_ns)
        return tuple(self.bands)

    def _past(self, area: tuple[str, str, int, int, int], t_ns: int) -> None:
        state, lpar, low, high, since = area
        if since >= t_ns:
            return
        if len(self.bands) >= PICTURE_BANDS_MAX:
            self.left_out += 1
            return
        self.bands.append(rectangle(lpar, state, since, t_ns, low, high))


@define
class _Transfer:
    """Pages are on the move."""

    op: str
    start_ns: int
    last_ns: int  # of the last chunk
    inverse: bool
    source: int = 0
    target: int = 0
    descending: bool = False


class StorageMapCollector(Collector):
    """Gathers a `StorageMap`."""

    def __init__(self) -> None:
        super().__init__()
        self._frames = 0
        self._held = _Holdings()
        self._pages = Pieces(PAGES)
        self._zones: dict[
            str, tuple[int, int]
        ] = {}  # LPAR -> its zone: lowest frame, frame behind the highest
        self._lpars: list[str] = []
        self._moving: dict[str, _Transfer] = {}  # LPAR (of an exchange the lower) -> what is under way
        self._transfers: list[Transfer] = []
        self._retired: list[tuple[int, int]] = []
        self._left_out = 0

    def listen(self) -> Mapping[str, Handler]:
        """What changes the map, and what moves pages."""
        return {
            "machine.started": self._started,
            "lpar.activated": self._activated,
            "lpar.deactivated": self._deactivated,
            "area.reserved": self._reserved,
            "area.released": self._released,
            "area.poisoned": self._poisoned,
            "zone.moved": self._zone_moved,
            "zone.resized": self._resized,
            "phase.entered": self._phase,
            "move.started": self._move_started,
            "chunk.moved": self._chunk,
            "move.ended": self._move_ended,
            "exchange.started": self._exchange_started,
            "chunk.exchanged": self._exchanged,
            "exchange.ended": self._exchange_ended,
            "frame.retired": self._retire,
        }

    def finish(self) -> StorageMap:
        """The whole map, after the last event."""
        start_ns, end_ns = self.window_ns
        bands = (*self._held.finish(end_ns), *self._pages.finish(end_ns))
        frames = max((band.corners[-1][2] for band in bands), default=1) if self._frames < 1 else self._frames
        left_out = self._left_out + self._held.left_out + self._pages.left_out
        lpars = tuple(sorted(self._lpars, key=natural))
        return StorageMap(
            start_ns, max(end_ns, start_ns + 1), frames, lpars, bands, tuple(self._transfers),
            tuple(self._retired), left_out,
        )  # fmt: skip

    # --- what the map says ---

    def _started(self, event: Event) -> None:
        self._frames = max(event["main_storage_frames"], 0)

    def _name(self, name: str) -> str:
        shown = label(name)
        if shown not in self._lpars and len(self._lpars) < 4 * LPARS_MAX:
            self._lpars.append(shown)
        return shown

    def _own(self, lpar: str, area: tuple[int, int], t_ns: int) -> None:
        """The zone of an LPAR is this area; its pages are there as well."""
        self._held.take(ZONE, 0, _END, t_ns, lpar)
        for state in (RESERVED, VACATED):
            self._held.take(state, *area, t_ns, lpar)
        self._held.take(POISONED, *area, t_ns)
        self._held.put(ZONE, lpar, *area, t_ns)
        self._pages.put(lpar, [area], t_ns)
        if len(self._zones) < 4 * LPARS_MAX:
            self._zones[lpar] = area

    def _activated(self, event: Event) -> None:
        self._own(self._name(event["lpar"]), _area(event), event["t"])

    def _deactivated(self, event: Event) -> None:
        lpar = self._name(event["lpar"])
        for state in (ZONE, RESERVED, VACATED):
            self._held.take(state, 0, _END, event["t"], lpar)
        self._pages.put(lpar, [], event["t"])
        self._zones.pop(lpar, None)

    def _reserved(self, event: Event) -> None:
        lpar = self._name(event["lpar"])
        self._held.take(POISONED, *_area(event), event["t"])
        self._held.put(RESERVED, lpar, *_area(event), event["t"])

    def _zone_moved(self, event: Event) -> None:
        self._leave(event, self._name(event["lpar"]))

    def _resized(self, event: Event) -> None:
        self._leave(event, self._name(event["lpar"]))

    def _leave(self, event: Event, lpar: str) -> None:
        """A zone is another one; what is no zone any more is vacated."""
        before, t_ns = self._zones.get(lpar), event["t"]
        self._own(lpar, _area(event), t_ns)
        self._held.take(VACATED, *_area(event), t_ns)
        if before is not None:
            for area in _minus(before, self._zones.values()):
                self._held.put(VACATED, lpar, *area, t_ns)

    def _released(self, event: Event) -> None:
        for state in (RESERVED, VACATED):
            self._held.take(state, *_area(event), event["t"], label(event["lpar"]))

    def _poisoned(self, event: Event) -> None:
        if event["poisoned_frames"]:
            self._held.take(POISONED, *_area(event), event["t"])
            self._held.put(POISONED, "", *_area(event), event["t"])

    def _phase(self, event: Event) -> None:
        """Nothing is held beside a zone when an operation is over, also where no release was told."""
        if event["phase"] == "REPORTED":
            for state in (RESERVED, VACATED):
                self._held.take(state, 0, _END, event["t"], label(event["lpar"]))

    def _retire(self, event: Event) -> None:
        if len(self._retired) < PICTURE_RETIRED_MAX:
            self._retired.append((event["frame"], event["t"]))
        else:
            self._left_out += 1

    # --- where the pages are ---

    def _begin(self, event: Event, lpar: str, transfer: _Transfer) -> None:
        self._end(event, lpar, "cut off")
        if len(self._moving) < 4 * LPARS_MAX:
            self._moving[lpar] = transfer

    def _move_started(self, event: Event) -> None:
        transfer = _Transfer(
            label(event["op"] or ""), event["t"], event["t"], event["inverse"], event["source_frame"],
            event["target_frame"], event["direction"] == "descending",
        )  # fmt: skip
        self._begin(event, self._name(event["lpar"]), transfer)

    def _chunk(self, event: Event) -> None:
        lpar = label(event["lpar"])
        move = self._moving.get(lpar)
        if move is None:
            return
        times_ns = min(move.last_ns, event["t"]), event["t"]
        move.last_ns = event["t"]
        first, last = event["first_page"], event["first_page"] + event["pages"]
        if first < last:
            self._pages.lose(
                lpar, move.source + first, move.source + last, times_ns, descending=move.descending
            )
            self._pages.gain(
                lpar, move.target + first, move.target + last, times_ns, descending=move.descending
            )

    def _move_ended(self, event: Event) -> None:
        self._end(event, label(event["lpar"]), event["outcome"])

    def _exchange_started(self, event: Event) -> None:
        transfer = _Transfer(label(event["op"] or ""), event["t"], event["t"], event["inverse"])
        self._begin(event, self._name(event["lower"]), transfer)

    def _exchanged(self, event: Event) -> None:
        exchange = self._moving.get(label(event["lower"]))
        if exchange is None:
            return
        runs = [run for run in map(_run, event["runs"]) if run is not None]
        start_ns, end_ns = min(exchange.last_ns, event["t"]), event["t"]
        exchange.last_ns = end_ns
        pages, done = sum(run[3] for run in runs), 0
        for kind, first, second, count in runs:
            part_ns = [start_ns + (end_ns - start_ns) * at // pages for at in (done, done + count)]
            done += count
            self._change(kind, first, second, count, (part_ns[0], part_ns[1]))

    def _change(self, kind: str, first: int, second: int, count: int, times_ns: tuple[int, int]) -> None:
        """Two areas swap their pages, or the first one's are shifted to the second."""
        pages = self._pages
        descending = kind == "shift" and second > first
        leaving = [
            (low, high, lpar, second - first) for low, high, lpar in pages.holders(first, first + count)
        ]
        if kind == "swap":
            leaving += [
                (low, high, lpar, first - second) for low, high, lpar in pages.holders(second, second + count)
            ]
            if len({lpar for _, _, lpar, _ in leaving}) == 1:
                return  # an LPAR's own pages change places: the picture stays as it is
        for low, high, lpar, _ in leaving:
            pages.lose(lpar, low, high, times_ns, descending=descending)
        for low, high, lpar, way in leaving:
            pages.gain(lpar, low + way, high + way, times_ns, descending=descending)

    def _exchange_ended(self, event: Event) -> None:
        self._end(event, label(event["lower"]), event["outcome"])

    def _end(self, event: Event, lpar: str, outcome: str) -> None:
        transfer = self._moving.pop(lpar, None)
        if transfer is None:
            return
        for name in (lpar, event.get("upper")):
            if isinstance(name, str):
                self._pages.join(label(name), event["t"])
        if len(self._transfers) >= PICTURE_MARKS_MAX:
            self._left_out += 1
            return
        text = "moved back" if transfer.inverse and outcome == "moved" else label(outcome)
        end_ns = max(event["t"], transfer.start_ns)
        self._transfers.append(Transfer(transfer.start_ns, end_ns, transfer.op, text))


_END = 1 << 80
"""Behind every frame."""


def _area(event: Event) -> tuple[int, int]:
    """Lowest frame, frame behind the highest."""
    return event["origin_frame"], event["origin_frame"] + max(event["extent_frames"], 0)


def _minus(area: tuple[int, int], others: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """What of an area lies in no other."""
    left = [area]
    for low, high in others:
        pieces = [part for one in left for part in ((one[0], min(one[1], low)), (max(one[0], high), one[1]))]
        left = [part for part in pieces if part[0] < part[1]]
    return left


def _run(run: object) -> tuple[str, int, int, int] | None:
    """A run of an exchange; None where it is none."""
    if not isinstance(run, list) or len(run) != 4 or run[0] not in ("swap", "shift"):
        return None
    first, second, count = (number_of(item) for item in run[1:])
    if first is None or second is None or count is None or count < 1:
        return None
    return run[0], first, second, count


__all__ = [
    "PAGES", "POISONED", "RESERVED", "VACATED", "ZONE", "StorageMap", "StorageMapCollector", "Transfer",
]  # fmt: skip
