"""Plans: any seed draws a machine that can be built, and no choices at all draw the simplest one."""

from hypothesis import given, settings
from hypothesis import strategies as st

from lparvm import dst
from lparvm.arch.address import Zone
from lparvm.stress.swarm.draw import draw_plan
from lparvm.stress.swarm.orders import VERBS
from lparvm.stress.swarm.plan import Pace, Role
from lparvm.stress.verdict import SIZES


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1 << 40), size=st.sampled_from(SIZES))
def test_every_seed_draws_a_machine_that_fits(seed, size):
    plan = draw_plan(dst.Tape(seed), size)
    scenario = plan.scenario
    taken: list[Zone] = []
    for lpar in scenario.lpars:
        assert lpar.zone.end <= scenario.main_storage_frames
        assert not any(lpar.zone.overlaps(other) for other in taken), "zones don't meet"
        taken.append(lpar.zone)
        assert set(lpar.lips) <= set(scenario.lips)
        assert set(lpar.devices) <= {device.number for device in scenario.devices}
    for device in scenario.devices:
        assert device.iops, "a device has a path"
        assert set(device.iops) <= set(scenario.iops)
    assert set(plan.roles) == {lpar.name for lpar in scenario.lpars}
    assert {order.verb for orders in plan.operators for order in orders} <= {verb for verb, _ in VERBS}


def test_no_choices_at_all_are_the_simplest_machine():
    plan = draw_plan(dst.Tape(given={}), "mixed")
    (lpar,) = plan.scenario.lpars
    assert plan.roles == {"A": Role.PULSE}
    assert (lpar.lips, lpar.devices, plan.scenario.iops) == (("LIP1",), (), ())
    assert plan.operators == ((),)
    assert (plan.blows, plan.pace, plan.jumps, plan.freezes) == ((), Pace(), 0, 0)


def test_the_same_choices_draw_the_same_plan():
    for seed in range(20):
        tape = dst.Tape(seed)
        drawn = draw_plan(tape, "mixed")
        assert draw_plan(tape.again(), "mixed") == drawn


def test_leaving_an_order_out_changes_nothing_else():
    tape = dst.Tape(11)
    whole = draw_plan(tape, "mixed")
    choices = {name: values for name, values in tape.choices.items() if name != "order.001"}
    without = draw_plan(dst.Tape(given=choices), "mixed")
    flat = [order for orders in whole.operators for order in orders]
    left = [order for orders in without.operators for order in orders]
    assert len(left) == len(flat) - 1
    assert all(order in flat for order in left)
    assert without.scenario == whole.scenario
