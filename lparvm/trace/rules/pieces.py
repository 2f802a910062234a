"""Which page of which LPAR stands in which frames, by what an exchange tells: pieces, followed run by run."""

from attrs import evolve, frozen


@frozen
class Piece:
    """Pages `[page, page + pages)` of an LPAR, in frames from `frame` on."""

    lpar: str
    page: int
    frame: int
    pages: int

    @property
    def end(self) -> int:
        """The first frame above."""
        return self.frame + self.pages


class Pieces:
    """The pieces of all LPARs concerned, without overlap; as few as describe it."""

    def __init__(self, *pieces: Piece) -> None:
        """Begin with these."""
        self._pieces = sorted(pieces, key=lambda one: one.frame)

    def take(self, frame: int, pages: int) -> list[Piece]:
        """Cut out what stands in these frames."""
        end = frame + pages
        taken, kept = [], []
        for one in self._pieces:
            if one.end <= frame or end <= one.frame:
                kept.append(one)
                continue
            low, high = max(one.frame, frame), min(one.end, end)
            taken.append(_cut(one, low, high))
            kept += [_cut(one, *part) for part in ((one.frame, low), (high, one.end)) if part[0] < part[1]]
        self._pieces = kept
        return taken

    def put(self, pieces: list[Piece], displacement: int) -> None:
        """Put pieces that were taken so many frames further up."""
        moved = [evolve(one, frame=one.frame + displacement) for one in pieces]
        joined: list[Piece] = []
        for one in sorted([*self._pieces, *moved], key=lambda each: each.frame):
            last = joined[-1] if joined else None
            if last and (last.lpar, last.end, last.page + last.pages) == (one.lpar, one.frame, one.page):
                joined[-1] = evolve(last, pages=last.pages + one.pages)
            else:
                joined.append(one)
        self._pieces = joined

    def of(self, lpar: str) -> list[Piece]:
        """Where the pages of an LPAR are, by frame."""
        return [one for one in self._pieces if one.lpar == lpar]


def _cut(piece: Piece, low: int, high: int) -> Piece:
    return Piece(piece.lpar, piece.page + low - piece.frame, low, high - low)
