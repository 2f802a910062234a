import pytest
from picture_samples import MS, gathered, report_of

from lparvm.config import PICTURE_BARS_MAX
from lparvm.trace.pictures.operations import OperationCollector, Prediction, whole_of
from told_traces import Told


def _stood(told: Told, op: str, lip: str, ns: int, lpar: str = "A", **phases: int) -> None:
    told.tell("guest.stood", op=op, lpar=lpar, lip=lip, stopped_ns=ns, phases_ns=phases or {"MOVING": ns})


def test_an_operation_has_command_answer_and_times():
    told = Told()
    told.tell("command.received", "SVP", op="op.1", text="MVSTOR A HSA=1M")
    told.tell("phase.entered", op="op.1", lpar="A", phase="MOVING")
    told.tell(
        "command.answered",
        "SVP",
        op="op.1",
        text="MVSTOR A HSA=1M",
        result="COMPLETED",
        code="LVM010I",
        message="m",
    )
    (one,) = gathered(OperationCollector(), told.events).operations
    assert (one.op, one.command, one.begun_ns, one.ended_ns) == ("op.1", "MVSTOR A HSA=1M", 1 * MS, 3 * MS)
    assert (one.result, one.code, one.message, one.lpars) == ("COMPLETED", "LVM010I", "m", ("A",))


def test_an_operation_that_was_not_answered_has_no_end():
    told = Told()
    told.tell("command.received", "SVP", op="op.1", text="X")
    assert gathered(OperationCollector(), told.events).operations[0].ended_ns is None


@pytest.mark.parametrize(
    ("op", "whole"), [("op.1", "op.1"), ("op.6.2", "op.6"), ("op.6.2.1", "op.6"), ("x", "x"), ("", "")]
)
def test_a_part_belongs_to_its_command(op: str, whole: str):
    assert whole_of(op) == whole


def test_the_lip_that_stood_longest_stands_for_its_lpar():
    told = Told()
    for lip, ns in (("LIP1", 5), ("LIP2", 9), ("LIP3", 7)):
        _stood(told, "op.1", lip, ns)
    _stood(told, "op.1", "LIP4", 3, lpar="B")
    found = gathered(OperationCollector(), told.events).standings
    assert [(one.lpar, one.lip, one.stopped_ns) for one in found] == [("A", "LIP2", 9), ("B", "LIP4", 3)]


def test_parts_add_up_to_the_whole_in_every_reference_trace():
    found = [
        one for name in ("cancel", "make-room", "busy-wait") for one in report_of(name).operations.standings
    ]
    assert len(found) > 6
    assert all(sum(ns for _, ns in one.phases_ns) == one.stopped_ns for one in found)


def test_a_prediction_stands_beside_what_came_of_it():
    told = Told()
    told.tell("stop.predicted", op="op.1", lpar="A", low_ns=1, expected_ns=2, high_ns=3)
    _stood(told, "op.1", "LIP1", 2)
    assert gathered(OperationCollector(), told.events).standings[0].prediction == Prediction(1, 2, 3)


def test_of_too_many_bars_the_longest_stay_in_their_order():
    told = Told()
    for number in range(5 * PICTURE_BARS_MAX):
        _stood(told, f"op.{number}", "LIP1", 1000 + (number * 37) % 101 + number)
    found = gathered(OperationCollector(), told.events)
    assert len(found.standings) == PICTURE_BARS_MAX
    assert found.standings_left_out == 4 * PICTURE_BARS_MAX
    assert found.standings[-1].op == f"op.{5 * PICTURE_BARS_MAX - 1}"
    numbers = [int(one.op.removeprefix("op.")) for one in found.standings]
    assert numbers == sorted(numbers)
