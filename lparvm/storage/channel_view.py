"""Main storage as an I/O processor uses it for one channel program.

Addresses are guest absolute, as in the CCWs of a guest. Each access is checked against the zone that the last
SALE gave the I/O processor, and against the subchannel key of the start. The zone is asked for at each access
and kept nowhere, as for a guest; an access that fails touches nothing.

This is the path of all data between guests and devices, so an access allocates nothing but its result.
"""

from collections.abc import Callable
from struct import Struct
from typing import Any

from lparvm.arch.address import PAGE_SHIFT, Zone
from lparvm.arch.channel import SubchannelStatus
from lparvm.arch.storage_key import CHANGE, REFERENCE
from lparvm.storage.access import Span, first_protected_frame, mark_frames
from lparvm.storage.main_storage import MainStorage

_NOTHING_LOWEST = 1 << 64


class ChannelCheck(Exception):  # noqa: N818 - the architecture's word; it becomes subchannel status
    """A channel program cannot go on; the start function ends with this subchannel status.

    Attributes:
        status: program check (such as outside the zone), protection check, channel data check, or another.
        address: guest absolute address of the first byte, or of the CCW, that is refused.
    """

    def __init__(self, status: SubchannelStatus, address: int) -> None:
        """Keep status and guest absolute address."""
        self.status, self.address = status, address
        super().__init__(f"{status.name} at guest absolute {address:#x}")


class TransferRefused(Exception):  # noqa: N818 - the trace's word
    """A channel program that was given up came late with an access; nothing was touched.

    Attributes:
        address: guest absolute address of the access.
        count: its size in bytes.
    """

    def __init__(self, address: int, count: int) -> None:
        """Keep what was asked for."""
        self.address, self.count = address, count
        super().__init__(f"{count} bytes at guest absolute {address:#x}, of a channel program given up")


class ChannelView:
    """What an I/O processor uses of main storage for one channel program.

    Attributes:
        origin: host absolute frame used by the last access; None before the first one.
        on_zone_change: called before the first access under another origin than that of the access before;
            `origin` and the span are still those of the accesses until then. None: nobody.
    """

    __slots__ = (
        "_access_key", "_buffer", "_fetches", "_first_fault", "_highest", "_key_buffer", "_lowest", "_revoked",
        "_stores", "_zone_in_force", "on_zone_change", "origin",
    )  # fmt: skip

    def __init__(
        self,
        storage: MainStorage,
        zone_in_force: Callable[[], Zone],
        access_key: int,
        on_zone_change: Callable[[], None] | None = None,
    ) -> None:
        """A view of `storage`.

        Args:
            storage: main storage.
            zone_in_force: the zone that SALE set last for the LPAR; asked at each access.
            access_key: the subchannel key, 0 to 15.
            on_zone_change: see the class.
        """
        self._first_fault = storage.first_fault
        self._buffer = storage.buffer
        self._key_buffer = storage.key_buffer
        self._zone_in_force = zone_in_force
        self._access_key = access_key
        self._revoked = False
        self.on_zone_change = on_zone_change
        self.origin: int | None = None
        self._fetches = self._stores = 0
        self._lowest, self._highest = _NOTHING_LOWEST, -1

    def fetch(self, address: int, count: int) -> bytes:
        """`count` bytes from a guest absolute address on, as a copy.

        Raises:
            ChannelCheck: outside the zone, protected, or a frame is faulty.
            TransferRefused: the view was revoked.
        """
        host = self._access(address, count, REFERENCE)
        return bytes(self._buffer[host : host + count])

    def fetch_fields(self, address: int, layout: Struct) -> tuple[Any, ...]:
        """The fields of `layout` at a guest absolute address, taken apart without a copy in between.

        Raises:
            ChannelCheck: outside the zone, protected, or a frame is faulty.
            TransferRefused: the view was revoked.
        """
        return layout.unpack_from(self._buffer, self._access(address, layout.size, REFERENCE))

    def store(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """Store bytes from a guest absolute address on: all of them or, refused, none.

        Raises:
            ChannelCheck: outside the zone, protected, or a frame is faulty.
            TransferRefused: the view was revoked.
        """
        count = len(data)
        host = self._access(address, count, REFERENCE | CHANGE)
        self._buffer[host : host + count] = data

    def window(self, address: int, count: int, *, store: bool = False) -> memoryview:
        """Guest storage itself from a guest absolute address on, accounted for as one access.

        To be used at once, and not kept: the zone may move at any wait.

        Args:
            address: guest absolute address.
            count: bytes.
            store: to store there; else it is read-only.

        Raises:
            ChannelCheck: outside the zone, protected, or a frame is faulty.
            TransferRefused: the view was revoked.
        """
        host = self._access(address, count, REFERENCE | CHANGE if store else REFERENCE)
        window = self._buffer[host : host + count]
        return window if store else window.toreadonly()

    def revoke(self) -> None:
        """The channel program is given up: each later access is refused. Idempotent."""
        self._revoked = True

    @property
    def span(self) -> Span:
        """What was touched since the last `take_span`."""
        if self._highest < 0:
            return Span()
        return Span(self._fetches, self._stores, self._lowest, self._highest)

    def take_span(self) -> Span:
        """What was touched since the last call; the next span begins here."""
        span = self.span
        self._fetches = self._stores = 0
        self._lowest, self._highest = _NOTHING_LOWEST, -1
        return span

    def _access(self, address: int, count: int, bits: int) -> int:  # noqa: C901 - in one piece for speed
        """Check and account for an access, and set the key bits `bits`; its host absolute address."""
        if self._revoked:
            raise TransferRefused(address, count)
        if count < 0:
            raise ValueError(f"{count} bytes; expected 0 or more")
        zone = self._zone_in_force()
        if address < 0 or address + count > zone.extent << PAGE_SHIFT:
            self._refuse_outside(address, zone)
        host = (zone.origin << PAGE_SHIFT) + address
        if not count:
            return host
        last = host + count - 1
        first_frame, last_frame = host >> PAGE_SHIFT, last >> PAGE_SHIFT
        key = self._key_buffer[first_frame]
        if self._access_key and (first_frame != last_frame or key >> 4 != self._access_key):
            self._check_keys(address, zone, first_frame, last_frame, store=bits != REFERENCE)
        if self._first_fault(zone) is not None:
            self._check_faults(address, zone, first_frame, last_frame)
        if zone.origin != self.origin:
            self._change_origin(zone.origin)
        if first_frame != last_frame or key & bits != bits:
            mark_frames(self._key_buffer, first_frame, last_frame, bits)
        words = ((address & 7) + count + 7) >> 3
        if bits == REFERENCE:
            self._fetches += words
        else:
            self._stores += words
        if host < self._lowest:  # noqa: PLR1730 - min() takes five times as long
            self._lowest = host
        if last > self._highest:  # noqa: PLR1730 - as for min()
            self._highest = last
        return host

    def _refuse_outside(self, address: int, zone: Zone) -> None:
        outside = zone.extent_bytes if 0 <= address < zone.extent_bytes else address
        raise ChannelCheck(SubchannelStatus.PROGRAM_CHECK, outside)

    def _check_keys(self, address: int, zone: Zone, first: int, last: int, *, store: bool) -> None:
        frame = first_protected_frame(self._key_buffer, first, last, self._access_key, store=store)
        if frame is not None:
            page = max(address, (frame - zone.origin) << PAGE_SHIFT)
            raise ChannelCheck(SubchannelStatus.PROTECTION_CHECK, page)

    def _check_faults(self, address: int, zone: Zone, first: int, last: int) -> None:
        frame = self._first_fault(Zone(first, last - first + 1))
        if frame is not None:
            page = max(address, (frame - zone.origin) << PAGE_SHIFT)
            raise ChannelCheck(SubchannelStatus.CHANNEL_DATA_CHECK, page)

    def _change_origin(self, origin: int) -> None:
        if self.origin is not None and self.on_zone_change is not None:
            self.on_zone_change()
        self.origin = origin
