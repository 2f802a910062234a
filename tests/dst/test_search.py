"""Seeds one after another, and all schedules with a bounded number of delays."""

import pytest
import trio
from attrs import Factory, frozen

from dst_programs import lag, spinners
from lparvm import dst
from lparvm.errors import UsageError


def test_the_first_seed_that_fails_is_found():
    found = dst.first_failure(lag(3), "walk", range(100))
    assert found is not None
    seed, run = found
    assert all(dst.run(lag(3), "walk", earlier).error is None for earlier in range(seed))
    assert isinstance(run.error, AssertionError)
    assert dst.first_failure(lag(3), "fifo", range(3)) is None


def _noted(run: dst.Run[object]) -> tuple[int, ...]:
    return tuple(run.tape.stream("schedule").values)


@frozen
class _Follow:
    """Takes the first choices from a list, and the simplest after them; keeps how many there were to choose from."""

    first: tuple[int, ...]
    counts: list[int] = Factory(list)
    batches: bool = False

    def picker(self, _tape: dst.Tape):
        def pick(ready) -> int:
            self.counts.append(len(ready))
            place = len(self.counts) - 1
            return self.first[place] if place < len(self.first) else 0

        return pick


def _all_schedules(main) -> set[tuple[int, ...]]:
    """Each way in which the program can run, one choice changed after the other."""
    found, to_do = set(), [()]
    while to_do:
        policy = _Follow(to_do.pop())
        noted = _noted(dst.run(main, policy))
        found.add(noted)
        for place in range(len(policy.first), len(noted)):
            to_do += [(*noted[:place], other) for other in range(1, policy.counts[place])]
    return found


def test_bounded_delays_are_all_schedules_with_so_many():
    main = spinners(2, 2)
    brute = _all_schedules(main)
    assert len(brute) == 220
    for bound in (0, 1, 2, 99):
        runs = [_noted(run) for run in dst.delays(main, bound)]
        expected = {one for one in brute if sum(one) <= bound}
        assert len(runs) == len(set(runs)), "no schedule is run twice"
        assert set(runs) == expected, f"bound {bound}: {len(runs)} schedules of {len(expected)}"
        assert [sum(one) for one in runs] == sorted(sum(one) for one in runs), "fewer delays first"


def test_two_delays_at_one_step_pass_two_tasks_over():
    firsts = {run.unwrap()[0] for run in dst.delays(spinners(3, 1), 2)}
    assert firsts == {0, 1, 2}


def test_a_bug_that_needs_one_delay_is_found_with_one():
    async def main(_tape: dst.Tape) -> None:
        stored = False

        async def store() -> None:
            nonlocal stored
            await trio.lowlevel.checkpoint()
            stored = True

        async def load() -> None:
            await trio.lowlevel.checkpoint()
            assert stored, "first come, first served, it is"

        async with trio.open_nursery() as nursery:
            nursery.start_soon(store)
            nursery.start_soon(load)

    failing = next(run for run in dst.delays(main, 3) if run.error is not None)
    assert sum(_noted(failing)) == 1
    assert all(run.error is None for run in dst.delays(main, 0))


def test_without_delays_there_is_one_run():
    assert len(list(dst.delays(spinners(3, 3), 0))) == 1


def test_an_unknown_policy_is_refused():
    with pytest.raises(UsageError, match="expected walk"):
        dst.first_failure(lag(1), "fast", range(1))
