"""Who holds which frames: the resource manager's map of main storage.

Invariant: *one owner a frame*. No frame is held by two LPARs, whatever for. Checked at each change; a
change that would break it is refused, raises `ProtocolError` and changes nothing: admission has to
say no before.

Life of a relocation in the map: `reserve` (step 203) holds the target beside the zone, `commit` makes the
target the zone and leaves the old zone held as vacated, `release` frees that. Backing out, `release` drops
the reservation. One LPAR's own holdings may overlap.
"""

from lparvm.arch.address import Holding, HoldingKind, Zone
from lparvm.errors import ProtocolError


class ZoneTable:
    """The holdings of all LPARs. Owned by the resource manager."""

    def __init__(self, frame_count: int) -> None:
        """An empty map of a main storage of `frame_count` frames."""
        self.frame_count = frame_count
        self._zones: dict[str, Zone] = {}
        self._beside: dict[str, Holding] = {}

    def assign(self, lpar: str, zone: Zone) -> None:
        """Give an LPAR that holds nothing its zone.

        Raises:
            ProtocolError: it holds one already, the zone is empty or ends past storage, or a frame is taken.
        """
        self._require(lpar not in self._zones, f"{lpar} already has a zone")
        self._require_free(lpar, zone)
        self._zones[lpar] = zone

    def reserve(self, lpar: str, zone: Zone) -> None:
        """Hold a target for an LPAR beside its zone, which it may overlap (step 203).

        Raises:
            ProtocolError: it has no zone, or holds frames beside it already, or a frame is taken.
        """
        self.zone_of(lpar)
        self._require(lpar not in self._beside, f"{lpar} already holds frames beside its zone")
        self._require_free(lpar, zone)
        self._beside[lpar] = Holding(lpar, zone, HoldingKind.RESERVED)

    def commit(self, lpar: str) -> None:
        """Make the reserved target the zone; the old zone stays held as vacated until `release`.

        Raises:
            ProtocolError: nothing is reserved.
        """
        reserved = self._beside.get(lpar)
        if reserved is None or reserved.kind is not HoldingKind.RESERVED:
            raise self._broken(f"{lpar} has nothing reserved")
        self._beside[lpar] = Holding(lpar, self._zones[lpar], HoldingKind.VACATED)
        self._zones[lpar] = reserved.zone

    def release(self, lpar: str) -> None:
        """Free what an LPAR holds beside its zone: a reservation, or what it vacated.

        Raises:
            ProtocolError: it holds nothing beside its zone.
        """
        self._require(lpar in self._beside, f"{lpar} holds nothing beside its zone")
        del self._beside[lpar]

    def remove(self, lpar: str) -> None:
        """Free everything an LPAR holds.

        Raises:
            ProtocolError: it has no zone.
        """
        self.zone_of(lpar)
        del self._zones[lpar]
        self._beside.pop(lpar, None)

    def zone_of(self, lpar: str) -> Zone:
        """The zone of an LPAR.

        Raises:
            ProtocolError: it has none.
        """
        zone = self._zones.get(lpar)
        if zone is None:
            raise self._broken(f"{lpar} has no zone")
        return zone

    def holdings(self) -> tuple[Holding, ...]:
        """Everything that is held, ordered by origin; holdings of one LPAR may overlap."""
        held = [Holding(lpar, zone) for lpar, zone in self._zones.items()]
        return tuple(sorted([*held, *self._beside.values()], key=lambda one: (one.zone, one.lpar, one.kind)))

    def gap_after(self, lpar: str) -> int:
        """Unused frames from the end of the LPAR's zone to the next holding or the end of storage.

        Frames that the LPAR itself holds beside its zone are not unused.

        Raises:
            ProtocolError: it has no zone.
        """
        end = self.zone_of(lpar).end
        above = [one.zone.origin for one in self.holdings() if one.zone.end > end]
        return max(0, min([*above, self.frame_count]) - end)

    def _require_free(self, lpar: str, zone: Zone) -> None:
        self._require(zone.extent > 0, f"the zone for {lpar} is empty")
        self._require(
            zone.end <= self.frame_count,
            f"the zone for {lpar} ends at frame {zone.end}, past the end of storage at {self.frame_count}",
        )
        for held in self.holdings():
            self._require(
                held.lpar == lpar or not held.zone.overlaps(zone),
                f"{zone} for {lpar} has frames that {held.lpar} holds",
            )

    def _require(self, condition: bool, problem: str) -> None:
        if not condition:
            raise self._broken(problem)

    def _broken(self, problem: str) -> ProtocolError:
        story = tuple(f"{held.lpar} holds {held.zone} ({held.kind})" for held in self.holdings())
        return ProtocolError(problem, story)
