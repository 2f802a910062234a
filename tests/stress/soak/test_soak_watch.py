"""What a soak sees from outside: each check is shown something that it must find."""

from types import SimpleNamespace

import pytest

from lparvm.protocol.lpar_entry import LparEntry, Stage, Zone
from lparvm.protocol.messages import FrameRow
from lparvm.protocol.news import CommandResult, OperatorMessage
from lparvm.protocol.results import LipStop, Result
from lparvm.stress.soak.counts import Counts, Times, verb_of
from lparvm.stress.soak.watch import Watch, map_problem, result_problem

S = 1_000_000_000


def row(name, origin, size, gap):
    return FrameRow(name, origin, size, gap, "active")


def result(text, code=Result.COMPLETED, **more):
    return CommandResult(text, 0, "op.1", code, "LVM000I", "so it is", **more)


def test_a_map_that_is_right_passes():
    assert map_problem((row("A", 0, 10, 5), row("B", 15, 5, 0), row("C", 20, 5, 75)), 100) is None
    assert map_problem((), 100) is None
    # What is reserved for somebody is no gap.
    assert map_problem((row("A", 0, 10, 2), row("B", 50, 5, 45)), 100) is None


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ((row("A", 0, 10, 0), row("B", 9, 5, 86)), "B begins at frame 9, and A ends at frame 10"),
        ((row("A", 0, 10, 90), row("B", 0, 10, 90)), "B begins at frame 0, and A ends at frame 10"),
        ((row("A", 95, 10, 0),), "A ends at frame 105, and main storage at frame 100"),
        ((row("A", 5, 0, 95),), "A has 0 frames"),
        ((row("A", 0, 10, 41), row("B", 50, 5, 45)), "behind A a gap of 41 frames is told, of 40"),
        ((row("A", 0, 10, -1), row("B", 10, 5, 85)), "behind A a gap of -1 frames is told, of 0"),
    ],
)
def test_a_map_that_is_wrong_is_found(rows, told):
    assert told in map_problem(rows, 100)


def test_a_result_that_needs_a_fault_is_a_problem():
    assert result_problem(result("MVSTOR A HSA=0", Result.TARGET_OCCUPIED)) is None
    told = result_problem(result("MVSTOR A HSA=0", Result.STORAGE_FAULT))
    assert told == "MVSTOR A HSA=0: STORAGE_FAULT, though nothing was made to fail: LVM000I so it is"
    assert result_problem(result("IPL A", Result.IPL_FAILED)) is not None
    assert result_problem(result("VARY PATH IOP1.0190 OFF", Result.UNKNOWN_PATH)) is not None


class StillMachine:
    """A machine of one guest that goes on when the test says so."""

    def __init__(self):
        self.now_ns = 0
        self.guest = SimpleNamespace(steps=0, stores=0, fetches=0)
        self.clock = SimpleNamespace(now_ns=lambda: self.now_ns)
        self.svp = SimpleNamespace(operations=lambda: (SimpleNamespace(op="op.7", lpars=("A",)),))
        self.records = SimpleNamespace(lpars={"A": LparEntry("A", Zone(0, 1), (), ("LIP1",))})
        self.assembly = SimpleNamespace(guests={"A": self.guest}, records=self.records)
        self.scenario = SimpleNamespace(main_storage_frames=100)
        self.broken_rules = ()

    def rows(self):
        return (row("A", 0, 1, 99),)

    def become(self, **state):
        self.records.lpars["A"] = LparEntry("A", Zone(0, 1), (), ("LIP1",), **state)


@pytest.fixture
def machine():
    return StillMachine()


@pytest.fixture
def watch(machine):
    return Watch(machine, 10 * S, lambda: None)


def look_for(machine, watch, seconds, works=False):
    went_on = False
    for _ in range(seconds):
        machine.now_ns += S
        machine.guest.fetches += works
        went_on = watch.look()
    return went_on


def test_a_guest_that_does_nothing_is_found_and_told_once_in_a_while(machine, watch):
    look_for(machine, watch, 11)
    assert watch.problems == []
    look_for(machine, watch, 1)
    assert watch.problems == ["A: its guest has done nothing for 11 s, held by op.7"]
    look_for(machine, watch, 5)
    assert watch.found == 1


def test_a_guest_that_works_is_no_problem(machine, watch):
    assert look_for(machine, watch, 100, works=True)
    assert watch.problems == []
    assert watch.standing == ()


@pytest.mark.parametrize("state", [{"held": True}, {"stage": Stage.ACTIVATED}, {"check_stopped": True}])
def test_a_guest_that_need_not_run_is_no_problem(machine, watch, state):
    machine.become(**state)
    assert look_for(machine, watch, 100), "none that should run stands"
    machine.become()
    look_for(machine, watch, 10)
    assert watch.problems == [], "its time begins when it should run"


def test_a_guest_that_was_loaded_anew_has_its_time_anew(machine, watch):
    look_for(machine, watch, 9)
    machine.assembly.guests["A"] = SimpleNamespace(steps=0, stores=0, fetches=0)
    look_for(machine, watch, 9)
    assert watch.problems == []
    assert watch.standing == ("A",)


def test_a_rule_that_is_broken_is_a_problem_at_once_and_told_once(machine, watch):
    look_for(machine, watch, 3, works=True)
    machine.broken_rules = ("rule one-owner: at 5 ns, RM, area.reserved: it belongs to B",)
    look_for(machine, watch, 3, works=True)
    assert watch.problems == list(machine.broken_rules)
    assert watch.found == 1


def test_a_guest_that_fails_is_a_problem(watch):
    watch.hear(OperatorMessage(0, "LVM090I", "A 0009: hello", None))
    assert watch.problems == []
    watch.hear(OperatorMessage(0, "LVM071E", "A on LIP1: KeyError: 3; the LPAR is stopped", None))
    assert watch.problems == ["LVM071E A on LIP1: KeyError: 3; the LPAR is stopped"]


def test_the_first_problem_is_told_at_once_and_few_are_kept(machine):
    told = []
    watch = Watch(machine, S, lambda: told.append(1))
    for number in range(100):
        watch.tell(f"problem {number}")
    assert told == [1]
    assert (watch.found, len(watch.problems), watch.problems[0]) == (100, 20, "problem 0")


# --- counting -----------------------------------------------------------------------------------------------


def test_the_median_is_known_to_a_percent_and_the_longest_exactly():
    times = Times()
    for duration_ns in range(1_000_000, 9_000_000, 1_000):
        times.add(duration_ns)
    assert times.quantile_ns(0.5) == pytest.approx(5_000_000, rel=0.011)
    assert times.longest_ns == 8_999_000
    assert Times().quantile_ns(0.5) == 0
    assert len(times._classes) < 250, "they take no more memory the more there are"


def test_an_exchange_is_one_relocation_of_two_zones():
    counts = Counts()
    for op in ("op.1", "op.2", "op.2", "op.3.1", "op.3.2"):
        counts.feed({"event": "zone.moved", "op": op})
    assert counts.relocations == 4


def test_commands_are_counted_by_verb_and_result_and_their_pages_added_up():
    counts = Counts()
    stop = (LipStop("A", "LIP1", 5), LipStop("A", "LIP2", 9))
    counts.add(result("MVSTOR A HSA=0", pages=3, lips=stop, answered_ns=70))
    counts.add(result("PLAN FREE 4096 GO", pages=2, lips=stop, answered_ns=30))
    counts.add(result("MVSTOR A HSA=0", Result.CANCELLED, lips=stop, answered_ns=50))
    assert dict(counts.results) == {
        ("MVSTOR", Result.COMPLETED): 1, ("PLAN GO", Result.COMPLETED): 1, ("MVSTOR", Result.CANCELLED): 1,
    }  # fmt: skip
    assert (counts.moved_bytes, counts.commands, counts.answers.longest_ns) == (5 * 4096, 3, 70)
    assert (counts.stops.count, counts.stops.longest_ns) == (1, 9), "of one relocation that completed"


def test_damage_and_the_steps_of_lives_are_taken_from_the_trace():
    counts = Counts()
    counts.feed({"event": "guest.verified", "lpar": "A", "steps": 5})
    counts.feed({"event": "guest.verified", "lpar": "A", "steps": 7})
    damage = {"event": "guest.damaged", "lpar": "A", "address": 16, "expected": "1", "found": "2"}
    counts.feed(damage)
    assert (counts.steps["A"], counts.lives["A"]) == (12, 2)
    assert counts.problems == ["A: damage at guest absolute 0x10: expected 1, found 2"]


def test_a_plan_that_is_carried_out_is_a_verb_of_its_own():
    texts = ("PLAN FREE 4K", "PLAN FREE 4K GO", "IPL A")
    assert [verb_of(text) for text in texts] == ["PLAN", "PLAN GO", "IPL"]
