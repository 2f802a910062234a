"""A zone table for people who have time: sets of frames, and nothing else. What the real one is held against."""

from lparvm.arch.address import Zone


def frames_of(zone: Zone) -> frozenset[int]:
    return frozenset(range(zone.origin, zone.end))


class ZoneModel:
    """Who has which frames. Each operation answers whether it is right; one that isn't changes nothing."""

    def __init__(self, frame_count: int) -> None:
        self.all = frozenset(range(frame_count))
        self.zones: dict[str, frozenset[int]] = {}
        self.beside: dict[str, tuple[str, frozenset[int]]] = {}
        self.groups: list[set[str]] = []
        self.retired: set[int] = set()

    def owners(self, frame: int) -> set[str]:
        holdings = [*self.zones.items(), *((lpar, frames) for lpar, (_, frames) in self.beside.items())]
        return {lpar for lpar, frames in holdings if frame in frames}

    def group_of(self, lpar: str) -> set[str]:
        return next((group for group in self.groups if lpar in group), {lpar})

    def free(self) -> set[int]:
        return {frame for frame in self.all if not self.owners(frame)} - self.retired

    def _can_be_given(self, zone: Zone, members: set[str]) -> bool:
        frames = frames_of(zone)
        return (
            bool(frames)
            and frames <= self.all - self.retired
            and all(self.owners(frame) <= members for frame in frames)
        )

    def _is_at_rest(self, lpar: str) -> bool:
        return lpar in self.zones and lpar not in self.beside and self.group_of(lpar) == {lpar}

    def assign(self, lpar: str, zone: Zone) -> bool:
        if lpar in self.zones or not self._can_be_given(zone, {lpar}):
            return False
        self.zones[lpar] = frames_of(zone)
        return True

    def reserve_all(self, placements: list[tuple[str, Zone]]) -> bool:
        members = {lpar for lpar, _ in placements}
        targets = [frame for _, zone in placements for frame in frames_of(zone)]
        if len(members) < len(placements) or len(set(targets)) < len(targets):
            return False
        if not all(self._is_at_rest(lpar) and self._can_be_given(zone, members) for lpar, zone in placements):
            return False
        self.beside.update({lpar: ("target", frames_of(zone)) for lpar, zone in placements})
        if len(members) > 1:
            self.groups.append(members)
        return True

    def commit_all(self, lpars: list[str]) -> bool:
        if not all(
            self.beside.get(lpar, ("",))[0] == "target" and self.group_of(lpar) <= set(lpars)
            for lpar in lpars
        ):
            return False
        for lpar in set(lpars):
            target = self.beside[lpar][1]
            self.beside[lpar] = ("vacated", self.zones[lpar])
            self.zones[lpar] = target
        return True

    def reserve_extension(self, lpar: str, extent: int) -> bool:
        if not self._is_at_rest(lpar) or extent <= len(self.zones[lpar]):
            return False
        extension = self._extension(lpar, extent)
        if not self._can_be_given(extension, {lpar}):
            return False
        self.beside[lpar] = ("extension", frames_of(extension))
        return True

    def resize(self, lpar: str, extent: int) -> bool:
        if lpar not in self.zones or extent in {0, len(self.zones[lpar])}:
            return False
        if extent > len(self.zones[lpar]):
            extension = frames_of(self._extension(lpar, extent))
            if self.beside.get(lpar) != ("extension", extension):
                return False
            del self.beside[lpar]
            self.zones[lpar] |= extension
            return True
        if not self._is_at_rest(lpar):
            return False
        origin = min(self.zones[lpar])
        kept = frozenset(frame for frame in self.zones[lpar] if frame < origin + extent)
        self.beside[lpar] = ("vacated", self.zones[lpar] - kept)
        self.zones[lpar] = kept
        return True

    def _extension(self, lpar: str, extent: int) -> Zone:
        zone = self.zones[lpar]
        return Zone(max(zone) + 1, extent - len(zone))

    def release(self, lpar: str) -> bool:
        if self.beside.pop(lpar, None) is None:
            return False
        self._end_groups()
        return True

    def remove(self, lpar: str) -> bool:
        if self.zones.pop(lpar, None) is None:
            return False
        self.beside.pop(lpar, None)
        for group in self.groups:
            group.discard(lpar)
        self._end_groups()
        return True

    def _end_groups(self) -> None:
        self.groups = [group for group in self.groups if group & set(self.beside)]

    def retire(self, frame: int) -> bool:
        if frame not in self.all:
            return False
        self.retired.add(frame)
        return True
