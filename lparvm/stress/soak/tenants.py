"""The machine of a soak: an LPAR of each built-in guest, and the devices that they use.

Each device has a path from both IOPs: one of them may be varied off at any time. A tape and a disk lie in files.
"""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import Factory, frozen

from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.scenario import DeviceConfig, LparConfig, RunConfig, Scenario, Timing
from lparvm.stress.soak.options import SoakOptions
from lparvm.units import stream_seed

IOPS = ("IOP1", "IOP2")
_ALIGN_FRAMES = 16
EXTENT_MIN = 128
"""Frames of the smallest LPAR: each of the guests can be loaded there."""
_LPARS_PERCENT = 55
"""Of main storage: what is left is for moves, and for those who expand."""


@frozen
class Tenant:
    """An LPAR of the soak.

    Attributes:
        name: of the LPAR.
        guest: what runs there.
        weight: its share of storage, against those of the others.
        lips: the LIPs that run it; few, and shared: a message waits for a slice of each LIP.
        devices: their numbers.
        options: of the guest.
        expanded_blocks: its expanded storage, in blocks of 4 KiB.
    """

    name: str
    guest: str
    weight: int
    lips: tuple[str, ...]
    devices: tuple[int, ...] = ()
    options: Mapping[str, Any] = Factory(dict)
    expanded_blocks: int = 0


JOURNAL_DISK, PAGER_DISK, COPIER_DISK, COPIER_TAPE, SHARED_DISK, CONSOLE = range(0x190, 0x196)

TENANTS = (
    Tenant("HAMMER", "hammer", 24, ("LIP1", "LIP2")),
    Tenant("CHAIN", "chain", 12, ("LIP1",)),
    Tenant("LEDGER", "ledger", 6, ("LIP2", "LIP3")),
    Tenant("SWAPPER", "swapper", 4, ("LIP3",), expanded_blocks=512, options={"blocks": 512}),
    Tenant("JOURNAL", "journal", 4, ("LIP4",), (JOURNAL_DISK,)),
    Tenant("PAGER", "pager", 4, ("LIP4",), (PAGER_DISK,)),
    Tenant("COPIER", "copier", 2, ("LIP5",), (COPIER_DISK, COPIER_TAPE)),
    Tenant("SHARER1", "sharer", 1, ("LIP4",), (SHARED_DISK,)),
    Tenant("SHARER2", "sharer", 1, ("LIP5",), (SHARED_DISK,)),
    Tenant("TYPIST", "typist", 1, ("LIP5",), (CONSOLE,)),
    Tenant("IDLE", "idle", 20, ("LIP5",), options={"interval": "5ms", "fill": True}),
)


def soak_scenario(options: SoakOptions, directory: Path) -> Scenario:
    """The machine, drawn from the seed: sizes, places, latencies.

    Args:
        options: of the soak.
        directory: for the files of devices; it must exist and be empty.
    """
    draw = random.Random(stream_seed(options.seed, "soak", "machine"))
    frames = options.storage_bytes // PAGE_BYTES
    lpars = _lpars(draw, frames)
    lips = tuple(sorted({lip for lpar in lpars for lip in lpar.lips}))
    return Scenario(
        name="soak", title="All built-in guests, moved without pause", main_storage_frames=frames, timing=Timing(),
        iops=IOPS, devices=_devices(draw, directory), lpars=lpars, lips=lips, commands=(), faults=(),
        run=RunConfig(options.duration_ns), iop_rates=dict.fromkeys(IOPS),
    )  # fmt: skip


def _lpars(draw: random.Random, frames: int) -> tuple[LparConfig, ...]:
    unit = frames * _LPARS_PERCENT // 100 // sum(tenant.weight for tenant in TENANTS)
    extents = [_aligned(int(tenant.weight * unit * draw.uniform(0.6, 1.2))) for tenant in TENANTS]
    # In any order, with what is left spread between them.
    order = draw.sample(range(len(TENANTS)), len(TENANTS))
    gap = max(0, frames - sum(extents)) // (len(TENANTS) + 1) // _ALIGN_FRAMES * _ALIGN_FRAMES
    origins, origin = {}, 0
    for index in order:
        origins[index] = origin
        origin += extents[index] + gap
    lpars = []
    for index, tenant in enumerate(TENANTS):
        zone = Zone(origins[index], extents[index])
        options = {**tenant.options, "seed": draw.getrandbits(32)}
        lpar = LparConfig(
            tenant.name, zone, tenant.lips, tenant.guest, options, tenant.devices, tenant.expanded_blocks
        )
        lpars.append(lpar)
    return tuple(lpars)


def _aligned(extent: int) -> int:
    return max(EXTENT_MIN, extent // _ALIGN_FRAMES * _ALIGN_FRAMES)


def _devices(draw: random.Random, directory: Path) -> tuple[DeviceConfig, ...]:
    disk = {"size": "256K"}
    kinds: tuple[tuple[int, str, dict[str, Any]], ...] = (
        (JOURNAL_DISK, "disk", disk),
        (PAGER_DISK, "disk", {**disk, "path": str(directory / "pager.img")}),
        (COPIER_DISK, "disk", disk),
        (COPIER_TAPE, "tape", {"rewind": "5ms", "path": str(directory / "copier.aws")}),
        (SHARED_DISK, "disk", disk),
        (CONSOLE, "console", {}),
    )
    return tuple(
        DeviceConfig(
            number, kind, tuple(draw.sample(IOPS, len(IOPS))), draw.randint(100, 3_000) * 1_000, options
        )
        for number, kind, options in kinds
    )
