"""Half of the pulses that have devices suspend their channel programs; the simplest machine has none that does."""

from lparvm.dst import Tape
from lparvm.stress.swarm.machine import draw_machine
from lparvm.stress.swarm.plan import Role


def pulses(tape):
    """Options of the pulses of a machine, and whether they have devices."""
    machine, roles = draw_machine(tape, "mixed")
    return [(one.options, bool(one.devices)) for one in machine.lpars if roles[one.name] is Role.PULSE]


def test_half_of_the_pulses_with_devices_suspend_their_programs_and_no_other():
    drawn = [one for seed in range(100) for one in pulses(Tape(seed))]
    suspends = [options.get("suspend", False) for options, has_devices in drawn if has_devices]
    assert 0.3 < sum(suspends) / len(suspends) < 0.7, f"{sum(suspends)} of {len(suspends)}"
    assert not any(options.get("suspend") for options, has_devices in drawn if not has_devices)


def test_the_simplest_machine_has_no_pulse_that_suspends():
    assert not any(options.get("suspend") for options, _ in pulses(Tape(given={})))
