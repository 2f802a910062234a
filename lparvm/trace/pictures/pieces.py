"""Where an LPAR's pages are, while they move: pieces of storage with edges that slide.

A *piece* is a run of frames that hold pages of one LPAR. When a chunk moves, its old frames leave a piece page by page
and its new ones join another: an edge slides. Corners on a straight line are left out, so that a move at an even rate
has two pieces of three corners, however many chunks it has.
"""

from collections.abc import Iterable
from itertools import pairwise

from attrs import define, field, frozen

from lparvm.config import PICTURE_BANDS_MAX, PICTURE_CORNERS_MAX

Corner = tuple[int, int, int]
"""(time in ns, lowest frame, frame behind the highest), host absolute."""


@frozen
class Band:
    """Frames over time.

    Attributes:
        lpar: whose they are.
        state: what they are.
        corners: in order of time; between two of them both edges go straight.
    """

    lpar: str
    state: str
    corners: tuple[Corner, ...]

    def cut(self, start_ns: int, end_ns: int) -> "Band | None":
        """The part of it in a window; None where there is none."""
        corners = [corner for corner in self.corners if start_ns <= corner[0] <= end_ns]
        for at_ns, place in ((start_ns, 0), (end_ns, len(corners) + 1)):
            for first, second in pairwise(self.corners):
                if first[0] < at_ns < second[0]:
                    corners.insert(place, _between(first, second, at_ns))
        if len(corners) < 2 or corners[0][0] == corners[-1][0]:
            return None
        return Band(self.lpar, self.state, tuple(corners))


def rectangle(lpar: str, state: str, start_ns: int, end_ns: int, low: int, high: int) -> Band:
    """Frames that stay what they are, from one time to another."""
    return Band(lpar, state, ((start_ns, low, high), (end_ns, low, high)))


@define(eq=False)
class Piece:
    """A piece that is there now.

    Attributes:
        lpar: whose pages it holds.
        low: its lowest frame.
        high: the frame behind its highest.
        corners: so far.
    """

    lpar: str
    low: int
    high: int
    corners: list[Corner] = field(factory=list)

    def corner(self, t_ns: int) -> None:
        """The edges are where they are at a time."""
        corners = self.corners
        if corners and t_ns < corners[-1][0]:
            t_ns = corners[-1][0]
        corner = (t_ns, self.low, self.high)
        if corners and corners[-1] == corner:
            return
        if len(corners) >= 2 and _on_a_line(corners[-2], corners[-1], corner):
            corners.pop()
        corners.append(corner)

    def slide(self, times_ns: tuple[int, int], low: int, high: int) -> None:
        """The edges go to new places, evenly; also when the other edge already did so in the same time."""
        start_ns, end_ns = times_ns
        corners = self.corners
        if len(corners) >= 2 and start_ns < end_ns == corners[-1][0] and corners[-2][0] < end_ns:
            before, last = corners[-2], corners.pop()
            if before[0] < start_ns:
                corners.append(_between(before, last, start_ns))
        else:
            self.corner(start_ns)
        self.low, self.high = low, high
        self.corner(end_ns)


def _between(first: Corner, second: Corner, t_ns: int) -> Corner:
    """Where the edges are at a time between two corners."""
    part, whole = t_ns - first[0], second[0] - first[0]
    return (
        t_ns,
        first[1] + (second[1] - first[1]) * part // whole,
        first[2] + (second[2] - first[2]) * part // whole,
    )


def _on_a_line(first: Corner, second: Corner, third: Corner) -> bool:
    """Whether the second corner says nothing: both edges go straight from the first to the third."""
    if first[0] == second[0] or second[0] == third[0]:
        return False
    before, after = second[0] - first[0], third[0] - second[0]
    return all(
        (second[edge] - first[edge]) * after == (third[edge] - second[edge]) * before for edge in (1, 2)
    )


class Pieces:
    """All pieces of main storage.

    Attributes:
        bands: those that are past.
        left_out: how many are not kept, because there are too many.
    """

    def __init__(self, state: str) -> None:
        """Pieces become bands of this state."""
        self.bands: list[Band] = []
        self.left_out = 0
        self._state = state
        self._pieces: list[Piece] = []
        self._corners = 0

    def of(self, lpar: str) -> tuple[Piece, ...]:
        """An LPAR's pieces, from the lowest."""
        return tuple(sorted((one for one in self._pieces if one.lpar == lpar), key=lambda one: one.low))

    def lose(self, lpar: str, low: int, high: int, times_ns: tuple[int, int], *, descending: bool) -> None:
        """Frames are left, one after another.

        Args:
            lpar: whose pages leave.
            low: lowest frame.
            high: frame behind the highest.
            times_ns: begin and end.
            descending: from the highest frame to the lowest.
        """
        for piece in self.of(lpar):
            first, last = max(piece.low, low), min(piece.high, high)
            if first < last:
                part_ns = _part(times_ns, (first - low, last - low), high - low, descending=descending)
                self._leave(piece, first, last, part_ns, descending=descending)

    def _leave(
        self, piece: Piece, low: int, high: int, times_ns: tuple[int, int], *, descending: bool
    ) -> None:
        if descending and piece.high > high:  # what lies above stays, as a piece of its own
            piece.corner(times_ns[0])
            self._open(piece.lpar, high, piece.high, times_ns[0])
            piece.high = high
            piece.corner(times_ns[0])
        elif not descending and piece.low < low:
            piece.corner(times_ns[0])
            self._open(piece.lpar, piece.low, low, times_ns[0])
            piece.low = low
            piece.corner(times_ns[0])
        if descending:
            piece.slide(times_ns, piece.low, low)
        else:
            piece.slide(times_ns, high, piece.high)
        if piece.low >= piece.high:
            self._close(piece)

    def gain(self, lpar: str, low: int, high: int, times_ns: tuple[int, int], *, descending: bool) -> None:
        """Frames are filled, one after another; as `lose`. The end that is filled first may join a piece."""
        mine = self.of(lpar)
        if descending:
            piece = next((one for one in mine if one.low == high), None)
        else:
            piece = next((one for one in mine if one.high == low), None)
        if piece is None:
            edge = high if descending else low
            piece = self._open(lpar, edge, edge, times_ns[0])
        if descending:
            piece.slide(times_ns, low, piece.high)
        else:
            piece.slide(times_ns, piece.low, high)

    def holders(self, low: int, high: int) -> list[tuple[int, int, str]]:
        """(lowest frame, frame behind the highest, LPAR) of what lies in an area, from the lowest."""
        found = [
            (max(one.low, low), min(one.high, high), one.lpar)
            for one in self._pieces
            if one.low < high and low < one.high
        ]
        return sorted(found)

    def put(self, lpar: str, areas: Iterable[tuple[int, int]], t_ns: int) -> None:
        """From now on an LPAR's pages are in these areas (lowest frame, frame behind the highest)."""
        wanted = [area for area in areas if area[0] < area[1]]
        for piece in self.of(lpar):
            if (piece.low, piece.high) in wanted:
                wanted.remove((piece.low, piece.high))
            else:
                piece.corner(t_ns)
                self._close(piece)
        for low, high in wanted:
            self._open(lpar, low, high, t_ns)

    def join(self, lpar: str, t_ns: int) -> None:
        """Pieces of an LPAR that lie side by side become one."""
        areas: list[tuple[int, int]] = []
        for piece in self.of(lpar):
            if areas and areas[-1][1] == piece.low:
                areas[-1] = areas[-1][0], piece.high
            else:
                areas.append((piece.low, piece.high))
        self.put(lpar, areas, t_ns)

    def finish(self, t_ns: int) -> tuple[Band, ...]:
        """All bands; what is there now ends."""
        for piece in tuple(self._pieces):
            piece.corner(t_ns)
            self._close(piece)
        return tuple(self.bands)

    def _open(self, lpar: str, low: int, high: int, t_ns: int) -> Piece:
        piece = Piece(lpar, low, high)
        piece.corner(t_ns)
        self._pieces.append(piece)
        return piece

    def _close(self, piece: Piece) -> None:
        self._pieces.remove(piece)
        if len(piece.corners) < 2:
            return
        if len(self.bands) >= PICTURE_BANDS_MAX or self._corners + len(piece.corners) > PICTURE_CORNERS_MAX:
            self.left_out += 1
            return
        self._corners += len(piece.corners)
        self.bands.append(Band(piece.lpar, self._state, tuple(piece.corners)))


def _part(
    times_ns: tuple[int, int], frames: tuple[int, int], count: int, *, descending: bool
) -> tuple[int, int]:
    """When a part of an area is dealt with, of the time for all of it.

    Args:
        times_ns: for all of it.
        frames: the part, from the area's lowest frame.
        count: frames of the area.
        descending: from the highest frame.
    """
    first, last = (count - frames[1], count - frames[0]) if descending else frames
    start_ns, length_ns = times_ns[0], times_ns[1] - times_ns[0]
    return start_ns + length_ns * first // count, start_ns + length_ns * last // count
