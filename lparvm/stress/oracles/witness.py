"""Relocation invisibility: what witnesses saw and left behind, with relocations and without, must be equal."""

from collections.abc import Iterator, Mapping

from lparvm.stress.guests.witness import WitnessRecord, record

__all__ = ["WitnessRecord", "compare_witnesses", "record"]


def compare_witnesses(
    with_relocations: Mapping[str, WitnessRecord], without: Mapping[str, WitnessRecord]
) -> list[str]:
    """What differs, in words; nothing where relocations are invisible.

    A witness that has not finished, in one run or both, is compared as far as both have come, and its storage not at
    all: that it stands still is for those to find who look for liveness.

    Args:
        with_relocations: LPAR -> the record of its witness.
        without: the same of the run without relocations.
    """
    told = []
    for lpar in sorted({*with_relocations, *without}):
        one, other = with_relocations.get(lpar), without.get(lpar)
        if one is None or other is None:
            told.append(f"LPAR {lpar}: a witness only {'with' if other is None else 'without'} relocations")
            continue
        told += [f"LPAR {lpar}: {what}" for what in _differences(one, other)]
    return told


def _differences(one: WitnessRecord, other: WitnessRecord) -> Iterator[str]:
    yield from _sights(one, other)
    if not (one.finished and other.finished):
        return
    if len(one.pages) != len(other.pages):
        yield f"{len(one.pages)} pages with relocations, {len(other.pages)} without"
    for page, (moved, unmoved) in enumerate(zip(one.pages, other.pages, strict=False)):
        if moved != unmoved:
            yield f"storage of page {page} differs, digest {moved:08X} with relocations, {unmoved:08X} without"
    for page, (moved, unmoved) in enumerate(zip(one.keys, other.keys, strict=False)):
        if moved != unmoved:
            yield f"storage key of page {page} differs, {moved:02X} with relocations, {unmoved:02X} without"


def _sights(one: WitnessRecord, other: WitnessRecord) -> Iterator[str]:
    """From which operation on the processors saw something else."""
    if len(one.seen) != len(other.seen):
        yield f"{len(one.seen)} processors with relocations, {len(other.seen)} without"
    for cpu_address, (moved, unmoved) in enumerate(zip(one.seen, other.seen, strict=False)):
        common = min(len(moved), len(unmoved))
        if moved[:common] == unmoved[:common]:
            continue
        first = next(number for number in range(common) if moved[number] != unmoved[number])
        yield f"processor {cpu_address} saw something else in operation {first + 1} of {max(len(moved), len(unmoved))}"
