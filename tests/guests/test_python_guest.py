import pytest

from lparvm.arch.interception import (
    REQUESTS,
    GuestError,
    ProgramCheck,
    ProgramEnded,
    StartSubchannel,
    TimeSliceEnded,
    WaitForInterruption,
)
from lparvm.arch.storage_key import storage_key
from lparvm.arch.subchannel import Orb
from lparvm.guests import ProgramInterruption, PythonGuest

from .bench import PAGE, Bench


def guest_of(function):
    """A guest with this program."""
    return type("Test", (PythonGuest,), {"__module__": __name__, "program": lambda self, cpu: function(cpu)})


def run_once(function, budget=100, **more):
    machine = Bench(guest_of(function), **more)
    return machine.guest.run(machine.states[0], budget)


def line_of(function, offset):
    return f"test_python_guest.py:{function.__code__.co_firstlineno + offset}"


def test_a_slice_ends_at_the_first_yield_at_which_the_budget_is_used_up():
    def program(cpu):
        while True:
            cpu.store(0, cpu.fetch(0) + 1)
            yield

    machine = Bench(guest_of(program))
    (state,) = machine.states
    assert machine.guest.run(state, 100) == TimeSliceEnded()
    assert state.instructions == 102, "34 rounds of a fetch, a store and a yield"
    assert machine.guest.run(state, 1) == TimeSliceEnded()
    assert state.instructions == 105, "one round at least"


def test_a_request_is_the_interception_and_costs_nothing():
    def program(cpu):
        yield WaitForInterruption(duration_ns=5)
        yield
        yield StartSubchannel(0x190, Orb(8))

    machine = Bench(guest_of(program))
    (state,) = machine.states
    assert machine.guest.run(state, 100) == WaitForInterruption(duration_ns=5)
    assert state.instructions == 0
    assert machine.guest.run(state, 100) == StartSubchannel(0x190, Orb(8))
    assert state.instructions == 1


def test_the_reply_is_the_value_of_the_yield_and_is_given_once():
    replies = []

    def program(cpu):
        while True:
            replies.append((yield WaitForInterruption()))
            replies.append((yield))

    machine = Bench(guest_of(program))
    (state,) = machine.states
    machine.guest.run(state, 100)
    state.reply = 42
    machine.guest.run(state, 1)
    assert state.reply is None
    machine.guest.run(state, 1)
    machine.guest.run(state, 1)
    assert replies == [42, None, None]


def test_a_program_that_ends_has_ended_for_good():
    def program(cpu):
        yield

    machine = Bench(guest_of(program), lips=2)
    assert machine.guest.run(machine.states[0], 100) == ProgramEnded()
    assert machine.guest.run(machine.states[0], 100) == ProgramEnded()
    assert machine.states[0].instructions == 1
    assert machine.ended() == [ProgramEnded(), None], "the other processor goes on"


def test_an_uncaught_program_interruption_is_a_program_check():
    def program(cpu):
        yield
        cpu.fetch(cpu.extent_bytes + 16)

    assert run_once(program) == ProgramCheck(5, 16 * PAGE + 16)


def test_a_guest_can_catch_program_interruptions():
    caught = []

    def program(cpu):
        for address in (1, cpu.extent_bytes, -8):
            try:
                cpu.store(address, 1)
            except ProgramInterruption as interruption:
                caught.append((interruption.code.name, interruption.address))
            yield
        cpu.set_key(0, storage_key(3))
        cpu.state.psw = cpu.state.psw.with_key(7)
        try:
            cpu.store(0, 1)
        except ProgramInterruption as interruption:
            caught.append((interruption.code.name, interruption.address))

    assert run_once(program) == ProgramEnded()
    end = 16 * PAGE
    assert caught == [("SPECIFICATION", 1), ("ADDRESSING", end), ("ADDRESSING", -8), ("PROTECTION", 0)]


def test_an_exception_is_one_line_with_the_guests_file_and_line():
    def program(cpu):
        yield
        raise ValueError("first\nsecond")

    text = f"ValueError: first second ({line_of(program, 2)})"
    assert run_once(program) == GuestError(text)


def test_an_exception_below_the_guest_is_placed_in_the_guests_own_file():
    def program(cpu):
        cpu.store_words(0, [-1])
        yield

    error = run_once(program)
    assert error.text.startswith("OverflowError: ")
    assert error.text.endswith(f"({line_of(program, 1)})")


def test_an_exception_without_text():
    def program(cpu):
        raise KeyError
        yield

    assert run_once(program) == GuestError(f"KeyError ({line_of(program, 1)})")


def test_yielding_something_else_says_what_was_expected_and_where():
    def inner():
        yield
        yield 5

    def program(cpu):
        yield from inner()

    names = ", ".join(request.__name__ for request in REQUESTS)
    assert "HaltSubchannel" in names
    expected = f"expected a plain yield or one of {names}"
    assert run_once(program) == GuestError(f"yielded 5 ({line_of(inner, 2)}); {expected}")


def test_a_program_that_is_no_generator():
    error = run_once(lambda cpu: 17)
    assert error.text.startswith("TypeError: Test.program gave 17; expected a generator")


def test_a_guest_without_a_program():
    machine = Bench(type("Empty", (PythonGuest,), {}))
    assert "Empty has no program()" in machine.guest.run(machine.states[0], 1).text


def test_ends_for_the_whole_machine_pass():
    def program(cpu):
        yield
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_once(program)


class Failing(PythonGuest):
    def ipl(self, cpu):
        cpu.fetch(cpu.extent_bytes)

    def program(self, cpu):
        yield

    def check(self, cpu):
        cpu.damaged(0, 1, 2)
        raise LookupError("lost")


class CheckFailing(Failing):
    def ipl(self, cpu):
        pass


def test_an_ipl_that_fails_shows_at_the_first_run_of_every_lip():
    machine = Bench(Failing, lips=2)
    for state in machine.states:
        assert machine.guest.run(state, 100) == ProgramCheck(5, 16 * PAGE)


def test_a_guest_whose_ipl_failed_is_not_checked_and_says_why_again():
    machine = Bench(Failing)
    assert machine.guest.verify(machine.states) == ProgramCheck(5, 16 * PAGE)
    assert machine.guest.damage_count == 0


def test_a_check_that_fails_is_returned_and_what_it_found_counts():
    machine = Bench(CheckFailing)
    failure = machine.guest.verify(machine.states)
    assert failure.text.startswith("LookupError: lost (test_python_guest.py:")
    assert machine.guest.damage_count == 1


def test_random_numbers_differ_by_lip_lpar_seed_and_option_and_are_repeatable():
    def numbers(**more):
        drawn = []

        def program(cpu):
            drawn.append(cpu.rng.random())
            yield

        machine = Bench(guest_of(program), lips=2, **more)
        machine.run(1)
        return drawn

    assert numbers() == numbers()
    drawn = numbers() + numbers(seed=1) + numbers(lpar="LPAR2") + numbers(options={"seed": 1})
    assert len(set(drawn)) == 8


def test_damage_is_told_in_words_and_names_the_lip():
    def program(cpu):
        cpu.damaged(8, 16, 0xFEE1DEADFEE1DEAD)
        cpu.damaged(16, "a", b"b")
        yield

    machine = Bench(guest_of(program))
    machine.run(1)
    assert [(one.address, one.expected, one.found, one.lip) for one in machine.guest.take_damage()] == [
        (8, "0x10", "0xfee1deadfee1dead (poison)", "LIP1"),
        (16, "a", "b'b'", "LIP1"),
    ]


def test_a_processor_knows_its_surroundings():
    seen = []

    def program(cpu):
        seen.append((cpu.cpu_address, cpu.lip_count, cpu.lip, cpu.devices, cpu.extent_bytes, cpu.options))
        yield

    machine = Bench(guest_of(program), lips=2, devices=(7,))
    machine.run(1)
    assert seen == [(n, 2, f"LIP{n + 1}", (7,), 16 * PAGE, {"seed": 0}) for n in range(2)]
