"""The resource manager in the model: the real actor, with its map of main storage."""

from collections.abc import Hashable
from typing import Any

from attrs import frozen

from lparvm.actors.resource_manager import ResourceManager
from lparvm.arch.address import Holding, HoldingKind, Zone
from lparvm.protocol.actor_names import RESOURCE_MANAGER
from lparvm.storage.expanded_storage import ExpandedStorage
from lparvm.storage.zones import ZoneTable
from lparvm.stress.statespace.configuration import Configuration
from lparvm.stress.statespace.part import Step
from lparvm.stress.statespace.surroundings import (
    NO_TRACE,
    STANDING_CLOCK,
    Directory,
    copied,
    envelope,
    key_of,
)
from lparvm.stress.statespace.wording import told, with_sent


class Manager(ResourceManager):
    """The real one, whose state can be compared."""

    def key(self) -> Hashable:
        """Equal for managers that decide alike."""
        return key_of(self, ("_expanded",))

    def holdings(self) -> tuple[Holding, ...]:
        """Everything that is held."""
        return self._zones.holdings()

    @property
    def retired(self) -> tuple[int, ...]:
        """Frames out of use."""
        return self._zones.retired

    def sales(self) -> tuple[str, ...]:
        """Operations whose SALE is under way."""
        return tuple(self._sales)


@frozen
class MapFacts:
    """What invariants look at.

    Attributes:
        zones: of each LPAR.
        beside: what LPARs hold beside them.
    """

    zones: tuple[tuple[str, Zone], ...]
    beside: tuple[tuple[str, Zone], ...]

    def zone_of(self, lpar: str) -> Zone:
        """The map's zone of an LPAR."""
        return dict(self.zones)[lpar]


class ManagerPart:
    """See the module."""

    name = RESOURCE_MANAGER
    sink = False

    def __init__(self, configuration: Configuration, make: type[Manager]) -> None:
        """`make` makes the manager."""
        self._configuration, self._make = configuration, make
        self._directory = Directory()
        self.in_flight_max = (3 + len(configuration.iops)) * len(configuration.lpars)

    def first(self) -> Manager:
        """Every LPAR has its zone."""
        zones = ZoneTable(self._configuration.frames)
        for lpar in self._configuration.lpars:
            zones.assign(lpar.name, lpar.zone)
        return self._make(self._directory, NO_TRACE, STANDING_CLOCK, zones, ExpandedStorage(0))

    def key(self, state: Manager) -> Hashable:
        """See there."""
        return state.key()

    def facts(self, state: Manager) -> MapFacts:
        """See there."""
        held = state.holdings()
        zones = tuple((one.lpar, one.zone) for one in held if one.kind is HoldingKind.ZONE)
        beside = tuple((one.lpar, one.zone) for one in held if one.kind is not HoldingKind.ZONE)
        return MapFacts(zones, beside)

    def deaf(self, state: Manager) -> bool:
        """Never."""
        del state
        return False

    def final(self, state: Manager) -> tuple[int, ...]:
        """The frames that are out of use."""
        return state.retired

    def owing(self, state: Manager) -> str:
        """SALE under way."""
        sales = ", ".join(state.sales())
        return f"{self.name}: SALE of {sales} is under way" if sales else ""

    def take(self, state: Manager, message: Any) -> list[Step]:
        """Handle it."""
        self._directory.taken()
        after = copied(state)
        after.handle(envelope(message))
        sent = self._directory.taken()
        return [Step(with_sent(f"takes {told(message)}", sent), after, sent)]

    def act(self, state: Manager) -> list[Step]:
        """Nothing."""
        del state
        return []
