import pytest

from lparvm import config
from lparvm.errors import UsageError
from lparvm.guests import Damage, Guest

from .bench import Bench


@pytest.fixture
def guest():
    return Bench("idle").guest


def test_damage_is_taken_once(guest):
    one, two = Damage(0, "a", "b", "LIP1"), Damage(8, "a", "b", None)
    guest.add_damage(one)
    assert guest.take_damage() == [one]
    assert guest.take_damage() == []
    guest.add_damage(two)
    assert guest.take_damage() == [two]
    assert guest.damage == [one, two]


def test_the_same_damage_is_told_once_whoever_finds_it(guest):
    guest.add_damage(Damage(0, "a", "b", "LIP1"))
    guest.add_damage(Damage(0, "a", "b", None))
    assert guest.damage_count == 1
    guest.add_damage(Damage(0, "a", "c", None))
    assert guest.damage_count == 2


def test_details_of_damage_are_bounded_and_the_count_is_not(guest):
    for address in range(0, 8000, 8):
        guest.add_damage(Damage(address, "a", "b", None))
    assert len(guest.damage) == config.DAMAGE_RECORDS_MAX
    assert guest.damage_count == 1000


def test_refusing_an_option_names_guest_option_and_value(guest):
    with pytest.raises(UsageError) as caught:
        guest.refuse_option("pages", "an even number")
    assert str(caught.value) == "guest Idle: option 'pages': 4; expected an even number"


def test_the_contract_is_abstract():
    assert Guest.__abstractmethods__ == {
        "fetches", "load", "observe", "run", "steps", "stores", "take_span", "verify",
    }  # fmt: skip
