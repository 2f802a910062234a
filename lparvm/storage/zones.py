"""Who holds which frames: the resource manager's map of main storage.

Invariant: *one owner a frame*. No frame is held by two LPARs, whatever for. Checked at each change; a
change that would break it is refused, raises `ProtocolError` and changes nothing: admission has to
say no before.

Life of a relocation in the map: `reserve` (step 203) holds the target beside the zone, `commit` makes the
target the zone and leaves the old zone held as vacated, `release` frees that. Backing out, `release` drops
the reservation. One LPAR's own holdings may overlap.

Several LPARs that change places are a *group*: `reserve_all`, `commit_all` in one step, and `release` of each.
The invariant in a group: from `reserve_all` until the last `release`, a frame may belong to several of its
members, of which one at most has it in its zone, one at most in its target, and one at most among what it
vacated. It never belongs to somebody outside the group. Before the commit it is the zones' contents that
count, after it again: zones overlap at no moment. Where the operation fails for good, the group ends by `part`.

A zone grows by `reserve_extension` and `resize`, and shrinks by `resize` and `release`. A frame that failed is
taken out of use by `retire`: nobody gets it any more, but who has it in a zone keeps it until it is freed.
"""

import bisect
from collections.abc import Iterable

from attrs import evolve, frozen

from lparvm.arch.address import Holding, HoldingKind, Zone
from lparvm.errors import ProtocolError


@frozen
class _Beside:
    """What an LPAR holds beside its zone.

    Attributes:
        zone: the frames.
        kind: a reservation, or what was vacated.
        extension: whether the frames are to be added to the zone, and not to become it.
    """

    zone: Zone
    kind: HoldingKind
    extension: bool = False


class ZoneTable:
    """The holdings of all LPARs. Owned by the resource manager.

    Attributes:
        frame_count: frames of main storage.
        retired: frames out of use, ascending.
    """

    def __init__(self, frame_count: int) -> None:
        """An empty map of a main storage of `frame_count` frames."""
        self.frame_count = frame_count
        self.retired: tuple[int, ...] = ()
        self._zones: dict[str, Zone] = {}
        self._beside: dict[str, _Beside] = {}
        self._groups: list[frozenset[str]] = []

    def assign(self, lpar: str, zone: Zone) -> None:
        """Give an LPAR that holds nothing its zone.

        Raises:
            ProtocolError: it holds one already, the zone is empty or ends past storage, or a frame is taken
                or retired.
        """
        self._require(lpar not in self._zones, f"{lpar} already has a zone")
        self._require_free(zone, lpar, (lpar,))
        self._zones[lpar] = zone

    def reserve(self, lpar: str, zone: Zone) -> None:
        """Hold a target for an LPAR beside its zone, which it may overlap (step 203).

        Raises:
            ProtocolError: as `reserve_all`.
        """
        self.reserve_all([(lpar, zone)])

    def reserve_all(self, placements: Iterable[tuple[str, Zone]]) -> None:
        """Hold a target for each of several LPARs, in one step: they form a group until all have released.

        A target may overlap the zones of the LPARs in the call; not those of others, and no other target.

        Args:
            placements: the LPARs and their targets.

        Raises:
            ProtocolError: one is named twice, has no zone, holds frames beside it already or belongs to a group that
                has not ended; or a frame is taken, retired or in two targets. Nothing is held then.
        """
        targets = list(placements)
        members = [lpar for lpar, _ in targets]
        self._require(len(set(members)) == len(members), f"an LPAR has two targets among {members}")
        for index, (lpar, zone) in enumerate(targets):
            self._require_nothing_beside(lpar)
            self._require_free(zone, lpar, members)
            for other, target in targets[:index]:
                self._require(
                    not target.overlaps(zone), f"{zone} for {lpar} has frames of the target of {other}"
                )
        for lpar, zone in targets:
            self._beside[lpar] = _Beside(zone, HoldingKind.RESERVED)
        if len(members) > 1:
            self._groups.append(frozenset(members))

    def commit(self, lpar: str) -> None:
        """Make the reserved target the zone; the old zone stays held as vacated until `release`.

        Raises:
            ProtocolError: as `commit_all`.
        """
        self.commit_all([lpar])

    def commit_all(self, lpars: Iterable[str]) -> None:
        """Make the targets of a whole group the zones, in one step; the old zones stay held as vacated.

        Raises:
            ProtocolError: one has no target reserved, or a member of its group is missing.
        """
        members = list(lpars)
        for lpar in members:
            beside = self._beside.get(lpar)
            is_target = beside is not None and beside.kind is HoldingKind.RESERVED and not beside.extension
            self._require(is_target, f"{lpar} has nothing reserved")
            missing = sorted(self._group_of(lpar) - set(members))
            self._require(not missing, f"{lpar} was reserved together with {', '.join(missing)}")
        for lpar in dict.fromkeys(members):
            target = self._beside[lpar].zone
            self._beside[lpar] = _Beside(self._zones[lpar], HoldingKind.VACATED)
            self._zones[lpar] = target

    def reserve_extension(self, lpar: str, extent: int) -> None:
        """Hold the frames from the end of a zone to its new end, for `resize`.

        Args:
            lpar: the LPAR.
            extent: the new extent of the whole zone, in frames; more than now.

        Raises:
            ProtocolError: it has no zone, or holds frames beside it already, or the extent is not larger, or
                a frame is taken or retired.
        """
        zone = self.zone_of(lpar)
        self._require_nothing_beside(lpar)
        self._require(extent > zone.extent, f"{lpar} has {zone.extent} frames already, of {extent}")
        extension = Zone(zone.end, extent - zone.extent)
        self._require_free(extension, lpar, (lpar,))
        self._beside[lpar] = _Beside(extension, HoldingKind.RESERVED, extension=True)

    def resize(self, lpar: str, extent: int) -> None:
        """Change the extent of a zone, which keeps its origin.

        Larger: the extension that was reserved becomes part of the zone. Smaller: what is cut off stays held as
        vacated until `release`.

        Args:
            lpar: the LPAR.
            extent: the new extent, in frames.

        Raises:
            ProtocolError: it has no zone; it is to grow and no extension to this extent is reserved; it is to
                shrink and holds frames beside its zone already; or the extent is 0 or that of now.
        """
        zone = self.zone_of(lpar)
        if extent > zone.extent:
            reserved = _Beside(Zone(zone.end, extent - zone.extent), HoldingKind.RESERVED, extension=True)
            self._require(
                self._beside.get(lpar) == reserved, f"{lpar} has no extension to {extent} frames reserved"
            )
            del self._beside[lpar]
        else:
            self._require(
                0 < extent < zone.extent, f"{lpar} can't shrink from {zone.extent} to {extent} frames"
            )
            self._require_nothing_beside(lpar)
            cut_off = Zone(zone.origin + extent, zone.extent - extent)
            self._beside[lpar] = _Beside(cut_off, HoldingKind.VACATED)
        self._zones[lpar] = evolve(zone, extent=extent)

    def release(self, lpar: str) -> None:
        """Free what an LPAR holds beside its zone: a reservation, or what it vacated.

        Frames that another member of its group holds stay held by that.

        Raises:
            ProtocolError: it holds nothing beside its zone.
        """
        self._require(lpar in self._beside, f"{lpar} holds nothing beside its zone")
        del self._beside[lpar]
        self._end_groups()

    def part(self, lpar: str) -> None:
        """End the group of an LPAR whose members will not release together: its operation failed for good.

        What a member holds beside its zone it keeps, but for frames that lie in the zone of one of them: those are
        the zone's alone, as they will be given up by whom they belong to. No effect where nothing is held beside.
        """
        members = sorted(self._group_of(lpar))
        zones = [self.zone_of(member) for member in members]
        for member in members:
            beside = self._beside.pop(member, None)
            if beside is not None:
                pieces = _without(beside.zone, zones)
                assert len(pieces) <= 1, "what lies between two zones, or beyond one, is one area"
                for piece in pieces:
                    self._beside[member] = evolve(beside, zone=piece)
        self._groups = [group for group in self._groups if lpar not in group]

    def freed_by_release(self, lpar: str) -> tuple[Zone, ...]:
        """Frames that nobody would hold after `release` of what the LPAR holds beside its zone; ascending.

        Raises:
            ProtocolError: it holds nothing beside its zone.
        """
        self._require(lpar in self._beside, f"{lpar} holds nothing beside its zone")
        held = [*self._zones.values(), *(one.zone for name, one in self._beside.items() if name != lpar)]
        return _without(self._beside[lpar].zone, held)

    def remove(self, lpar: str) -> None:
        """Free everything an LPAR holds.

        Raises:
            ProtocolError: it has no zone.
        """
        self.zone_of(lpar)
        del self._zones[lpar]
        self._beside.pop(lpar, None)
        self._groups = [group - {lpar} for group in self._groups]
        self._end_groups()

    def retire(self, frame: int) -> None:
        """Take a frame out of use for good; no effect where it is already.

        Who holds it keeps it until it is freed, and nobody gets it after that.

        Raises:
            ProtocolError: there is no such frame.
        """
        self._require(0 <= frame < self.frame_count, f"storage has no frame {frame}")
        if self.first_retired(Zone(frame, 1)) is None:
            self.retired = tuple(sorted((*self.retired, frame)))

    def first_retired(self, zone: Zone) -> int | None:
        """The lowest retired frame of an area; None where none is."""
        index = bisect.bisect_left(self.retired, zone.origin)
        if index < len(self.retired) and self.retired[index] < zone.end:
            return self.retired[index]
        return None

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
        """Everything that is held, ordered by origin; holdings of one LPAR, and of a group, may overlap."""
        held = [Holding(lpar, zone) for lpar, zone in self._zones.items()]
        beside = [Holding(lpar, one.zone, one.kind) for lpar, one in self._beside.items()]
        return tuple(sorted([*held, *beside], key=lambda one: (one.zone, one.lpar, one.kind)))

    def gap_after(self, lpar: str) -> int:
        """Unused frames from the end of the LPAR's zone to the next holding, retired frame or end of storage.

        Frames that the LPAR itself holds beside its zone are not unused.

        Raises:
            ProtocolError: it has no zone.
        """
        end = self.zone_of(lpar).end
        above = [one.zone.origin for one in self.holdings() if one.zone.end > end]
        retired = self.first_retired(Zone(end, self.frame_count - end))
        if retired is not None:
            above.append(retired)
        return max(0, min([*above, self.frame_count]) - end)

    def free_areas(self) -> tuple[Zone, ...]:
        """All frames that nobody holds and that are not retired, as areas as large as can be; ascending."""
        used = [*(one.zone for one in self.holdings()), *(Zone(frame, 1) for frame in self.retired)]
        return _without(Zone(0, self.frame_count), used)

    def _group_of(self, lpar: str) -> frozenset[str]:
        """The other LPARs that may share frames with it, and itself."""
        return next((group for group in self._groups if lpar in group), frozenset((lpar,)))

    def _end_groups(self) -> None:
        """A group ends with the last thing that one of its members holds beside its zone."""
        self._groups = [group for group in self._groups if any(lpar in self._beside for lpar in group)]

    def _require_nothing_beside(self, lpar: str) -> None:
        self.zone_of(lpar)
        self._require(lpar not in self._beside, f"{lpar} already holds frames beside its zone")
        # A member that has released may still share frames of its zone with one that has not.
        self._require(
            len(self._group_of(lpar)) == 1, f"{lpar} is in a group that has not released everything"
        )

    def _require_free(self, zone: Zone, lpar: str, members: Iterable[str]) -> None:
        self._require(zone.extent > 0, f"the zone for {lpar} is empty")
        self._require(
            zone.end <= self.frame_count,
            f"the zone for {lpar} ends at frame {zone.end}, past the end of storage at {self.frame_count}",
        )
        for held in self.holdings():
            self._require(
                held.lpar in members or not held.zone.overlaps(zone),
                f"{zone} for {lpar} has frames that {held.lpar} holds",
            )
        retired = self.first_retired(zone)
        self._require(retired is None, f"{zone} for {lpar} has frame {retired}, which is retired")

    def _require(self, condition: bool, problem: str) -> None:
        if not condition:
            raise self._broken(problem)

    def _broken(self, problem: str) -> ProtocolError:
        story = tuple(f"{held.lpar} holds {held.zone} ({held.kind})" for held in self.holdings())
        return ProtocolError(problem, story)


def _without(area: Zone, taken: Iterable[Zone]) -> tuple[Zone, ...]:
    """What is left of an area without some others, ascending."""
    left, origin = [], area.origin
    for one in sorted(taken):
        if area.overlaps(one):
            if one.origin > origin:
                left.append(Zone(origin, one.origin - origin))
            origin = max(origin, one.end)
    if origin < area.end:
        left.append(Zone(origin, area.end - origin))
    return tuple(left)
