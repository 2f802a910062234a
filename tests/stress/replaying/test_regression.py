"""The regression test is pasted and run: it fails where the failure shows, and passes where it doesn't."""

import pytest
from attrs import evolve

from lparvm.errors import UsageError
from lparvm.stress.replaying.regression import check_choices, regression_test
from lparvm.stress.replaying.tape_file import TapeFile
from stress_failures import failure, shrunk_failure

pytest_plugins = ["pytester"]


def small() -> TapeFile:
    return shrunk_failure("dirty-poison").file


def healthy(file: TapeFile) -> TapeFile:
    return evolve(file, job=evolve(file.job, mutant=""), shown=evolve(file.shown, oracle="", detail=""))


def test_a_pasted_test_fails_with_the_failure_and_passes_without(pytester: pytest.Pytester):
    file = small()
    pytester.makepyfile(
        test_pasted_mutant=regression_test(file), test_pasted_healthy=regression_test(healthy(file))
    )
    result = pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=1)
    name = file.shown.oracle.replace("-", "_").replace(":", "_")
    result.stdout.fnmatch_lines(
        [f"*AssertionError: {file.shown.oracle}: *", f"FAILED test_pasted_mutant.py::*{name}*"]
    )


def test_it_is_short_and_says_what_was_found():
    text = regression_test(small())
    assert max(map(len, text.splitlines())) <= 120
    assert len(text.splitlines()) < 40, text
    assert "mutant dirty-poison" in text
    assert text.count('"""') == 2


def test_what_an_oracle_says_breaks_out_of_no_comment():
    file = small()
    text = regression_test(evolve(file, shown=evolve(file.shown, detail='"""\nimport os\\\n\x1b[2J')))
    code = [line for line in text.splitlines() if not line.startswith(("#", " ", "}"))]
    assert not any("import os" in line for line in code), text
    compile(text, "test_pasted.py", "exec")


def test_choices_for_another_swarm_are_refused():
    with pytest.raises(UsageError, match="for version 0 of the swarm, and this is version"):
        check_choices({}, swarm=0)


def test_the_tape_of_batches_is_run_as_one():
    file = failure("dirty-poison", "seeded")
    text = regression_test(file)
    assert 'mode="batch"' in text
    assert 'size="small"' in text
    space: dict[str, object] = {}
    exec(compile(text, "pasted", "exec"), space)
    run = next(value for name, value in space.items() if name.startswith("test_"))
    with pytest.raises(AssertionError, match=file.shown.oracle):
        run()
