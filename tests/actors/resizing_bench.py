"""Machines whose LPARs are resized, driven by a test; at their end no guest is damaged and no rule broken."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from lparvm.arch.address import Zone
from lparvm.machine import Options, open_machine
from lparvm.scenario import parse_scenario
from lparvm.storage.main_storage import POISON_KEY
from machines import story
from trials import Event, Trial, device, lpar, scenario

ZONE, END = Zone(256, 64), 384
"""B's zone when it begins, and the frame where C begins."""


def tenants(
    conduct: str = "give", *, kind: str = "Tenant", lips: int = 2, iops: int = 2, **options: object
) -> str:
    """A at the bottom, which hammers, B, the tenant, and C, which hammers above a gap of 256K."""
    values = {"conduct": conduct, **options}
    return scenario(
        device("0190", iop=["IOP1", "IOP2"][:iops], latency="3ms"),
        lpar("A", "0", guest="hammer"),
        lpar("B", "1M", guest=f"tenant_guests:{kind}", lips=lips, devices=["0190"], options=values),
        lpar("C", "1536K", guest="hammer"),
        iops=iops, main_storage="3M",
    )  # fmt: skip


@asynccontextmanager
async def bench(text: str = "", *, agreed: bool = True, **options: Any) -> AsyncIterator[Trial]:
    """Run a machine; it is intact at its end, and (`agreed`) all its parts say one zone of each LPAR."""
    trial = Trial()
    chosen = Options(listeners=(trial.feed,), **options)
    async with open_machine(parse_scenario(text or tenants()), chosen) as machine:
        trial.machine = machine
        yield trial
        if agreed:
            agrees(trial)
    report = machine.report
    assert report is not None
    broken = {one.rule for one in report.rules if one.verdict == "broken"}
    assert not broken, story(report)
    assert not any(one.damage_count for one in report.guests), story(report)


def agrees(trial: Trial) -> None:
    """The map, LPAR control, LIP control, every IOP and every state description say one zone; nothing is held."""
    assembly = trial.machine.assembly
    held = [one for one in assembly.zones.holdings() if one.kind != "zone"]
    assert not held or assembly.records.operations, held
    for name, control in assembly.lip_controls.items():
        entry = assembly.records.lpars[name]
        said = {"LPAR control": entry.zone, "LIP control": control._control.zone}
        said |= {state.lip: state.zone for state in assembly.states[name]}
        said |= {iop: assembly.iops[iop].zone_of(entry.name) for iop in entry.iops}
        zone = assembly.zones.zone_of(name)
        assert all(one == zone for one in said.values()), (name, zone, said)


def zone(trial: Trial, lpar: str = "B") -> Zone:
    """Its zone, by the map."""
    return trial.machine.assembly.zones.zone_of(lpar)


def guest(trial: Trial, lpar: str = "B") -> Any:
    """The guest itself."""
    return trial.machine.assembly.guests[lpar]


_FACTS = {
    "area.reserved", "area.cleared", "sale.set", "zone.resized", "extent.set", "zone.noted", "guest.signalled",
    "guest.answered", "area.poisoned", "area.released", "lip.stopped", "sie.issued", "iop.quiesced",
}  # fmt: skip


def facts(trial: Trial, op: str) -> list[str]:
    """What was told of an operation, in order; what differs by LIP or IOP only, once."""
    told: list[str] = []
    for event in trial.events:
        name = event["event"]
        if event["op"] == op and name in _FACTS and told[-1:] != [name]:
            told.append(name)
    return told


def frames(event: Event) -> Zone:
    """The zone of a fact."""
    return Zone(event["origin_frame"], event["extent_frames"])


def poisoned(trial: Trial, area: Zone) -> bool:
    """Whether every frame of the area is poisoned, or was never touched."""
    storage = trial.machine.storage
    keys = storage.keys[area.origin : area.end]
    return bool(((keys == POISON_KEY) | ~storage.committed(area)).all())
