"""What an IOP knows: the state that `io_processor` turns."""

from collections.abc import Mapping

from attrs import Factory, frozen

from lparvm.arch.address import Zone
from lparvm.protocol import messages as m


@frozen
class DeviceNotAvailable:
    """Event, in answer to `Begin`: the device cannot take this start now; it waits for DeviceFreed.

    Attributes:
        busy: for anybody: it is at work at another IOP. Else it is reserved, and may take the holder's start.
    """

    start: m.StartIo
    arrival: int
    busy: bool = False


@frozen
class Waiting:
    """A start that has not begun.

    Attributes:
        arrival: its place in the order.
        held: its LPAR is quiescing.
        deferred: its device was not available.
        busy: it was so for anybody: no start that came later passes this one.
    """

    start: m.StartIo
    arrival: int
    held: bool = False
    deferred: bool = False
    busy: bool = False


@frozen
class IoProcessor:
    """An IOP's state.

    Attributes:
        devices: device numbers on this IOP, by LPAR that may use them.
        zones: SALE, by LPAR.
        running: device number -> the start whose channel program it runs.
        waiting: starts that have not begun, in order of arrival.
        suspended: devices whose running program is suspended.
        resumes: devices whose program is to be resumed, held.
        quiescing: LPAR -> operation that holds its starts.
        given_up: device number -> the start that was cleared while the device was at work.
        overdue: device number -> operation that waited for it in vain.
        offline: devices whose path from here is varied off.
        reset: LPARs whose guests are stopped for good; what their programs reserve late is freed.
        stale: devices that still run a program from before a system reset; what it reserves is freed, too.
        abandoned: LPARs that are check-stopped: no operation waits for their I/O.
        arrivals: how many starts came.
    """

    devices: Mapping[str, tuple[int, ...]]
    zones: Mapping[str, Zone]
    running: Mapping[int, m.StartIo] = Factory(dict)
    waiting: tuple[Waiting, ...] = ()
    suspended: tuple[int, ...] = ()
    resumes: tuple[int, ...] = ()
    quiescing: Mapping[str, str] = Factory(dict)
    given_up: Mapping[int, m.StartIo] = Factory(dict)
    overdue: Mapping[int, str] = Factory(dict)
    offline: tuple[int, ...] = ()
    reset: tuple[str, ...] = ()
    stale: tuple[int, ...] = ()
    abandoned: tuple[str, ...] = ()
    arrivals: int = 0

    def active(self, lpar: str) -> tuple[int, ...]:
        """Devices that run a channel program of the LPAR and may touch its storage, ascending."""
        mine = (device for device, start in self.running.items() if start.lpar == lpar)
        return tuple(sorted(device for device in mine if device not in self.suspended))
