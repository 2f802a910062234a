"""How far a channel program is: for the message that names a busy device, and for what an IOP accounts."""

from attrs import define

from lparvm.arch.address import PAGE_SHIFT


@define
class Progress:
    """How far a channel program is.

    Attributes:
        operation: the command that runs, as its device calls it.
        command: its command code; 0 before the first.
        ccw_address: guest absolute address of the CCW in control.
        bytes_left: bytes of its count that are not moved yet.
        bytes_moved: bytes of data that the whole program has moved.
        areas: guest absolute address and size of the CCW in control, of its data, or of each of its IDAWs
            and data blocks as far as they were needed until now.
    """

    operation: str = "START"
    command: int = 0
    ccw_address: int = 0
    bytes_left: int = 0
    bytes_moved: int = 0
    areas: tuple[tuple[int, int], ...] = ()

    @property
    def pages(self) -> tuple[tuple[int, int], ...]:
        """The guest pages of `areas`, as (first, last) pairs, ascending and apart from each other.

        They are as the program gives them, so they may lie outside the zone: the access finds that out.
        """
        ranges = sorted(
            (address >> PAGE_SHIFT, (address + count - 1) >> PAGE_SHIFT)
            for address, count in self.areas
            if count
        )
        merged: list[tuple[int, int]] = []
        for first, last in ranges:
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            else:
                merged.append((first, last))
        return tuple(merged)
