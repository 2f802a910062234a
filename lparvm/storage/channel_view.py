"""Main storage as an I/O processor uses it for one channel program.

Addresses are guest absolute, as in the CCWs of a guest. Each access is checked against the zone that the last
SALE gave the I/O processor, and against the subchannel key of the start. It is read at each access and kept
nowhere, as for a guest; an access that fails touches nothing.
"""

from collections.abc import Callable

from lparvm.arch.address import PAGE_SHIFT, Zone
from lparvm.arch.channel import SubchannelStatus
from lparvm.storage.access import Span, first_protected, mark_accessed, words_touched
from lparvm.storage.main_storage import MainStorage

_PAGE_MASK = (1 << PAGE_SHIFT) - 1


class ChannelCheck(Exception):  # noqa: N818 - the architecture's word; it becomes subchannel status
    """An access of a channel program was refused; the start function ends with this subchannel status.

    Attributes:
        status: program check (outside the zone) or protection check.
        address: guest absolute address of the first byte refused.
    """

    def __init__(self, status: SubchannelStatus, address: int) -> None:
        """Keep status and guest absolute address."""
        self.status, self.address = status, address
        super().__init__(f"{status.name} at guest absolute {address:#x}")


class ChannelView:
    """What an I/O processor uses of main storage for one channel program.

    Attributes:
        origin: host absolute frame used by the last access; None before the first one.
    """

    def __init__(self, storage: MainStorage, zone_in_force: Callable[[], Zone], access_key: int) -> None:
        """A view of `storage`.

        Args:
            storage: main storage.
            zone_in_force: the zone that SALE set last for the LPAR; asked at each access.
            access_key: the subchannel key, 0 to 15.
        """
        self._storage = storage
        self._zone_in_force = zone_in_force
        self._access_key = access_key
        self.origin: int | None = None
        self._span = Span()

    def fetch(self, address: int, count: int) -> bytes:
        """`count` bytes from a guest absolute address on.

        Raises:
            ChannelCheck: outside the zone, or protected.
        """
        host = self._access(address, count, store=False)
        return bytes(self._storage.buffer[host : host + count])

    def store(self, address: int, data: bytes) -> None:
        """Store bytes from a guest absolute address on: all of them or, refused, none.

        Raises:
            ChannelCheck: outside the zone, or protected.
        """
        host = self._access(address, len(data), store=True)
        self._storage.buffer[host : host + len(data)] = data

    @property
    def span(self) -> Span:
        """What was touched since the last `take_span`."""
        return self._span

    def take_span(self) -> Span:
        """What was touched since the last call; the next span begins here."""
        span, self._span = self._span, Span()
        return span

    def _access(self, address: int, count: int, *, store: bool) -> int:
        if count < 0:
            raise ValueError(f"{count} bytes; expected 0 or more")
        zone = self._zone_in_force()
        if address < 0 or address + count > zone.extent_bytes:
            outside = zone.extent_bytes if 0 <= address < zone.extent_bytes else address
            raise ChannelCheck(SubchannelStatus.PROGRAM_CHECK, outside)
        host = zone.origin_bytes + address
        first = host >> PAGE_SHIFT
        frames = self._storage.keys[first : (host + count + _PAGE_MASK) >> PAGE_SHIFT]
        refused = first_protected(frames, self._access_key, store=store)
        if refused is not None:
            page = max(address, (refused + first - zone.origin) << PAGE_SHIFT)
            raise ChannelCheck(SubchannelStatus.PROTECTION_CHECK, page)
        if count:
            mark_accessed(frames, store=store)
            self._account(host, address, count, store=store)
        self.origin = zone.origin
        return host

    def _account(self, host: int, address: int, count: int, *, store: bool) -> None:
        span = self._span
        words = words_touched(address, count)
        end = host + count - 1
        self._span = Span(
            fetches=span.fetches + (0 if store else words),
            stores=span.stores + (words if store else 0),
            lowest_host=host if span.lowest_host is None else min(host, span.lowest_host),
            highest_host=end if span.highest_host is None else max(end, span.highest_host),
        )
