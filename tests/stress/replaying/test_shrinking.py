"""A failing tape becomes smaller, and shows the same."""

import pytest
from attrs import evolve

from lparvm.errors import UsageError
from lparvm.stress.replaying.replay import replay
from lparvm.stress.replaying.shrinking import Measures, shrink_file
from stress_failures import failure, shrunk_failure


def test_a_failure_becomes_smaller_and_the_same_oracle_finds_it():
    file, shrunk = failure("dirty-poison"), shrunk_failure("dirty-poison")
    assert shrunk.done
    assert shrunk.attempts <= 150
    assert shrunk.after.choices <= 8 < shrunk.before.choices
    for name in ("lpars", "commands", "faults"):
        assert getattr(shrunk.after, name) <= getattr(shrunk.before, name), name
    assert shrunk.after.commands <= 1
    assert shrunk.file.shown.oracle == file.shown.oracle
    assert replay(shrunk.file).same, "what it shows is what the file says"


def test_attempts_and_steps_are_limited_and_what_was_found_until_then_is_kept():
    file = failure("dirty-poison")
    seen: list[Measures] = []
    few = shrink_file(file, attempts_max=3, on_attempt=lambda _attempt, now: seen.append(now))
    assert (few.attempts, few.done) == (3, False)
    assert (seen[0], seen[-1], len(seen)) == (few.before, few.after, 3), "each attempt was told"
    assert replay(few.file).same
    spent = shrink_file(file, attempts_max=20, steps_max=3 * file.shown.steps)
    assert not spent.done
    assert replay(spent.file).same


def test_a_run_that_passes_or_shows_something_else_is_not_shrunk():
    file = failure("dirty-poison")
    with pytest.raises(UsageError, match="passes: nothing to shrink"):
        shrink_file(evolve(file, shown=evolve(file.shown, oracle="")))
    with pytest.raises(UsageError, match="not in the same way"):
        shrink_file(evolve(file, shown=evolve(file.shown, oracle="leak")))
    with pytest.raises(UsageError, match="not in the same way"):
        shrink_file(evolve(file, job=evolve(file.job, mutant="")))
