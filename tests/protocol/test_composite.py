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
from lparvm.arch.address import Zone
from lparvm.config import PLAN_REPLANS_MAX, PLAN_STEPS_MAX
from lparvm.protocol import commands as c
from lparvm.protocol import composite
from lparvm.protocol import composite_parts as p
from lparvm.protocol.displays import OperationView
from lparvm.protocol.results import Outcome, Result
from lparvm.protocol.targets import Before, End, Hsa

EXPAND = c.MoveStor("A", Hsa(64 * K), c.Expansion("B", 32 * K))
FREE = c.Plan(16 * K, go=True)
GROW = c.Plan(32 * K, "C", go=True)
SPREAD = frame(A=2, B=8, C=20)
FAILURES = sorted(set(Result) - {Result.COMPLETED, Result.CANCELLED, Result.CHECK_STOPPED})
FOR_GOOD = [Result.CHECK_STOPPED, Result.TOO_MANY_OPERATIONS]
PASSING = sorted(set(FAILURES) - set(FOR_GOOD))
NOT_TO_BE_EXPANDED = [Result.WRONG_SIZE, Result.UNKNOWN_LPAR, Result.WRONG_STATE, Result.LPAR_CHECK_STOPPED]


# --- move, then expand -------------------------------------------------------------------------------------


def test_a_move_is_followed_by_the_expansion_and_both_are_told():
    player = Player(EXPAND)
    answer = player.play()
    assert player.story == ["look", "op.3.1 A to 16", "op.3.2 B expands to 8"]
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
    assert player.story == ["look", "op.3.1 A Before(lpar='B')", "op.3.2 C expands to None"]


@pytest.mark.parametrize("result", [*FAILURES, Result.CANCELLED, Result.CHECK_STOPPED])
def test_a_move_that_does_not_complete_is_the_answer(result: Result):
    player = Player(EXPAND, results=[result])
    assert player.play() == outcome(result)
    assert player.story == ["look", "op.3.1 A to 16"]


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
        (2, Result.SALE_REFUSED, Result.MOVED_NOT_EXPANDED, 2),
        (2, Result.COMPLETED, Result.COMPLETED, 2),
    ],
)
@pytest.mark.parametrize("denies", [False, True])
def test_a_cancel_gives_up_what_is_under_way_and_nothing_further_begins(
    step: int, result: Result, ends: Result, story: int, denies: bool
):
    player = Player(EXPAND, results=[Result.COMPLETED] * (step - 1) + [result], denies=denies)
    player.before_end = lambda player, number: player.cancel() if number == step else None
    answer = player.play()
    assert (answer.result, len(player.story)) == (ends, story + 1)
    assert player.cancels == [f"op.8 op.3.{step}"]
    _cancel_agrees(player, answer)
    if ends is Result.CANCELLED and (step, result) != (1, Result.CANCELLED):
        moved = outcome(lpar="A").message
        assert answer.message == f"MVSTOR A with EXPAND=B: cancelled after 1 of 2 steps; {moved}"
        assert answer.pages == 4, "the move stands"
        assert player.cancels_answered["op.8"].message == "op.3 was cancelled after 1 of 2 steps"


def _cancel_agrees(player: Player, answer: Outcome) -> None:
    """A CANCEL is granted where the command ended cancelled, and nowhere else."""
    results = {one.result for one in player.cancels_answered.values()}
    if answer.result is Result.CANCELLED:
        assert results == {Result.COMPLETED}
    else:
        assert results <= {Result.NOT_CANCELLABLE}, "what is not answered here, LPAR control will deny"
        assert bool(results) is player.denies


def test_a_cancel_while_the_frame_is_looked_at_ends_a_move_with_an_expansion():
    player = Player(EXPAND, before_look=lambda player, _number: player.cancel())
    answer = player.play()
    assert (answer.result, player.story) == (Result.CANCELLED, ["look"])
    assert answer.message == "MVSTOR A with EXPAND=B: cancelled after 0 of 2 steps; nothing was moved"
    assert player.cancels_answered["op.8"].message == "op.3 was cancelled"


def test_a_second_cancel_is_told_that_the_first_is_at_work():
    def twice(player: Player, number: int) -> None:
        if number == 1:
            player.cancel()
            player.cancel("op.9")

    player = Player(EXPAND, before_end=twice, denies=True)
    assert player.play().result is Result.CANCELLED
    second = player.cancels_answered["op.9"]
    assert (second.result, second.code) == (Result.NOT_CANCELLABLE, "LVM059W")
    assert second.message == "op.3 is being cancelled already: step 1 of 2"
    assert player.cancels_answered["op.8"].result is Result.COMPLETED


def test_a_second_cancel_of_the_last_step_is_lpar_control_s():
    def twice(player: Player, number: int) -> None:
        if number == 2:
            player.cancel()
            player.cancel("op.9")

    player = Player(EXPAND, before_end=twice, denies=True)
    assert player.play().result is Result.COMPLETED
    assert [one.code for one in player.cancels_answered.values()] == ["LVM051W"] * 2


@pytest.mark.parametrize("test", [False, True])
@pytest.mark.parametrize(
    ("expansion", "seen", "result"),
    [
        (c.Expansion("ZZ"), SPREAD, Result.UNKNOWN_LPAR),
        (c.Expansion("D"), evolve(SPREAD, inactive=("D",)), Result.WRONG_STATE),
        (c.Expansion("B"), frame(A=2, B=8, lost="B"), Result.LPAR_CHECK_STOPPED),
        (c.Expansion("B", 16 * K), SPREAD, Result.WRONG_SIZE),
        (c.Expansion("B", 4 * K), SPREAD, Result.WRONG_SIZE),
    ],
)
def test_an_expansion_that_cannot_be_is_refused_before_anybody_is_moved(
    expansion: c.Expansion, seen: p.Frame, result: Result, test: bool
):
    player = Player(evolve(EXPAND, expand=expansion, test=test), seen)
    answer = player.play()
    assert (answer.result, player.story) == (result, ["look"])
    assert "?" not in answer.message


def test_what_becomes_of_an_lpar_that_is_held_is_seen_after_the_move_and_not_by_a_test():
    seen = evolve(frame(A=2), held={"B": "op.9"})
    player = Player(EXPAND, seen)
    player.play()
    assert player.story[-1] == "op.3.2 B expands to 8"
    answer = Player(evolve(EXPAND, test=True), frame(A=2, B=8, held=("B",))).play()
    assert (answer.result, answer.message) == (Result.LPAR_IN_OPERATION, "B is held by operation op.9")


@pytest.mark.parametrize(
    ("expansion", "told"),
    [
        (c.Expansion("A"), "A can then be expanded to 240K"),
        (c.Expansion("A", 32 * K), "A can then be expanded to 32K"),
        (c.Expansion("A", 244 * K), "A: no room for 244K: B holds storage behind it"),
    ],
)
def test_a_test_tells_the_room_that_there_will_be_after_the_move(expansion: c.Expansion, told: str):
    player = Player(c.MoveStor("B", End(), expansion, test=True), frame(A=0, B=4))
    answer = player.play()
    assert answer.result is (Result.NO_ROOM if "no room" in told else Result.COMPLETED)
    assert told in answer.message
    assert len(player.story) == 2, "a look, and the test of the move"
    assert player.told == []


def test_a_test_sees_frames_out_of_use_and_what_is_held_beside_zones():
    command = c.MoveStor("B", End(), c.Expansion("A", 240 * K), test=True)
    seen = frame(A=0, B=4, retired=(30,))
    assert Player(command, seen).play().message == "A: no room for 240K: frame 30 behind it is out of use"
    seen = evolve(frame(A=0, B=4), beside=(Zone(20, 4),))
    told = Player(command, seen).play().message
    assert told == "A: no room for 240K: another LPAR holds storage behind it"


def test_a_move_that_would_be_refused_is_what_a_test_tells():
    command = evolve(EXPAND, test=True)
    answer = Player(command, results=[Result.TARGET_OCCUPIED]).play()
    assert answer == outcome(Result.TARGET_OCCUPIED)


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
    assert player.story == [
        "look", "op.3.1 A to 0", "look", "op.3.2 B to 4", "look", "op.3.3 C to 8", "look",
    ]  # fmt: skip
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
    planner = lambda seen, _: Planned(  # noqa: E731
        () if seen.layout == after else (PlannedExchange("A", "B", after),), (), "done"
    )
    player = Player(FREE, SPREAD, planner=planner)
    assert player.play().result is Result.COMPLETED
    assert player.story == ["look", "op.3.1 A with B", "look"]


def test_where_there_is_room_already_nothing_is_moved():
    packed = frame(A=0, B=4, C=8)
    player = Player(FREE, packed)
    assert player.play().message == "PLAN FREE 16K: nothing had to be moved; the top is free"
    player = Player(GROW, packed)
    player.play()
    assert player.story == ["look", "op.3.1 C expands to 8"]


@pytest.mark.parametrize("position", [1, 2, 3])
@pytest.mark.parametrize("result", PASSING)
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


@pytest.mark.parametrize("result", FOR_GOOD)
def test_a_step_that_loses_an_lpar_or_one_too_many_ends_the_plan_at_once(result: Result):
    player = Player(FREE, SPREAD, results=[Result.COMPLETED, result])
    answer = player.play()
    assert (answer.result, len(player.told)) == (Result.PLAN_STOPPED, 2)
    assert "1 of 3 steps" in answer.message


@pytest.mark.parametrize("result", [*FOR_GOOD, *NOT_TO_BE_EXPANDED])
def test_an_expansion_that_a_new_plan_cannot_help_ends_the_plan_at_once(result: Result):
    player = Player(GROW, frame(A=0, B=4, C=8), results=[result])
    answer = player.play()
    assert (answer.result, player.story) == (Result.PLAN_STOPPED, ["look", "op.3.1 C expands to 8"])
    assert answer.message.endswith(": op.3.1: " + " ".join(outcome(result, "C").message.split()))


def test_an_lpar_that_is_held_is_not_expanded_again_at_the_same_instant():
    seen = frame(A=0, B=4, C=8, held=("C",))
    player = Player(GROW, seen, results=[Result.LPAR_IN_OPERATION])
    answer = player.play()
    assert player.story == ["look", "op.3.1 C expands to 8", "look"]
    assert (answer.result, answer.message) == (
        Result.PLAN_STOPPED,
        "PLAN EXPAND C SIZE=32K: stopped after 0 of 1 steps: op.3.1: C is held by operation op.9",
    )


@pytest.mark.parametrize("go", [False, True])
@pytest.mark.parametrize(
    ("command", "seen", "result"),
    [
        (c.Plan(16 * K, "C"), SPREAD, Result.WRONG_SIZE),
        (c.Plan(4 * K, "C"), SPREAD, Result.WRONG_SIZE),
        (c.Plan(32 * K, "ZZ"), SPREAD, Result.UNKNOWN_LPAR),
        (c.Plan(32 * K, "D"), evolve(SPREAD, inactive=("D",)), Result.WRONG_STATE),
        (c.Plan(32 * K, "C"), frame(A=2, C=20, lost="C"), Result.LPAR_CHECK_STOPPED),
    ],
)
def test_an_lpar_that_cannot_be_expanded_is_not_planned_for(
    command: c.Plan, seen: p.Frame, result: Result, go: bool
):
    player = Player(evolve(command, go=go), seen)
    assert (player.play().result, player.story) == (result, ["look"])


def test_an_lpar_that_goes_away_while_a_plan_makes_room_for_it_stops_the_plan():
    def leave(player: Player, number: int) -> None:
        if number == 2:
            player.seen = evolve(frame(A=0, B=8), inactive=("C",))

    player = Player(GROW, SPREAD, before_look=leave)
    answer = player.play()
    assert (answer.result, player.story) == (Result.PLAN_STOPPED, ["look", "op.3.1 A to 0", "look"])
    assert "C is defined" in answer.message


def test_room_that_was_taken_during_the_last_step_is_made_anew_and_the_answer_is_of_now():
    def take(player: Player, number: int) -> None:
        if number == 4:
            player.seen = rearranged(player.seen, {"C": 30})

    player = Player(FREE, SPREAD, before_look=take)
    answer = player.play()
    assert player.story[-3:] == ["look", "op.3.4 C to 8", "look"]
    assert answer.message == "PLAN FREE 16K: 4 steps; the top is free"


def test_room_that_was_taken_for_good_during_the_last_step_stops_the_plan():
    def planner(seen: p.Frame, goal: c.Plan) -> Planned | Unplanned:
        return Unplanned("an area from 4K is held") if seen.beside else packing(seen, goal)

    def take(player: Player, number: int) -> None:
        if number == 4:
            player.seen = evolve(player.seen, beside=(Zone(1, 4),))

    answer = Player(FREE, SPREAD, before_look=take, planner=planner).play()
    assert (answer.result, answer.message) == (
        Result.PLAN_STOPPED,
        "PLAN FREE 16K: stopped after 3 of 3 steps: there is no plan: an area from 4K is held",
    )


def test_a_layout_that_others_changed_is_planned_anew():
    def interfere(player: Player, number: int) -> None:
        if number == 2:
            player.seen = rearranged(player.seen, {"B": 4})

    player = Player(FREE, SPREAD, before_look=interfere)
    answer = player.play()
    assert player.story == ["look", "op.3.1 A to 0", "look", "op.3.2 C to 8", "look"]
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
    assert plans == [(), (50,), (50,)], "planned at the first look and at the third, and looked at in the end"


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
            player.seen = evolve(player.seen, held={"A": "op.9"})

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
@pytest.mark.parametrize("denies", [False, True])
def test_a_cancel_during_a_step_of_a_plan(step: int, result: Result, ends: Result, done: int, denies: bool):
    player = Player(GROW, SPREAD, results=[Result.COMPLETED] * (step - 1) + [result], denies=denies)
    player.before_end = lambda player, number: player.cancel() if number == step else None
    answer = player.play()
    assert answer.result is ends
    assert player.cancels == [f"op.8 op.3.{step}"]
    _cancel_agrees(player, answer)
    assert [line for line in player.story if line != "look"][-1].startswith(f"op.3.{step} ")
    if ends is Result.CANCELLED:
        stands = "what was done stands" if done else "nothing was moved"
        assert (answer.code, answer.message) == (
            "LVM057I", f"PLAN EXPAND C SIZE=32K: cancelled after {done} of 4 steps; {stands}",
        )  # fmt: skip
    assert answer.pages == 4 * done


def test_a_cancel_after_the_last_step_of_a_plan_to_free_changes_nothing():
    player = Player(FREE, SPREAD)
    player.before_end = lambda player, number: player.cancel() if number == 3 else None
    assert player.play().result is Result.COMPLETED


def test_a_cancel_after_the_last_step_of_a_plan_prevents_a_new_one():
    def take(player: Player, number: int) -> None:
        if number == 4:
            player.seen = rearranged(player.seen, {"C": 30})

    player = Player(FREE, SPREAD, before_look=take, denies=True)
    player.before_end = lambda player, number: player.cancel() if number == 3 else None
    answer = player.play()
    assert (answer.result, player.story[-1]) == (Result.CANCELLED, "look")
    _cancel_agrees(player, answer)


def test_a_cancel_comes_too_late_when_the_last_look_finds_the_room():
    player = Player(FREE, SPREAD)
    player.before_look = lambda player, number: player.cancel() if number == 4 else None
    assert player.play().result is Result.COMPLETED
    denied = player.cancels_answered["op.8"]
    assert (denied.result, denied.code) == (Result.NOT_CANCELLABLE, "LVM051W")


@pytest.mark.parametrize("look", [1, 2, 3])
def test_a_cancel_between_two_steps_is_granted(look: int):
    player = Player(FREE, SPREAD)
    player.before_look = lambda player, number: player.cancel() if number == look else None
    answer = player.play()
    assert answer.result is Result.CANCELLED
    assert player.cancels == []
    _cancel_agrees(player, answer)
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
            player.cancel("op.7")

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
    granted = [one.result for one in player.cancels_answered.values()].count(Result.COMPLETED)
    assert answer.result is Result.CANCELLED or not granted


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
    run, _ = composite.advance(run, p.FrameSeen(SPREAD), packing)
    run, _ = composite.advance(run, p.StepEnded("op.3.1", outcome()), packing)
    assert composite.view_of(run).phase == "step 2 of 2"


def test_an_operation_that_is_not_under_way_is_no_step():
    with pytest.raises(AssertionError, match=r"op\.3\.2 ended, but op\.3\.1 is under way"):
        composite.advance(begun(), p.StepEnded("op.3.2", Outcome(Result.COMPLETED)), packing)
