"""How mutants are planted: patches are there within, and gone after, whatever happens."""

import pytest

from lparvm.machine import Parts
from lparvm.stress.mutants import Mutant, Patch


class Part:
    limit = 1

    @staticmethod
    def name() -> str:
        return "part"


class Heir(Part):
    pass


def test_patches_are_applied_within_and_restored_after():
    mutant = Mutant(
        "twice", "Two is one.", patches=(Patch(Part, "limit", 2), Patch(Part, "name", lambda: "x"))
    )
    before = dict(vars(Part))
    with mutant.planted() as parts:
        assert (Part.limit, Part.name()) == (2, "x")
        assert parts == Parts()
    assert dict(vars(Part)) == before, "also a static method is what it was"


def test_patches_are_restored_when_the_machine_fails():
    mutant = Mutant("twice", "Two is one.", patches=(Patch(Part, "limit", 2), Patch(Part, "nothing", 2)))
    with pytest.raises(AssertionError, match="has no nothing"), mutant.planted():
        pytest.fail("what isn't there can't be broken")
    assert Part.limit == 1
    with pytest.raises(LookupError), Mutant("x", "X.", patches=(Patch(Part, "limit", 2),)).planted():
        raise LookupError
    assert Part.limit == 1


def test_what_a_class_inherits_it_inherits_again():
    with Patch(Heir, "limit", 2).applied():
        assert (Heir.limit, Part.limit) == (2, 1)
    assert "limit" not in vars(Heir)
