"""direction: pages are walked so that none is overwritten before it was read (step 204).

Checked, of each move, from its own source and target (an inverse move's are exchanged):
- where they overlap: upwards from the last page down, downwards from the first page up. Disjoint areas may
  be walked either way;
- the chunks go the way that was announced, each beginning where the one before it ended.

Not checked: the order of pages within a chunk (that shows in the checksums); whether all pages come (that is
page-custody).
`checked` counts chunks.
"""

from collections.abc import Mapping

from lparvm.trace.rules.base import Checker, Event, Handler

ASCENDING, DESCENDING = "ascending", "descending"


class DirectionRight(Checker):
    """The direction is right for the overlap."""

    name = "direction"
    steps = (204, 208)

    def listen(self) -> Mapping[str, Handler]:
        """The events of the mover."""
        # LPAR -> its move's direction, and the page at which the next chunk has to begin (ascending) or end.
        self._moves: dict[str, tuple[str, int]] = {}
        return {"move.started": self._started, "chunk.moved": self._chunk, "move.ended": self._ended}

    def _started(self, event: Event) -> None:
        displacement = event["target_frame"] - event["source_frame"]
        direction, pages = event["direction"], event["pages"]
        needed = DESCENDING if displacement > 0 else ASCENDING
        if abs(displacement) < pages and displacement and direction != needed:
            areas = f"from frame {event['source_frame']} to {event['target_frame']}, {pages} pages"
            self.violate(event, f"{areas} overlap: {direction}, but must be {needed}")
        first = event["first_page"]
        self._moves[event["lpar"]] = direction, first + pages if direction == DESCENDING else first

    def _chunk(self, event: Event) -> None:
        self.checked += 1
        move = self._moves.get(event["lpar"])
        if move is None:
            return
        direction, at = move
        first, end = event["first_page"], event["first_page"] + event["pages"]
        begins, goes_on = (end, first) if direction == DESCENDING else (first, end)
        if begins != at:
            edge = "end" if direction == DESCENDING else "begin"
            self.violate(event, f"pages [{first}, {end}) of a move {direction}: had to {edge} at page {at}")
        self._moves[event["lpar"]] = direction, goes_on

    def _ended(self, event: Event) -> None:
        self._moves.pop(event["lpar"], None)
