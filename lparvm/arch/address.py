"""Frames, pages and zones.

Two address spaces. *Host absolute* counts from the start of main storage; *guest absolute* counts from the
origin of a zone: host = origin + guest. A *frame* is 4 KiB of host absolute storage, a *page* the same of
guest absolute storage. Zones are half-open and counted in frames; bytes appear at the edges only.
"""

import enum

from attrs import field, frozen, validators

PAGE_SHIFT = 12
PAGE_BYTES = 1 << PAGE_SHIFT


def frames_of(size_bytes: int) -> int:
    """Frames of a size in bytes.

    Raises:
        ValueError: not a multiple of 4096.
    """
    if size_bytes % PAGE_BYTES:
        raise ValueError(f"{size_bytes} is not a multiple of {PAGE_BYTES}")
    return size_bytes >> PAGE_SHIFT


@frozen(order=True)
class Zone:
    """Contiguous frames `[origin, end)`, in host absolute frame numbers."""

    origin: int = field(validator=validators.ge(0))
    extent: int = field(validator=validators.ge(0))

    @property
    def end(self) -> int:
        """The first frame above the zone."""
        return self.origin + self.extent

    @property
    def origin_bytes(self) -> int:
        """Host absolute address of the first byte."""
        return self.origin << PAGE_SHIFT

    @property
    def extent_bytes(self) -> int:
        """Size in bytes."""
        return self.extent << PAGE_SHIFT

    def __contains__(self, frame: int) -> bool:
        return self.origin <= frame < self.end

    def overlaps(self, other: "Zone") -> bool:
        """Whether a frame lies in both."""
        return max(self.origin, other.origin) < min(self.end, other.end)

    def contains(self, other: "Zone") -> bool:
        """Whether every frame of `other` lies in this zone."""
        return self.origin <= other.origin and other.end <= self.end

    def minus(self, other: "Zone") -> "tuple[Zone, ...]":
        """What is left of this zone outside `other`: none, one or two zones, ascending."""
        if not self.overlaps(other):
            return (self,) if self.extent else ()
        left = Zone(self.origin, max(0, other.origin - self.origin))
        right_origin = min(other.end, self.end)
        right = Zone(right_origin, self.end - right_origin)
        return tuple(zone for zone in (left, right) if zone.extent)

    @classmethod
    def from_bytes(cls, origin_bytes: int, size_bytes: int) -> "Zone":
        """The zone of a host absolute address and size in bytes, both multiples of 4096.

        Raises:
            ValueError: one is no multiple of 4096.
        """
        return cls(frames_of(origin_bytes), frames_of(size_bytes))


class HoldingKind(enum.StrEnum):
    """Why an LPAR holds frames."""

    ZONE = "zone"
    RESERVED = "reserved"
    VACATED = "vacated"


@frozen
class Holding:
    """Frames that belong to one LPAR: its zone, a reserved target, or what it left and must still be freed."""

    lpar: str
    zone: Zone
    kind: HoldingKind = HoldingKind.ZONE
