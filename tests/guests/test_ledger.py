import pytest

from lparvm.errors import UsageError
from lparvm.guests.ledger import Ledger

from .bench import PAGE, Bench

BALANCE = 0xFF_FFFF_FFFF


def place(machine, account):
    return machine.guest._places[account]


def word(machine, account):
    at = machine.host(place(machine, account))
    return int.from_bytes(machine.storage.buffer[at : at + 8], "big")


def balances(machine):
    return [word(machine, account) & BALANCE for account in range(len(machine.guest._places))]


def test_amounts_move_between_accounts_from_all_lips_and_the_sum_stays():
    machine = Bench("ledger", lips=3, options={"accounts": 8})
    assert sum(balances(machine)) == 8000
    machine.run(100)
    assert len(set(balances(machine))) > 3
    assert sum(balances(machine)) + sum(machine.guest._held) == 8000
    assert machine.verify() == []


def test_what_a_lip_holds_between_debit_and_credit_is_counted():
    machine = Bench("ledger", lips=3, options={"accounts": 8})
    held = 0
    for _ in range(300):
        machine.run(1, budget=3)
        held += any(machine.guest._held)
        assert sum(balances(machine)) + sum(machine.guest._held) == 8000
        assert machine.verify() == []
    assert held > 20, "slices must end between debit and credit for this test to mean anything"


def test_the_audit_comes_around_again_and_again_without_a_false_alarm():
    machine = Bench("ledger", lips=3, options={"accounts": 16})
    laps = []
    compare = machine.guest._compare_sum
    machine.guest._compare_sum = lambda cpu, total: (laps.append(total), compare(cpu, total))
    machine.run(400, budget=5)  # slices end at every place of a transfer
    assert len(laps) > 10
    assert machine.guest.damage == []


@pytest.mark.parametrize("bit", [0, 7])
@pytest.mark.parametrize("byte", range(8))
def test_the_final_check_finds_a_flipped_bit_in_an_account(byte, bit):
    machine = Bench("ledger", lips=3)
    machine.run(20)
    machine.flip(place(machine, 5) + byte, bit)
    assert machine.verify()


@pytest.mark.parametrize(("byte", "what"), [(0, "tag"), (7, "sum of")])
def test_a_flipped_bit_is_found_while_it_runs(byte, what):
    machine = Bench("ledger", lips=3, options={"accounts": 32})
    machine.run(20)
    machine.flip(place(machine, 5) + byte, 1)
    assert what in machine.until_damage().expected


def test_a_wrong_sum_is_told_once():
    machine = Bench("ledger", lips=3, options={"accounts": 8})
    machine.flip(place(machine, 5) + 7, 1)
    machine.run(300)
    assert machine.guest.damage_count == 1
    assert machine.verify() == machine.guest.damage
    assert machine.guest.damage_count == 1


def test_swapped_pages_are_found():
    machine = Bench("ledger", pages=16, options={"accounts": 16})
    machine.run(10)
    machine.swap_pages(2, 9)
    assert {damage.address // PAGE for damage in machine.verify()} >= {2, 9}


def test_a_swap_that_is_lost_to_another_lip_changes_nothing():
    machine = Bench("ledger", lips=3, pages=1, options={"accounts": 2})
    machine.run(500, budget=1)
    assert machine.guest.steps > 50
    assert machine.verify() == []


def test_accounts_are_spread_over_the_zone():
    machine = Bench("ledger", pages=64, options={"accounts": 64})
    assert list(machine.pages_in_use()) == list(range(64))
    assert len(Bench("ledger", pages=1, options={"accounts": 1024}).guest._places) == 512, "as many as fit"


def test_an_account_needs_a_partner():
    with pytest.raises(UsageError, match="option 'accounts': 1; expected a whole number from 2"):
        Bench(Ledger, options={"accounts": 1})


def test_accounts_are_opened_in_what_is_added_as_dense_as_before():
    machine = Bench("ledger", pages=16, options={"accounts": 8})
    machine.grow(24)
    machine.until_answered()
    assert [place(machine, account) // PAGE for account in range(8, 12)] == pytest.approx(
        [16, 18, 20, 22], abs=1
    )
    assert sum(balances(machine)) + sum(machine.guest._held) == 12_000


@pytest.mark.parametrize("slices", range(0, 40, 3))
def test_what_is_in_accounts_that_are_closed_is_in_others_whatever_was_audited(slices):
    machine = Bench("ledger", lips=3, pages=16, options={"accounts": 8})
    machine.run(slices, budget=5)
    machine.want(8)
    machine.until_answered(budget=2)
    assert len(balances(machine)) == 4
    assert sum(balances(machine)) + sum(machine.guest._held) == 8000
    machine.run(100)
    assert machine.ended() == [None] * 3
    assert machine.verify() == []


def test_a_wrong_balance_in_an_account_that_is_closed_is_found_in_the_sum():
    machine = Bench("ledger", pages=16, options={"accounts": 8})
    machine.flip(place(machine, 7) + 7, 1)
    machine.want(8)
    machine.until_answered()
    assert "sum of" in machine.until_damage().expected


def test_two_accounts_stay():
    machine = Bench("ledger", pages=16, options={"accounts": 8})
    machine.want(1)
    answer = machine.until_answered()
    assert answer.reason == "fewer than 2 accounts would be left"
    machine.want(4)
    assert machine.until_answered().extent == 4


def test_accounts_are_opened_as_long_as_there_are_tags(monkeypatch):
    machine = Bench("ledger", pages=16, options={"accounts": 8})
    monkeypatch.setattr("lparvm.guests.ledger._TAGS", 10)
    machine.grow(24)
    machine.until_answered()
    assert len(balances(machine)) == 10
    assert machine.verify() == []
