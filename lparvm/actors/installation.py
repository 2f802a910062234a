"""What LPAR control may use of the machine when LPARs come and go."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TypeVar

from attrs import frozen

from lparvm.actors.guest_table import GuestTable
from lparvm.storage.expanded_storage import ExpandedStorage

K = TypeVar("K")
V = TypeVar("V")


class Look(Mapping[K, V]):
    """A mapping that is looked up anew each time: what it holds changes while LPARs come and go."""

    def __init__(self, look: Callable[[], Mapping[K, V]]) -> None:
        """`look` gives it as it is now."""
        self._look = look

    def __getitem__(self, key: K) -> V:
        return self._look()[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._look())

    def __len__(self) -> int:
        return len(self._look())


@frozen(eq=False)
class Installation:
    """The machine, as far as LPAR control sees it.

    Attributes:
        guests: the guests that are loaded.
        expanded: expanded storage.
        devices: every device with the names of its IOPs, in the order of its paths.
        iops: the names of all IOPs.
        lips: a look at the LIPs that there are.
        failed: a look at which LPARs' guests can't go on.
        provide: makes the LIPs of these names, and LIP control of that LPAR, that are not there yet, and starts them.
    """

    guests: GuestTable
    expanded: ExpandedStorage
    devices: Mapping[int, tuple[str, ...]]
    iops: tuple[str, ...]
    lips: Callable[[], tuple[str, ...]]
    failed: Callable[[], Collection[str]]
    provide: Callable[[str, tuple[str, ...]], None]
