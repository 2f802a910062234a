"""Commands of several operations: who does what after what, and what stands when they stop."""

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from composite_steps import (
    K,
    Planned,
    PlannedExchange,
    Player,
    Unplanned,
    frame,
    outcome,
    packing,
    rearranged,
)
from lparvm.config import PLAN_REPLANS_MAX, PLAN_STEPS_MAX
from lparvm.protocol import commands as c
from lparvm.protocol import composite
from lparvm.protocol import composite_parts as p
from lparvm.protocol.displays import OperationView
from lparvm.protocol.results import Outcome, Result
from lparvm.protocol.targets import Before, Hsa

EXPAND = c.MoveStor("A", Hsa(64 * K), c.Expansion("B", 32 * K))
FREE = c.Plan(16 * K, go=True)
GROW = c.Plan(32 * K, "C", go=True)
SPREAD = frame(A=2, B=8, C=20)
FAILURES = sorted(set(Result) - {Result.COMPLETED, Result.CANCELLED, Result.CHECK_STOPPED})


# --- move, then expand -------------------------------------------------------------------------------------


def test_a_move_is_followed_by_the_expansion_and_both_are_told():
    player = Player(EXPAND)
    answer = player.play()
    assert player.story == ["op.3.1 A to 16", "op.3.2 B expands to 8"]
    assert (answer.result, answer.code) == (Result.COMPLETED, "LVM011I")
    assert answer.message == "; ".join(outcome(lpar=name).message for name in "AB")
    assert [one.message for one in player.told] == [outcome(lpar="A").message]


def test_the_answer_has_the_times_and_pages_of_both():
    answer = Player(EXPAND).play()
    assert [(stop.lpar, stop.stopped_ns) for stop in answer.lips] == [("A", 10), ("B", 10)]
    assert answer.pages == 8


def test_without_a_size_it_expands_as_far_as_it_goes():
    player = Player(c.MoveStor("A", Before("B"), c.Expansion("C")))
    player.play()
    assert player.story == ["op.3.1 A Before(lpar='B')", "op.3.2 C expands to None"]


@pytest.mark.parametrize("result", [*FAILURES, Result.CANCELLED, Result.CHECK_STOPPED])
def test_a_move_that_does_not_complete_is_the_answer(result: Result):
    player = Player(EXPAND, results=[result])
    assert player.play() == outcome(result)
    assert player.story == ["op.3.1 A to 16"]


@pytest.mark.parametrize("result", FAILURES)
def test_a_refused_expansion_leaves_the_move_and_says_both(result: Result):
    answer = Player(EXPAND, results=[Result.COMPLETED, result]).play()
    assert (answer.result, answer.code) == (Result.MOVED_NOT_EXPANDED, "LVM016W")
    refused = " ".join(outcome(result, "B").message.split())
    assert answer.message == f"{outcome(lpar='A').message}; not expanded: {refused}"
    assert (len(answer.lips), answer.pages) == (1, 4), "the move's"


@pytest.mark.parametrize(
    ("step", "result", "ends", "story"),
    [
        (1, Result.CANCELLED, Result.CANCELLED, 1),
        (1, Result.COMPLETED, Result.CANCELLED, 1),
        (1, Result.STOP_TIMED_OUT, Result.STOP_TIMED_OUT, 1),
        (2, Result.CANCELLED, Result.CANCELLED, 2),
        (2, Result.NO_ROOM, Result.CANCELLED, 2),
        (2, Result.COMPLETED, Result.COMPLETED, 2),
    ],
)
def test_a_cancel_gives_up_what_is_under_way_and_nothing_further_begins(
    step: int, result: Result, ends: Result, story: int
):
    player = Player(EXPAND, results=[Result.COMPLETED] * (step - 1) + [result])
    player.before_end = lambda player, number: player.cancel() if number == step else None
    answer = player.play()
    assert (answer.result, len(player.story)) == (ends, story)
    assert player.cancels == [f"op.8 op.3.{step}"]
    if ends is Result.CANCELLED and (step, result) != (1, Result.CANCELLED):
        assert answer.message == "MVSTOR A with EXPAND=B: cancelled after 1 of 2 steps"
        assert answer.pages == 4, "the move stands"


# --- plans -------------------------------------------------------------------------------------------------


def test_a_plan_without_go_changes_nothing_and_is_shown():
    player = Player(evolve(FREE, go=False), SPREAD)
    answer = player.play()
    assert player.story == ["look"]
    assert answer.result is Result.COMPLETED
    assert player.answer.lines == ("A to 0", "B to 4", "C to 8")
    assert answer.message.split("\n") == list(player.answer.lines)


@pytest.mark.parametrize("go", [False, True])
def test_no_plan_says_why(go: bool):
    player = Player(evolve(FREE, go=go), SPREAD, planner=lambda *_: Unplanned("proven: too little is free"))
    answer = player.play()
    assert (answer.result, answer.message) == (
        Result.NO_PLAN, "PLAN FREE 16K: there is no plan: proven: too little is free",
    )  # fmt: skip


def test_go_carries_the_plan_out_and_looks_before_each_step():
    player = Player(FREE, SPREAD)
    answer = player.play()
    assert player.story == ["look", "op.3.1 A to 0", "look", "op.3.2 B to 4", "look", "op.3.3 C to 8"]
    assert (answer.result, answer.message) == (Result.COMPLETED, "PLAN FREE 16K: 3 steps; the top is free")
    assert (answer.pages, len(answer.lips), len(player.told)) == (12, 3, 3)


def test_an_expansion_is_the_last_step():
    player = Player(GROW, SPREAD)
    answer = player.play()
    assert player.story[-2:] == ["look", "op.3.4 C expands to 8"]
    assert answer.result is Result.COMPLETED
    assert answer.message == f"PLAN EXPAND C SIZE=32K: 4 steps; {outcome(lpar='C').message}"


def test_an_exchange_is_a_step():
    after = rearranged(SPREAD, {"A": 8, "B": 2}).layout
    planner = lambda *_: Planned((PlannedExchange("A", "B", after),), (), "done")  # noqa: E731
    player = Player(FREE, SPREAD, planner=planner)
    assert player.play().result is Result.COMPLETED
    assert player.story == ["look", "op.3.1 A with B"]


def test_where_there_is_room_already_nothing_is_moved():
    packed = frame(A=0, B=4, C=8)
    player = Player(FREE, packed)
    assert player.play().message == "PLAN FREE 16K: nothing had to be moved; the top is free"
    player = Player(GROW, packed)
    player.play()
    assert player.story == ["look", "op.3.1 C expands to 8"]


@pytest.mark.parametrize("position", [1, 2, 3])
@pytest.mark.parametrize("result", FAILURES)
def test_a_step_that_fails_once_is_planned_anew(position: int, result: Result):
    player = Player(FREE, SPREAD, results=[Result.COMPLETED] * (position - 1) + [result])
    answer = player.play()
    assert answer.result is Result.COMPLETED
    steps = [line for line in player.story if line != "look"]
    assert steps[position - 1].split()[1:] == steps[position].split()[1:], "it is tried again"
    assert [line.split()[0] for line in steps] == [f"op.3.{number}" for number in range(1, 5)], (
        "ids are given once"
    )
    assert answer.message.startswith("PLAN FREE 16K: 3 steps")


@pytest.mark.parametrize("position", [1, 2, 3, 4])
def test_a_step_that_goes_on_failing_stops_the_plan_and_what_was_done_stands(position: int):
    failing = [Result.COMPLETED] * (position - 1) + [Result.TARGET_TAKEN] * (PLAN_REPLANS_MAX + 1)
    player = Player(GROW, SPREAD, results=failing)
    answer = player.play()
    assert (answer.result, answer.code) == (Result.PLAN_STOPPED, "LVM056W")
    last = f"op.3.{position + PLAN_REPLANS_MAX}"
    assert answer.message.startswith(
        f"PLAN EXPAND C SIZE=32K: stopped after {position - 1} of 4 steps: {last}: "
    ), answer.message
    assert answer.pages == 4 * (position - 1)
    assert len(player.told) == position + PLAN_REPLANS_MAX


def test_a_step_that_loses_an_lpar_ends_the_plan_at_once():
    player = Player(FREE, SPREAD, results=[Result.COMPLETED, Result.CHECK_STOPPED])
    answer = player.play()
    assert (answer.result, len(player.told)) == (Result.PLAN_STOPPED, 2)
    assert "1 of 3 steps" in answer.message


def test_a_layout_that_others_changed_is_planned_anew():
    def interfere(player: Player, number: int) -> None:
        if number == 2:
            player.seen = rearranged(player.seen, {"B": 4})

    player = Player(FREE, SPREAD, before_look=interfere)
    answer = player.play()
    assert player.story == ["look", "op.3.1 A to 0", "look", "op.3.2 C to 8"]
    assert answer.message == "PLAN FREE 16K: 2 steps; the top is free"


def test_a_frame_that_went_out_of_use_is_planned_around():
    plans = []

    def planner(seen: p.Frame, goal: c.Plan) -> Planned | Unplanned:
        plans.append(seen.retired)
        return packing(seen, goal)

    def retire(player: Player, number: int) -> None:
        if number == 3:
            player.seen = evolve(player.seen, retired=(50,))

    Player(FREE, SPREAD, planner=planner, before_look=retire).play()
    assert plans == [(), (50,)], "planned at the first look and at the third"


@pytest.mark.parametrize("changes", [{"held": ("B",)}, {"lost": "B"}])
def test_an_lpar_that_cannot_be_moved_now_is_planned_around_or_stops_the_plan(changes: dict):
    def hold(player: Player, number: int) -> None:
        if number == 2:
            origins = {row.name: row.origin for row in player.seen.rows}
            player.seen = frame(**changes, **origins)

    player = Player(FREE, SPREAD, before_look=hold)
    answer = player.play()
    assert answer.result is Result.PLAN_STOPPED
    assert answer.message == "PLAN FREE 16K: stopped after 1 of 3 steps: there is no plan: B cannot be moved"
    assert player.story == ["look", "op.3.1 A to 0", "look"]


def test_why_a_step_failed_is_told_also_where_there_is_no_plan_then():
    def hold(player: Player, number: int) -> None:
        if number == 2:
            player.seen = evolve(player.seen, held=("A",))

    answer = Player(FREE, SPREAD, results=[Result.LPAR_IN_OPERATION], before_look=hold).play()
    assert answer.message == (
        "PLAN FREE 16K: stopped after 0 of 3 steps: op.3.1: A is held by operation op.9; then there is no plan: "
        "A cannot be moved"
    )


def test_others_that_never_rest_do_not_keep_it_going_for_ever():
    def restless(player: Player, number: int) -> None:
        player.seen = rearranged(player.seen, {"A": number % 3 + 1})

    player = Player(FREE, SPREAD, before_look=restless)
    answer = player.play()
    assert answer.result is Result.PLAN_STOPPED
    assert sum(line != "look" for line in player.story) == PLAN_STEPS_MAX
    assert f"{PLAN_STEPS_MAX} steps were tried" in answer.message


@pytest.mark.parametrize(
    ("step", "result", "ends", "done"),
    [
        (1, Result.CANCELLED, Result.CANCELLED, 0),
        (1, Result.COMPLETED, Result.CANCELLED, 1),  # past its commit: the CANCEL was denied
        (2, Result.CANCELLED, Result.CANCELLED, 1),
        (2, Result.QUIESCE_TIMED_OUT, Result.CANCELLED, 1),
        (3, Result.COMPLETED, Result.CANCELLED, 3),  # the expansion does not begin
        (4, Result.CANCELLED, Result.CANCELLED, 3),
        (4, Result.COMPLETED, Result.COMPLETED, 4),
    ],
)
def test_a_cancel_during_a_step_of_a_plan(step: int, result: Result, ends: Result, done: int):
    player = Player(GROW, SPREAD, results=[Result.COMPLETED] * (step - 1) + [result])
    player.before_end = lambda player, number: player.cancel() if number == step else None
    answer = player.play()
    assert answer.result is ends
    assert player.cancels == [f"op.8 op.3.{step}"]
    assert [line for line in player.story if line != "look"][-1].startswith(f"op.3.{step} ")
    if ends is Result.CANCELLED:
        assert (answer.code, answer.message) == (
            "LVM057I", f"PLAN EXPAND C SIZE=32K: cancelled after {done} of 4 steps",
        )  # fmt: skip
    assert answer.pages == 4 * done


def test_a_cancel_after_the_last_step_of_a_plan_to_free_changes_nothing():
    player = Player(FREE, SPREAD)
    player.before_end = lambda player, number: player.cancel() if number == 3 else None
    assert player.play().result is Result.COMPLETED


@pytest.mark.parametrize("look", [1, 2, 3])
def test_a_cancel_between_two_steps_is_granted_at_once(look: int):
    player = Player(FREE, SPREAD)
    player.before_look = lambda player, number: player.cancel() if number == look else None
    answer = player.play()
    assert answer.result is Result.CANCELLED
    assert player.cancels == ["op.8"]
    assert len(player.told) == look - 1
    assert f"cancelled after {look - 1} of {0 if look == 1 else 3} steps" in answer.message


@given(
    st.sampled_from([EXPAND, FREE, GROW, evolve(GROW, go=False)]),
    st.lists(st.sampled_from(Result), max_size=8),
    st.integers(0, 6),
    st.integers(0, 6),
    st.integers(0, 6),
)
@settings(max_examples=200)
def test_whatever_happens_it_is_answered_once_and_accounts_for_each_step(
    command: c.MoveStor | c.Plan,
    results: list[Result],
    cancel_end: int,
    cancel_look: int,
    disturbed_look: int,
):
    completed = []

    def look(player: Player, number: int) -> None:
        if number == disturbed_look:
            player.seen = rearranged(player.seen, {"C": 25})
        if number == cancel_look:
            player.cancel()

    def end(player: Player, number: int) -> None:
        result = player.results[0] if player.results else Result.COMPLETED
        completed.append(result is Result.COMPLETED)
        if number == cancel_end:
            player.cancel()

    player = Player(command, SPREAD, list(results), before_look=look, before_end=end)
    answer = player.play()
    assert answer.pages == 4 * sum(completed), "pages of every step that completed, and of no other"
    if answer.result is Result.COMPLETED:
        assert not completed or completed[-1], "the last step completed"
    if "done" in answer.values:
        assert answer.values["done"] == sum(completed)
    assert completed.count(False) <= PLAN_REPLANS_MAX + 1
    ids = [line.split()[0] for line in player.story if line != "look"]
    assert ids == [f"op.3.{number}" for number in range(1, len(ids) + 1)]
    assert len(player.cancels) <= 2


# --- what a CANCEL and a DISPLAY find ----------------------------------------------------------------------


def begun() -> composite.Composite:
    """PLAN ... GO in its first step, of A."""
    run, _ = composite.begin("op.3", GROW)
    run, _ = composite.advance(run, p.FrameSeen(SPREAD), packing)
    return run


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("op.3", True),
        ("op.3.1", True),
        ("op.3.2", False),
        ("op.31", False),
        ("A", True),
        ("C", True),
        ("B", False),
    ],
)
def test_a_cancel_names_the_command_its_operation_or_an_lpar_it_works_on(target: str, found: bool):
    run = begun()
    assert composite.named(target, [run]) == (run if found else None)


def test_an_lpar_that_another_operation_holds_is_meant_there():
    run = begun()
    mine = OperationView("op.3.1", "MVSTOR", ("A",), "MOVING", "to 0")
    other = OperationView("op.5", "MVSTOR", ("C",), "MOVING", "to 0")
    assert composite.named("C", [run], [mine, other]) is None
    assert composite.named("A", [run], [mine, other]) == run
    assert composite.named("op.3", [run], [mine, other]) == run


def test_a_display_shows_which_step_of_how_many():
    run, _ = composite.begin("op.3", GROW)
    assert composite.view_of(run).phase == "planning"
    assert composite.view_of(begun()) == OperationView(
        "op.3", "PLAN", ("A", "C"), "step 1 of 4", "PLAN EXPAND C SIZE=32K", None
    )
    run, _ = composite.begin("op.3", EXPAND)
    assert composite.view_of(run).phase == "step 1 of 2"
    run, _ = composite.advance(run, p.StepEnded("op.3.1", outcome()), packing)
    assert composite.view_of(run).phase == "step 2 of 2"


def test_an_operation_that_is_not_under_way_is_no_step():
    with pytest.raises(AssertionError, match=r"op\.3\.2 ended, but op\.3\.1 is under way"):
        composite.advance(begun(), p.StepEnded("op.3.2", Outcome(Result.COMPLETED)), packing)
