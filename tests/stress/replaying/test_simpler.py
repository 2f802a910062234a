"""What is tried to make a tape simpler: each takes something out, the largest steps first."""

import pytest

from lparvm.stress.replaying.simpler import (
    PROPOSALS,
    calm,
    fewer_faults,
    fewer_lpars,
    fewer_orders,
    orders_move_up,
)

CHOICES = {
    "machine": (2, 1),
    "lpar.A": (1,), "lpar.B": (2,), "lpar.C": (3,), "device.B": (4,),
    "operators": (9, 5),
    "order.001": (1, 1), "order.004": (1, 4), "order.006": (1, 6),
    "faults": (1,), "fault.0": (1,), "fault.3": (1,),
    "pace": (3,), "schedule": (0, 1), "clock": (5,), "guests": (7,),
}  # fmt: skip


def left_out(changed: object) -> set[str]:
    return CHOICES.keys() - {name for name, values in changed.items() if values}


def test_all_of_the_schedule_goes_first():
    assert left_out(next(calm(CHOICES))) == {"pace", "schedule", "clock"}


def test_commands_go_in_blocks_the_later_first():
    tried = [left_out(changed) for changed in fewer_orders(CHOICES)]
    assert tried == [
        {"order.001", "order.004", "order.006"}, {"order.006"}, {"order.004"}, {"order.001"},
    ]  # fmt: skip


def test_faults_go_all_at_once_first():
    assert left_out(next(fewer_faults(CHOICES))) == {"faults", "fault.0", "fault.3"}


@pytest.mark.parametrize(("place", "lpars"), [(0, "AB"), (1, "AC"), (2, "BC")])
def test_an_lpar_goes_and_those_behind_it_move_up_with_their_devices(place: int, lpars: str):
    changed = list(fewer_lpars(CHOICES))[place]
    assert changed["machine"] == (1, 1)
    for now, before in zip("AB", lpars, strict=True):
        assert changed[f"lpar.{now}"] == CHOICES[f"lpar.{before}"]
        assert changed.get(f"device.{now}", ()) == CHOICES.get(f"device.{before}", ())
    assert changed["lpar.C"] == ()


def test_one_lpar_stays():
    assert list(fewer_lpars({"machine": (0, 1)})) == list(fewer_lpars({})) == []


def test_commands_move_up_to_one_operator():
    changed = next(orders_move_up(CHOICES))
    assert [changed[f"order.{place:03}"] for place in range(3)] == [(1, 1), (1, 4), (1, 6)]
    assert "order.004" not in changed
    assert changed["operators"] == (0, 0)


def test_of_nothing_there_is_nothing_to_take_out():
    for propose in PROPOSALS:
        for changed in propose({}):
            assert not any(any(values) for values in changed.values()), propose.__name__
