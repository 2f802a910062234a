from iop_messages import DISK, TAPE, after, ended, ssch, tsch
from lparvm.arch.interception import ModifySubchannel
from lparvm.arch.interruption import IoInterruption
from lparvm.protocol import channel_subsystem as cs
from lparvm.protocol.interruptions import Presented, Wait, end_wait, present, waiting

DISK_ENDED = IoInterruption(DISK, 1, 0xCAFE, 0)
TAPE_ENDED = IoInterruption(TAPE, 0, 0xCAFE, 0)


def two_pending(*first):
    """The disk's interruption is number 1, the tape's number 2."""
    return after(*first, ssch(TAPE), ssch(DISK), ended(2), ended(1, device=TAPE, iop="IOP2"))


def wait(cpu_address, *devices, number=None, classes=0xFF):
    number = cpu_address if number is None else number
    return Wait(f"LIP{cpu_address}", cpu_address, number, devices, classes)


def test_an_interruption_nobody_waits_for_stays_pending():
    state = two_pending()
    waits = (wait(0, 2),)
    assert present(waits, state, in_sie=True) == (waits, state, ())
    assert present((), state, in_sie=True) == ((), state, ())


def test_the_lowest_processor_that_is_enabled_takes_it():
    waits = (wait(0, 2), wait(3, DISK), wait(2, DISK, 2))
    left, state, presented = present(waits, two_pending(), in_sie=True)
    assert presented == (Presented("LIP2", 1, DISK_ENDED),)
    assert [one.cpu_address for one in left] == [0, 3], "the others go on waiting"
    assert [one.number for one in cs.pending(state)] == [2]


def test_the_oldest_interruption_goes_first_and_each_to_another_processor():
    waits = (wait(1, DISK, TAPE), wait(0, DISK, TAPE))
    left, state, presented = present(waits, two_pending(), in_sie=True)
    assert presented == (Presented("LIP0", 1, DISK_ENDED), Presented("LIP1", 2, TAPE_ENDED))
    assert (left, cs.pending(state)) == ((), ())


def test_a_lower_subclass_goes_before_an_older_interruption():
    state = two_pending(ModifySubchannel(DISK, isc=3))
    _, _, presented = present((wait(0, DISK, TAPE),), state, in_sie=True)
    assert presented == (Presented("LIP0", 2, TAPE_ENDED),)


def test_a_processor_takes_only_subclasses_that_it_is_enabled_for():
    state = two_pending(ModifySubchannel(DISK, isc=3))
    _, _, presented = present((wait(0, DISK, TAPE, classes=0x10),), state, in_sie=True)
    assert [one.interruption.device for one in presented] == [DISK]
    assert present((wait(0, DISK, TAPE, classes=0x6F),), state, in_sie=True)[2] == ()


def test_a_processor_can_be_enabled_for_all_devices_or_for_none():
    every = Wait("LIP0", 0, 1, None)
    assert len(present((every,), two_pending(), in_sie=True)[2]) == 1
    assert present((wait(0),), two_pending(), in_sie=True)[2] == ()


def test_nothing_is_presented_while_the_guest_is_not_in_sie():
    state, waits = two_pending(), (wait(0, DISK, TAPE),)
    assert present(waits, state, in_sie=False) == (waits, state, ())
    assert present(waits, state, in_sie=True)[2] == (Presented("LIP0", 1, DISK_ENDED),), "but after it is"


def test_what_the_guest_cleared_is_not_presented():
    state, _, _ = cs.perform(two_pending(), tsch(DISK))
    assert present((wait(0, DISK),), state, in_sie=True)[2] == ()


def test_a_wait_whose_time_is_over_takes_nothing_and_no_other_wait_with_it():
    waits = end_wait((wait(0, DISK, number=1), wait(1, DISK, number=2)), 1)
    assert (waiting(waits, 1), waiting(waits, 2)) == (False, True)
    assert present(waits, two_pending(), in_sie=True)[2] == (Presented("LIP1", 1, DISK_ENDED),)
    assert end_wait(waits, 1) == waits, "over before: nothing"
