"""How a guest in Python takes service signals: when, what its program sees of it, and what holds without a handler."""

import numpy as np
import pytest

from lparvm.arch.interception import (
    GuestError,
    ProgramEnded,
    ServiceCall,
    SetAddressLimit,
    TestSubchannel,
    TimeSliceEnded,
    WaitForInterruption,
)
from lparvm.arch.interruption import IoInterruption
from lparvm.arch.service_signal import (
    StorageGivenUp,
    StorageGrown,
    StorageKept,
    StorageUsed,
    StorageWanted,
)
from lparvm.guests import Guest, PythonGuest
from lparvm.guests.python_guest import HANDLER_INSTRUCTIONS
from lparvm.guests.registry import GUESTS

from .bench import PAGE, Bench
from .counter_guest import Counter
from .reader_guest import Reader


def guest_of(program, handler=None):
    """A guest with this program, and this handler of service signals."""
    more = {"service_signal": lambda self, cpu, signal: handler(cpu, signal)} if handler else {}
    more["program"] = lambda self, cpu: program(cpu)
    return type("Test", (PythonGuest,), {"__module__": __name__} | more)


def told(log, *, before=0, after=0):
    """A handler that takes all that is added, and tells what happens; it takes some instructions."""

    def handler(cpu, signal):
        log.append(signal)
        for _ in range(before):
            yield
        log.append((yield ServiceCall(StorageUsed(signal.extent))))
        for _ in range(after):
            yield
        log.append("end")

    return handler


def counting(log):
    def program(cpu):
        for number in range(1_000_000):
            log.append(number)
            yield

    return program


def bench(program, handler=None, **more):
    machine = Bench(guest_of(program, handler), **more)
    return machine, machine.states[0], machine.guest


def test_a_signal_is_taken_before_the_program_goes_on_and_is_pending_no_more():
    log = []
    machine, state, guest = bench(counting(log), told(log, before=1, after=1))
    guest.run(state, 2)
    machine.grow(20)
    assert guest.run(state, 100) == ServiceCall(StorageUsed(20))
    assert state.service_signal is None
    state.reply = 20
    assert guest.run(state, 100) == TimeSliceEnded()
    guest.run(state, 2)
    assert log == [0, 1, StorageGrown(20), 20, "end", 2, 3]


def test_its_instructions_count():
    machine, state, guest = bench(counting([]), told([], before=5))
    machine.grow(20)
    guest.run(state, 100)
    assert state.instructions == 5


def test_slices_of_a_handler_are_short_whatever_the_budget():
    machine, state, guest = bench(counting([]), told([], before=1000))
    machine.grow(20)
    assert guest.run(state, 100_000) == TimeSliceEnded()
    assert state.instructions == HANDLER_INSTRUCTIONS
    while guest.run(state, 100_000) == TimeSliceEnded():
        pass
    state.reply = 20
    assert guest.run(state, 100_000) == TimeSliceEnded()
    assert state.instructions == 1000
    assert guest.run(state, 100_000) == TimeSliceEnded()
    assert state.instructions == 101_000


def test_a_slice_that_ends_in_the_handler_goes_on_there():
    log = []
    machine, state, guest = bench(counting(log), told(log, before=10))
    machine.grow(20)
    for _ in range(3):
        assert guest.run(state, 3) == TimeSliceEnded()
    assert guest.run(state, 3) == ServiceCall(StorageUsed(20))
    assert log == [StorageGrown(20)]


def test_the_reply_to_a_request_before_it_is_kept_for_the_program():
    log = []

    def program(cpu):
        log.append((yield TestSubchannel(0x190)))
        log.append((yield SetAddressLimit(0)))
        yield WaitForInterruption()

    machine, state, guest = bench(program, told(log))
    assert guest.run(state, 100) == TestSubchannel(0x190)
    machine.grow(20)
    state.reply = "of TEST SUBCHANNEL"
    assert guest.run(state, 100) == ServiceCall(StorageUsed(20))
    state.reply = 20
    assert guest.run(state, 100) == TimeSliceEnded()
    assert guest.run(state, 100) == SetAddressLimit(0)
    machine.grow(24)  # a reply that is None is one too
    guest.run(state, 100)
    state.reply = 24
    guest.run(state, 100)
    assert guest.run(state, 100) == WaitForInterruption()
    assert log == [StorageGrown(20), 20, "end", "of TEST SUBCHANNEL", StorageGrown(24), 24, "end", None]


@pytest.mark.parametrize("duration_ns", [None, 5_000])
def test_a_wait_that_was_ended_by_the_signal_begins_anew(duration_ns):
    log = []

    def program(cpu):
        log.append((yield WaitForInterruption((0x190,), duration_ns)))
        log.append("awake")
        yield

    wait = WaitForInterruption((0x190,), duration_ns)
    machine, state, guest = bench(program, told(log))
    assert guest.run(state, 100) == wait
    machine.grow(20)
    assert guest.run(state, 100) == ServiceCall(StorageUsed(20))
    state.reply = 20
    assert guest.run(state, 100) == wait
    assert "awake" not in log, "the program does not know that its wait was interrupted"
    assert guest.run(state, 1) == TimeSliceEnded()
    assert log[-2:] == [None, "awake"]


def test_a_wait_that_had_ended_by_an_interruption_before_the_signal_keeps_it():
    log = []

    def program(cpu):
        log.append((yield WaitForInterruption()))
        yield

    machine, state, guest = bench(program, told(log))
    guest.run(state, 100)
    state.reply = interruption = IoInterruption(0x190, 0, 0, 0)
    machine.grow(20)
    guest.run(state, 100)
    state.reply = 20
    assert guest.run(state, 100) == TimeSliceEnded()
    guest.run(state, 1)
    assert log[-1] is interruption


def test_a_program_that_is_between_instructions_after_a_wait_does_not_wait_again():
    def program(cpu):
        yield WaitForInterruption()
        while True:
            yield

    machine, state, guest = bench(program, told([]))
    guest.run(state, 100)
    guest.run(state, 1)
    machine.grow(20)
    guest.run(state, 100)
    state.reply = 20
    assert guest.run(state, 100) == TimeSliceEnded()
    assert guest.run(state, 100) == TimeSliceEnded()


def test_a_program_that_ended_has_its_handler_run_all_the_same():
    def program(cpu):
        yield

    log = []
    machine, state, guest = bench(program, told(log))
    assert guest.run(state, 100) == ProgramEnded()
    for extent in (20, 24):
        machine.grow(extent)
        assert guest.run(state, 100) == ServiceCall(StorageUsed(extent))
        state.reply = extent
        assert guest.run(state, 100) == ProgramEnded()
        assert guest.run(state, 100) == ProgramEnded()
    assert log == [StorageGrown(20), 20, "end", StorageGrown(24), 24, "end"]


@pytest.mark.parametrize("program", [counting([]), lambda cpu: iter_once()], ids=["runs", "ended"])
def test_a_signal_that_comes_while_a_handler_runs_is_taken_after_it(program):
    log = []
    machine, state, guest = bench(program, told(log, after=5))
    guest.run(state, 10)
    machine.grow(20)
    guest.run(state, 100)
    state.reply = 20
    guest.run(state, 3)
    machine.grow(24)
    assert guest.run(state, 100) == TimeSliceEnded(), "the LIP must come back for the second signal"
    assert state.service_signal == StorageGrown(24)
    assert guest.run(state, 100) == ServiceCall(StorageUsed(24))
    assert log == [StorageGrown(20), 20, "end", StorageGrown(24)]


def iter_once():
    yield


def test_a_wait_with_two_signals_after_each_other_begins_anew_once():
    def program(cpu):
        yield WaitForInterruption()
        raise AssertionError("nothing has woken it")

    machine, state, guest = bench(program, told([], after=5))
    guest.run(state, 100)
    for extent in (20, 24):
        machine.grow(extent)
        while guest.run(state, 1) == TimeSliceEnded():
            pass
        state.reply = extent
        guest.run(state, 1)
    while (last := guest.run(state, 1)) == TimeSliceEnded():
        pass
    assert last == WaitForInterruption()


def test_a_handler_may_make_requests_of_its_own():
    log = []

    def handler(cpu, signal):
        log.append((yield WaitForInterruption(duration_ns=7)))
        log.append((yield ServiceCall(StorageUsed(signal.extent))))

    machine, state, guest = bench(counting([]), handler)
    machine.grow(20)
    assert guest.run(state, 100) == WaitForInterruption(duration_ns=7)
    assert guest.run(state, 100) == ServiceCall(StorageUsed(20))
    state.reply = 20
    guest.run(state, 100)
    assert log == [None, 20]


def test_a_handler_that_answers_nothing_has_the_defaults_answer_made():
    def handler(cpu, signal):
        yield

    machine, _, _ = bench(counting([]), handler)
    machine.grow(20)
    assert machine.until_answered() == StorageUsed(16)
    machine.want(10)
    assert isinstance(machine.until_answered(), StorageKept)


def test_a_handler_that_is_no_generator_is_the_guests_error():
    machine, state, guest = bench(counting([]), lambda cpu, signal: 17)
    machine.grow(20)
    error = guest.run(state, 100)
    assert error.text.startswith("TypeError: Test.service_signal gave 17; expected a generator")
    assert guest.run(state, 100) == error
    assert not guest.can_take_signal(state)


def test_a_handler_that_yields_something_else_is_told_where():
    def handler(cpu, signal):
        yield 5

    machine, state, guest = bench(counting([]), handler)
    machine.grow(20)
    error = guest.run(state, 100)
    line = f"test_service_signals.py:{handler.__code__.co_firstlineno + 1}"
    assert error.text.startswith(f"yielded 5 ({line}); expected a plain yield or one of ")


def test_a_handlers_exception_is_the_guests():
    def handler(cpu, signal):
        yield
        raise LookupError("lost")

    machine, state, guest = bench(counting([]), handler)
    machine.grow(20)
    line = f"test_service_signals.py:{handler.__code__.co_firstlineno + 2}"
    assert guest.run(state, 100) == GuestError(f"LookupError: lost ({line})")


def test_a_guest_with_a_processor_that_failed_takes_no_signal():
    def program(cpu):
        yield
        if cpu.cpu_address:
            raise ValueError
        yield WaitForInterruption()

    machine, state, guest = bench(program, told([]), lips=2)
    assert guest.can_take_signal(state)
    machine.run(2)
    assert not guest.can_take_signal(state)


def test_an_engine_of_another_kind_takes_no_signal():
    assert Guest.can_take_signal(object(), None) is False


# The extent that a guest sees.


def extents(answer):
    """A machine; what its handler sees of the extent, in pages: before its call, the reply, after; another processor's."""
    seen = []

    def handler(cpu, signal):
        seen.append(cpu.extent_bytes // PAGE)
        reply = yield ServiceCall(answer)
        seen.append((reply, cpu.extent_bytes // PAGE))

    def program(cpu):
        while True:
            yield WaitForInterruption(duration_ns=1)

    machine, _, guest = bench(program, handler, lips=2)
    return machine, seen, lambda: guest._threads[1].cpu.extent_bytes // PAGE


@pytest.mark.parametrize(("used", "then"), [(20, 20), (18, 18), (16, 16)])
def test_storage_counts_for_all_processors_from_when_the_guest_says_that_it_uses_it(used, then):
    machine, seen, other = extents(StorageUsed(used))
    machine.grow(20)
    assert other() == 16
    machine.until_answered()
    assert seen == [16, (20, then)]
    assert other() == then


@pytest.mark.parametrize("takes", [True, False])
def test_what_is_given_up_counts_no_more_unless_it_is_not_taken(takes):
    machine, seen, other = extents(StorageGivenUp(12))
    machine.takes, machine.turns_until_taken = takes, 3
    machine.want(12)
    machine.run(2)
    assert other() == 12, "given up, and not taken yet"
    assert seen == [16]
    machine.until_answered()
    assert seen == [16, (12, 12) if takes else (16, 16)]
    assert other() == (12 if takes else 16)


def test_a_refusal_changes_nothing():
    machine, seen, other = extents(StorageKept("in use"))
    machine.want(12)
    machine.until_answered()
    assert seen == [16, (16, 16)]
    assert other() == 16


def test_storage_that_is_ignored_is_storage_all_the_same():
    def program(cpu):
        while True:
            yield

    machine, _, guest = bench(program, lambda cpu, signal: iter_once())
    machine.grow(20)
    machine.until_answered()
    cpu = guest._threads[0].cpu
    assert cpu.extent_bytes == 16 * PAGE
    cpu.store(19 * PAGE, 5)
    cpu.store_scattered(*np.array([[19 * PAGE], [6]], dtype=np.uint64))
    assert cpu.fetch(19 * PAGE) == 6


# Without a handler, and with one that leaves the answer to the default.


def answering_nothing(guest):
    return type("Modest", (guest,), {"service_signal": lambda self, cpu, signal: iter_once()})


def test_a_guest_without_a_handler_takes_no_signal():
    machine = Bench(Counter)
    assert not machine.guest.can_take_signal(machine.states[0])
    machine = Bench(answering_nothing(Counter))
    assert machine.guest.can_take_signal(machine.states[0])


@pytest.mark.parametrize("name", GUESTS)
def test_every_built_in_guest_takes_signals(name):
    assert GUESTS[name].guest.service_signal is not PythonGuest.service_signal


@pytest.mark.parametrize("lips", [1, 3])
def test_a_guest_that_leaves_the_answer_open_does_not_use_what_is_added_and_gives_only_that_up(lips):
    machine = Bench(answering_nothing(Counter), lips=lips)
    machine.run(100)
    machine.grow(30)
    assert machine.until_answered() == StorageUsed(16)
    machine.run(200)
    assert max(machine.pages_in_use()) == 15
    machine.want(15)
    assert machine.until_answered() == StorageKept("the guest does not give storage up")
    machine.want(18)
    assert machine.until_answered() == StorageGivenUp(18)
    machine.want(16)
    assert machine.until_answered() == StorageGivenUp(16)
    machine.run(200)
    assert machine.ended() == [None] * lips
    assert machine.guest.damage == []


def test_a_guest_that_waits_for_its_io_is_not_disturbed():
    machine = Bench(answering_nothing(Reader), devices=(0x190,))
    for number in range(20):
        machine.run(3 + number % 5, budget=10)
        if number % 2:
            machine.want(16 + number)
        else:
            machine.grow(18 + number)
        machine.until_answered()
    machine.run(150)
    assert machine.ended() == [None]
    assert machine.guest.damage == []
    assert machine.guest.steps > 20


def test_a_state_description_has_no_signal_at_first():
    assert Bench(Counter).states[0].service_signal is None
    assert StorageWanted(3) != StorageGrown(3)
