"""Oracles of a machine at rest: each finds what is planted, and nothing in a healthy machine."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from attrs import evolve

from lparvm.arch.address import Zone
from lparvm.machine import Machine
from lparvm.stress.oracles import ending
from trials import device, lpar, scenario, trial_of

TEXT = scenario(
    device("0190"),
    lpar("A", "0", size="32K", devices=["0190"]),
    lpar("B", "64K", size="32K"),
    main_storage="256K",
)


async def _told(plant: Callable[[Machine], object], oracle: Callable[[Machine], object]) -> list[str]:
    """What an oracle tells of a machine that was moved once and then harmed."""
    told: list[str] = []
    with pytest.raises(BaseException, match=r"Exceptions from Trio nursery|harmed on purpose"):
        async with trial_of(TEXT) as trial:
            assert (await trial.give("MVSTOR A HSA=128K")).result == "COMPLETED"
            await trial.sleep_ms(1)
            assert list(oracle(trial.machine)) == [], "nothing yet"
            plant(trial.machine)
            told += [f"{one.oracle}: {one.detail}" for one in oracle(trial.machine)]
            raise AssertionError("harmed on purpose")
    return told


def _move_state(machine: Machine) -> None:
    (state,) = machine.assembly.states["A"]
    state.zone = evolve(state.zone, origin=0)


def _move_map(machine: Machine) -> None:
    machine.assembly.zones.reserve("B", Zone(0, 8))
    machine.assembly.zones.commit("B")
    machine.assembly.zones.release("B")


def _reserve(machine: Machine) -> None:
    machine.assembly.zones.reserve("B", Zone(0, 8))


def _hold_starts(machine: Machine) -> None:
    iop = machine.assembly.iops["IOP1"]
    iop._state = evolve(iop._state, quiescing={"A": "op.9"})


AGREEMENT = {
    "a state description": (_move_state, "agreement: A is at"),
    "the map": (_move_map, "agreement: B is at"),
}


def _reserve_device(machine: Machine) -> None:
    machine.assembly.devices[0x190].reserved_by = "A"


LEAKS = {
    "a device": (_reserve_device, "leak: device 0190 is reserved by A"),
    "frames": (_reserve, "leak: B holds"),
    "starts": (_hold_starts, "leak: IOP1 still holds starts of A for op.9"),
    "SALE": (lambda machine: machine.assembly.resources._sales.update(x=None), "leak: SALE is under way"),
    "an operation": (
        lambda machine: machine.assembly.records.operations.update({"op.9": SimpleNamespace(moving=None, record=None)}), "leak: op.9 is under way",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", AGREEMENT)
async def test_who_says_another_zone_than_the_map_is_told(what, autojump_clock):
    plant, expected = AGREEMENT[what]
    told = await _told(plant, ending.agreement)
    assert told
    assert told[0].startswith(expected)


@pytest.mark.parametrize("what", LEAKS)
async def test_what_is_held_for_nobody_is_told(what, autojump_clock):
    plant, expected = LEAKS[what]
    told = await _told(plant, ending.leaks)
    assert told
    assert told[0].startswith(expected)
