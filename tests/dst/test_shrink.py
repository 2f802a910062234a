"""Shrinking: the simplest tape whose run still fails in the same way, within so many attempts."""

import pytest

from dst_programs import lag, spinners
from lparvm import dst
from lparvm.dst.shrink import ATTEMPTS_MAX
from lparvm.errors import UsageError


def _reads(**lengths: int):
    """A program of nothing but draws: so many of each stream."""

    def read(tape: dst.Tape) -> dict[str, list[int]]:
        return {name: [tape.stream(name).draw(100) for _ in range(count)] for name, count in lengths.items()}

    return read


def _where(condition, read):
    def fails(tape: dst.Tape) -> dst.Tape | None:
        return tape if condition(read(tape)) else None

    return fails


def _drawn(read, condition) -> dst.Tape:
    """The first tape of a seed that meets the condition."""
    for seed in range(1000):
        tape = dst.Tape(seed)
        if condition(read(tape)):
            return tape
    raise AssertionError("no seed meets the condition")


@pytest.mark.parametrize(
    ("condition", "minimal"),
    [
        (lambda got: any(one >= 70 for one in got["a"]), {"a": (70,)}),
        (lambda got: sum(one > 0 for one in got["a"]) >= 3, {"a": (1, 1, 1)}),
        (lambda got: got["a"][7] >= 5 and got["b"][2] >= 9, {"a": (0,) * 7 + (5,), "b": (0, 0, 9)}),
        (lambda _got: True, {}),
    ],
)
def test_a_known_simplest_tape_is_found(condition, minimal):
    read = _reads(a=30, b=10, c=5)
    shrunk = dst.shrink(_drawn(read, condition), _where(condition, read))
    assert shrunk.done
    assert shrunk.tape.choices == minimal
    assert shrunk.attempts < 300, f"{shrunk.attempts} attempts for 45 choices"


def test_a_schedule_that_fails_is_shrunk_to_the_delays_it_needs():
    def fails(tape: dst.Tape) -> dst.Tape | None:
        run = dst.run(lag(4), tape=tape)
        return run.tape if isinstance(run.error, AssertionError) else None

    found = dst.first_failure(lag(4), "walk", range(200), chaos=dst.Chaos(jumps=50, freezes=50))
    assert found is not None
    shrunk = dst.shrink(found[1].tape, fails)
    assert shrunk.done
    assert shrunk.tape.cost[0] <= 4, shrunk.tape.choices
    assert set(shrunk.tape.choices) == {"schedule"}, "jumps and freezes have nothing to do with it"
    assert fails(shrunk.tape.again()) is not None


def test_a_tape_from_a_file_is_shrunk_like_one_that_was_just_made():
    read = _reads(a=9)
    tape = dst.Tape.from_json(_drawn(read, lambda got: sum(got["a"]) > 0).as_json())
    assert dst.shrink(tape, _where(lambda got: got["a"][3] > 2, read)).tape.choices == {"a": (0, 0, 0, 3)}


def test_a_tape_that_only_fails_as_it_is_stays_as_it_is():
    read = _reads(a=12)
    tape = dst.Tape(5)
    only = read(tape)
    shrunk = dst.shrink(tape, _where(lambda got: got == only, read))
    assert (shrunk.tape.choices, shrunk.done) == (tape.choices, True)


def test_a_run_that_makes_itself_no_simpler_is_no_gain():
    """A program that notes the same whatever it is given: nothing may be taken for progress, or it would never end."""
    big = dst.Tape(given={"a": [9, 9, 9]})
    shrunk = dst.shrink(big, lambda _tape: big)
    assert (shrunk.tape, shrunk.done) == (big, True)


def test_attempts_are_limited_and_counted():
    read = _reads(a=60)
    counted = 0

    def fails(tape: dst.Tape) -> dst.Tape | None:
        nonlocal counted
        counted += 1
        return tape if sum(one > 50 for one in read(tape)["a"]) >= 10 else None

    tape = _drawn(read, lambda got: sum(one > 50 for one in got["a"]) >= 10)
    shrunk = dst.shrink(tape, fails, attempts_max=25)
    assert (shrunk.attempts, counted, shrunk.done) == (25, 25, False)
    assert shrunk.tape.cost < tape.cost, "what was gained by then is kept"
    counted = 0
    assert dst.shrink(tape, fails).attempts == counted <= ATTEMPTS_MAX


def test_a_tape_that_does_not_fail_is_refused():
    with pytest.raises(UsageError, match="does not fail"):
        dst.shrink(dst.run(spinners(2, 3)).tape, lambda _tape: None)


def test_shrinking_is_the_same_each_time():
    read = _reads(a=30, b=30)

    def condition(got: dict[str, list[int]]) -> bool:
        return sum(got["a"]) + sum(got["b"]) > 500

    tape = _drawn(read, condition)
    one, other = (dst.shrink(tape, _where(condition, read)) for _ in range(2))
    assert (one.tape.choices, one.attempts) == (other.tape.choices, other.attempts)


def test_what_the_caller_proposes_is_tried_first_and_as_long_as_it_gains():
    tape = dst.Tape(given={"a": (1, 1, 1, 1), "b": (2, 2)})
    asked = []

    def without_the_last(choices):
        asked.append(choices)
        yield {**choices, "a": choices.get("a", ())[:-1]}

    def fails(tape):
        return dst.Tape(given=tape.choices) if len(tape.choices.get("a", ())) >= 2 else None

    shrunk = dst.shrink(tape, fails, proposals=(without_the_last,))
    assert [len(choices["a"]) for choices in asked[:3]] == [4, 3, 2], "each gain is the begin of the next"
    assert shrunk.tape.choices == {"a": (0, 1)}
