"""Zones, fillings and contents, for the tests of the exchange."""

import random

from hypothesis import strategies as st

from lparvm.arch.address import Zone
from lparvm.arch.exchange_geometry import frames_between_needed
from lparvm.config import EXCHANGE_RUNS_PER_CHUNK_MAX
from lparvm.storage.main_storage import MainStorage

ORIGIN = 3


def zones_of(lower: int, gap: int, upper: int) -> tuple[Zone, Zone]:
    return Zone(ORIGIN, lower), Zone(ORIGIN + lower + gap, upper)


@st.composite
def geometries(draw):
    """Two zones, either one first."""
    zones = zones_of(draw(st.integers(1, 40)), draw(st.integers(0, 30)), draw(st.integers(1, 40)))
    return zones if draw(st.booleans()) else zones[::-1]


chunk_sizes = st.lists(st.integers(1, 35), min_size=1, max_size=8)
fillings = st.integers(0, 2**32)


def storage_for(zones) -> MainStorage:
    return MainStorage(max(zone.end for zone in zones) + 2)


def fill(storage: MainStorage, seed: int, share: float = 0.66) -> None:
    """Give this share of the frames contents of their own, and every frame a key; the others stay untouched."""
    rng = random.Random(seed)
    for frame in range(storage.frame_count):
        if rng.random() < share:
            storage.words.reshape(-1, 512)[frame] = rng.randrange(1, 1 << 64)
            storage.frames[frame, 0] = frame % 251
        storage.keys[frame] = rng.randrange(256)


def contents(storage: MainStorage, *zones: Zone) -> bytes:
    """Every byte and key of the zones, in the order given; of all of storage where none is."""
    zones = zones or (Zone(0, storage.frame_count),)
    return b"".join(
        storage.frames[zone.origin : zone.end].tobytes() + storage.keys[zone.origin : zone.end].tobytes()
        for zone in zones
    )


def untouched_areas(zones) -> list[Zone]:
    """What lies outside the zones and the frames between that the exchange needs."""
    lower, upper = sorted(zones)
    between = [Zone(lower.end, upper.origin - lower.end)]
    for needed in frames_between_needed(*zones):
        between = [rest for one in between for rest in one.minus(needed)]
    return [Zone(0, lower.origin), *between, Zone(upper.end, 2)]


def run(one, sizes, chunks_max: int = 100_000) -> None:
    for index in range(chunks_max):
        chunk = one.next_chunk(sizes[index % len(sizes)])
        if chunk is None:
            return
        assert chunk.pages <= sizes[index % len(sizes)]
        assert len(chunk.runs) <= EXCHANGE_RUNS_PER_CHUNK_MAX
        assert sum(each.pages for each in chunk.runs) == chunk.pages
        one.move(chunk)
