"""What is told when two runs of a witness differ."""

from attrs import evolve

from lparvm.stress.oracles.witness import WitnessRecord, compare_witnesses

RECORD = WitnessRecord(
    finished=True, seen=((1, 2, 3), (4, 5, 6)), pages=(0xA, 0xB, 0xC), keys=(0x06, 0x16, 0x26)
)


def compared(other):
    return compare_witnesses({"A": other}, {"A": RECORD})


def test_equal_records_are_no_difference():
    assert compare_witnesses({"A": RECORD, "B": RECORD}, {"B": RECORD, "A": RECORD}) == []
    assert compare_witnesses({}, {}) == []


def test_a_page_that_differs_is_named():
    assert compared(evolve(RECORD, pages=(0xA, 0xB, 0xD))) == [
        "LPAR A: storage of page 2 differs, digest 0000000D with relocations, 0000000C without"
    ]


def test_a_key_that_differs_is_named():
    assert compared(evolve(RECORD, keys=(0x06, 0x06, 0x26))) == [
        "LPAR A: storage key of page 1 differs, 06 with relocations, 16 without"
    ]


def test_the_first_operation_that_saw_something_else_is_named():
    assert compared(evolve(RECORD, seen=((1, 2, 3), (4, 7, 8)))) == [
        "LPAR A: processor 1 saw something else in operation 2 of 3"
    ]


def test_a_witness_that_did_not_finish_is_compared_as_far_as_it_came():
    halfway = evolve(RECORD, finished=False, seen=((1,), (4, 5)), pages=(1, 2, 3), keys=(1, 2, 3))
    assert compared(halfway) == []
    assert compared(evolve(halfway, seen=((9,), (4, 5)))) == [
        "LPAR A: processor 0 saw something else in operation 1 of 3"
    ]


def test_a_witness_that_is_in_one_run_only_is_named():
    assert compare_witnesses({"A": RECORD}, {}) == ["LPAR A: a witness only with relocations"]
    assert compare_witnesses({}, {"B": RECORD}) == ["LPAR B: a witness only without relocations"]


def test_other_numbers_of_pages_and_processors_are_told():
    assert compared(evolve(RECORD, pages=(0xA, 0xB), keys=(0x06, 0x16), seen=((1, 2, 3),))) == [
        "LPAR A: 1 processors with relocations, 2 without",
        "LPAR A: 2 pages with relocations, 3 without",
    ]
