"""The audit: a program that isn't deterministic is found, with the first thing that it did differently."""

import sys

import pytest

from lparvm import dst
from lparvm.dst.audit import Difference, audit_commands
from lparvm.errors import UsageError


def test_a_clean_program_passes():
    found = dst.audit("dst_audited:clean")
    assert found.difference is None, str(found.difference)
    assert found.lines > 30


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("over_a_set", "step"),
        pytest.param("by_address", "note order", marks=pytest.mark.sweep),
        pytest.param("without_a_seed", "line", marks=pytest.mark.sweep),
    ],
)
def test_what_breaks_determinism_is_found_with_the_first_difference(program, told):
    found = dst.audit(f"dst_audited:{program}", "fifo")
    assert found.difference is not None, f"{program} passed, after {found.lines} lines"
    assert found.difference.one != found.difference.other
    assert found.difference.line == found.lines
    assert told in str(found.difference)
    if program == "over_a_set":
        assert found.difference.one[-1] in "abcdef", "the step of a task of the set"


def test_a_process_that_dies_is_told_in_one_line():
    # More words than a pipe holds: nobody waits for anybody.
    code = "import os; os.write(2, b'a word of farewell\\n' * 20_000); os._exit(7)"
    with pytest.raises(UsageError, match=r"^audit: a run ended with 7: a word of farewell$"):
        audit_commands([sys.executable, "-S", "-c", code])


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("dst_audited", "expected module:function"),
        ("", "expected module:function"),
        ("dst_audited:nothing", "has no attribute 'nothing'"),
        ("no_such_module:main", "No module named"),
        ("dst_audited:not_callable", "can't be called"),
    ],
)
def test_a_program_that_is_none_is_refused_in_one_line(program, told):
    with pytest.raises(UsageError, match=told) as caught:
        dst.audit(program)
    assert "\n" not in str(caught.value)


def test_an_unknown_policy_is_refused_before_anything_runs():
    with pytest.raises(UsageError, match="expected walk"):
        dst.audit("dst_audited:clean", "fast")


def test_one_that_goes_on_after_the_other_has_ended_differs():
    code = "import os; print('line'); print('') if os.environ['PYTHONHASHSEED'] == '1' else None"
    found = audit_commands([sys.executable, "-S", "-c", code])
    assert found.difference == Difference(2, "", None)
    assert str(found.difference) == "line 2: '' with one hash seed, the end with another"


def test_notes_cost_nothing_where_nobody_listens():
    dst.note("nobody hears this")
