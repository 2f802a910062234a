"""An audit of stress runs finds what depends on the hash seed, in the seed where it begins."""

from pathlib import Path

import pytest

import planted_hash_order
from lparvm.errors import UsageError
from lparvm.stress.replaying.audited import audit_seeds


def test_an_order_of_a_set_is_found_where_it_begins():
    planted = (str(Path(planted_hash_order.__file__)),)
    audit = audit_seeds(0, 3, "walk", "", "small", program=planted)
    # Seed 0 has nothing planted: all its lines were compared before, and none differed.
    assert audit.difference.startswith("seed 1: "), audit
    assert " with one hash seed, seed 1: " in audit.difference
    assert audit.lines > 10


def test_a_process_that_fails_is_told():
    with pytest.raises(UsageError, match=r"audit: a run ended with 1: .*no such thing"):
        audit_seeds(0, 1, "walk", "", "small", program=("-c", "raise SystemExit('no such thing')"))


@pytest.mark.sweep
def test_healthy_seeds_are_the_same_with_two_hash_seeds():
    assert audit_seeds(0, 40, "mix", "", "small").difference == ""
