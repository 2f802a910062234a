"""Shared words: what LIPs and device do to them is a history, and one that no order explains is damage."""

from functools import partial
from random import Random

import pytest

from guests.bench import Bench
from lparvm.devices.registry import make_device
from lparvm.machine import Parts
from lparvm.stress.guests import shared
from lparvm.stress.oracles.linearizability import Kind, check_register
from machines import story
from test_planted_faults import LipThatDoesNotStop, LipWithAStaleOrigin
from trials import device, lpar, scenario
from witness_runs import SHARED, run_guests

DISK = 0x190
MOVES = ("MVSTOR A HSA=64K", "MVSTOR A HSA=72K", "XCHSTOR A B", "MVSTOR A HSA=0")
ONE_SHARED = scenario(
    device("0190"),
    lpar("A", "0", size="12K", guest=SHARED, devices=["0190"], lips=3, options={"words": 3, "io": 10}),
    lpar("B", "512K", size="8K", guest="idle"),
    main_storage="1M", rate="4M",
)  # fmt: skip


def bench(pages=4, lips=2, devices=(DISK,), seed=0, **options):
    options = {"operations": 40, "words": 3, "io": 30, **options}
    return Bench(SHARED, pages=pages, lips=lips, devices=devices, seed=seed, options=options)


def calls_of(machine):
    return [call for calls in machine.guest.histories.values() for call in calls]


@pytest.mark.parametrize(
    ("pages", "lips", "devices", "does_io"),
    [(1, 1, (), False), (1, 3, (DISK,), False), (2, 1, (DISK,), True), (8, 3, (DISK,), True)],
)
def test_it_ends_intact_in_zones_of_any_size(pages, lips, devices, does_io):
    machine = bench(pages, lips, devices)
    machine.until(lambda: machine.guest.finished)
    assert machine.verify() == []
    assert machine.guest.undecided == 0
    assert machine.guest.steps == 40 * lips
    assert any(call.who.startswith("channel") for call in calls_of(machine)) == does_io


@pytest.mark.parametrize("seed", range(6))
def test_its_history_is_linearizable_while_starts_are_halted_and_the_zone_moves(seed):
    machine = bench(seed=seed)
    ended = machine.disturb(Random(seed), 150, origins=8)
    machine.until(lambda: machine.guest.finished)
    assert any(ended.values()), "a start was halted or cleared"
    assert machine.verify() == []
    assert machine.guest.undecided == 0


def test_a_transfer_that_was_given_up_may_have_had_its_effect_or_not():
    machine = bench(
        io=100, devices={DISK: make_device("fault", DISK, 1000, {"script": ["ok", "unit-check"] * 9})}
    )
    machine.until(lambda: any(call.optional and call.end is not None for call in calls_of(machine)))
    machine.until(lambda: machine.guest.finished)
    assert machine.verify() == []


def test_a_guest_that_stands_in_the_midst_of_a_transfer_can_be_judged():
    machine = bench(io=100)
    machine.until(lambda: any(call.end is None for call in calls_of(machine)))
    assert machine.verify() == []


@pytest.mark.parametrize("word", range(3))
def test_a_word_that_changes_behind_their_backs_is_found(word):
    machine = bench(io=0)
    machine.until(lambda: machine.guest.steps > 20)
    address = list(machine.guest.histories)[word]
    machine.flip(address)
    machine.until(lambda: machine.guest.finished)
    (damage,) = machine.verify()
    assert (damage.address, damage.expected) == (address, "a linearizable history")
    assert "no order explains it" in damage.found


def test_a_store_that_comes_again_later_is_found():
    # As a LIP with a stale origin, or a late transfer, would do it: an old value is there again.
    machine = bench(words=1)
    machine.until(lambda: machine.guest.finished)
    ((address, calls),) = machine.guest.histories.items()
    old = next(call for call in calls if call.kind is Kind.STORE)
    machine.storage.buffer[machine.host(address) : machine.host(address) + 8] = old.value.to_bytes(8, "big")
    assert [damage.address for damage in machine.verify()] == [address]


@pytest.mark.parametrize("address", [0x10, 0x1C08])
def test_a_damaged_channel_program_or_filling_is_found(address):
    machine = bench()
    machine.until(lambda: machine.guest.finished)
    machine.flip(address)
    assert [damage.address for damage in machine.verify()] == [address]


def test_a_history_that_has_too_many_orders_is_counted_as_undecided(monkeypatch):
    machine = bench(io=100)
    machine.until(lambda: machine.guest.finished)
    monkeypatch.setattr(shared, "check_register", partial(check_register, configurations_max=0))
    assert machine.verify() == []
    assert machine.guest.undecided == 3


# In a machine.


@pytest.mark.parametrize("seed", range(2))
def test_it_is_intact_with_relocations_and_without(seed):
    for commands in ((), MOVES):
        run = run_guests(ONE_SHARED, *commands, seed=seed)
        assert run.report.verdict == "intact", story(run.report)
        assert run.guests["A"].finished
        assert run.guests["A"].undecided == 0


@pytest.mark.parametrize("lip", [LipThatDoesNotStop, LipWithAStaleOrigin])
def test_a_lip_that_is_broken_on_purpose_is_found(lip):
    run = run_guests(ONE_SHARED, *MOVES, parts=Parts(lip=lip), seed=3)
    damage = [one.expected for guest in run.report.guests for one in guest.damage]
    assert "a linearizable history" in damage, story(run.report)
