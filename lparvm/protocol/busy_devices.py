"""Devices that step 202 waits for, and how an operator is told of them."""

import enum
from collections.abc import Sequence

from attrs import frozen

from lparvm.config import BUSY_DEVICES_NAMED_MAX, BUSY_PAGES_NAMED_MAX
from lparvm.units import format_duration


class Busy(enum.StrEnum):
    """What to do when I/O does not end within QUIESCE=."""

    REFUSE = "REFUSE"
    WAIT = "WAIT"
    HALT = "HALT"


@frozen
class BusyDevice:
    """A device that keeps an IOP from going out of operation for an LPAR.

    Attributes:
        device: device number.
        iop: the IOP that runs its channel program.
        path: number of the path by which it runs, from 0: the IOP's place in the device's list.
        operation: name of the command that runs, as the device calls it.
        command: its command code.
        ccw_address: guest absolute address of its CCW.
        bytes_left: bytes of the CCW's count that are not moved yet.
        active_ns: how long the channel program has run.
        pages: pages that CCW and data area lie in, as (first, last) pairs of guest page numbers, ascending.
        lpar: whose channel program it is.
    """

    device: int
    iop: str
    path: int
    operation: str
    command: int
    ccw_address: int
    bytes_left: int
    active_ns: int
    pages: tuple[tuple[int, int], ...] = ()
    lpar: str = ""

    @property
    def key(self) -> tuple[str, int]:
        """What it is known by: a device may be busy on one IOP, and later on another."""
        return self.iop, self.device

    @property
    def name(self) -> str:
        """Short, for the operator."""
        return f"{self.device:04X} on {self.iop}"


def describe(device: BusyDevice) -> str:
    """All about a busy device, in one line."""
    return (
        f"{device.name}, path {device.path}: {device.operation} ({device.command:02X}), "
        f"CCW at {device.ccw_address:#x}, {device.bytes_left} bytes left, "
        f"active {format_duration(device.active_ns)}, {_pages(device.pages)}"
    )


def describe_all(devices: Sequence[BusyDevice]) -> str:
    """Devices for the end of a message: one in the same line, several in lines of their own.

    No more than `BUSY_DEVICES_NAMED_MAX` are named; of the others it is told how many there are.
    """
    if len(devices) == 1:
        return describe(devices[0])
    return _bounded([f"\n  {describe(device)}" for device in devices], "", BUSY_DEVICES_NAMED_MAX, "\n  ")


def names(devices: Sequence[BusyDevice]) -> str:
    """Only which devices; bounded like `describe_all`."""
    return _bounded([device.name for device in devices], ", ", BUSY_DEVICES_NAMED_MAX, ", ")


def _pages(pages: Sequence[tuple[int, int]]) -> str:
    if not pages:
        return "no pages"
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in pages]
    one = len(pages) == 1 and pages[0][0] == pages[0][1]
    return f"page{'' if one else 's'} " + _bounded(shown, ", ", BUSY_PAGES_NAMED_MAX, ", ")


def _bounded(parts: Sequence[str], separator: str, most: int, before_more: str) -> str:
    more = len(parts) - most
    text = separator.join(parts[:most])
    return f"{text}{before_more}and {more} more" if more > 0 else text
