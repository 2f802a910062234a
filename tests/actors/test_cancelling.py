"""CANCEL at any time: the guest ends at the target, or at the source as if nothing had happened."""

import pytest

from lparvm.machine import Options
from lparvm.protocol.phases import PHASES as PHASES_OF_STATES
from lparvm.protocol.phases import Phase
from lparvm.protocol.relocation import TABLE
from lparvm.protocol.results import Result
from lparvm.report import RunReport
from lparvm.runner import run
from lparvm.scenario import parse_scenario
from lparvm.storage.mover import PageMove
from machines import story
from trials import K, M, command, device, lpar, scenario, trial_of

TABLES = (
    device("0190", latency="3ms"),
    device("0191", kind="stuck", ends_after="15ms"),
    lpar("A", "0", guest="hammer"),
    lpar("B", "1M", guest="machine_guests:Reading", lips=2, devices=["0190", "0191"]),
)
MOVE = command("20ms", "MVSTOR B HSA=1152K")
# Of the move, from the command to its report, in microseconds of virtual time; see the first test.
LASTS_US = 23_000
CANCELLABLE = {"ADMITTING", "STOPPING", "QUIESCING", "CHECKING", "MOVING"}


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancel meets a move at its cursor only between two chunks."""
    monkeypatch.setattr(PageMove.next_chunk, "__defaults__", (7,))


def _run(*commands: str, seed: int = 0) -> tuple[RunReport, list[dict]]:
    events: list[dict] = []
    text = scenario(*TABLES, *commands, duration="120ms")
    options = Options(seed=seed, listeners=(lambda event: events.append(dict(event)),))
    return run(parse_scenario(text), clock="virtual", options=options), events


def _phase_met(events: list[dict]) -> str:
    """The phase in which the cancel met the move."""
    phase = ""
    for event in events:
        if event["event"] == "phase.entered":
            phase = str(event["phase"])
        if event["event"] == "CancelOperation":
            break
    return phase


def test_without_a_cancel_the_move_quiesces_and_moves_for_a_while():
    report, events = _run(MOVE)
    assert report.verdict == "intact", story(report)
    (answered,) = [event for event in events if event["event"] == "command.answered"]
    assert 20_000 < (answered["t"] - 20_000_000) // 1000 < LASTS_US, story(report)
    assert len([event for event in events if event["event"] == "chunk.moved"]) == 10, (
        "the times below span the whole move"
    )


@pytest.mark.parametrize("part", range(4))
def test_at_every_time_the_guest_ends_intact_here_or_there(part: int):
    phases: set[str] = set()
    for position, after_us in enumerate(range(part * 125, LASTS_US, 500)):
        report, events = _run(MOVE, command(f"{20_000 + after_us}us", "CANCEL B"), seed=position)
        move, cancel = report.commands
        told = f"CANCEL {after_us} us after MVSTOR, seed {position}: {story(report)}"
        assert report.verdict in ("intact", "unexpected"), told
        (row,) = [row for row in report.frame_after if row.name == "B"]
        if move.result is Result.CANCELLED:
            assert (cancel.result, row.origin * 4096, move.pages) == (Result.COMPLETED, M, 0), told
            phases.add(_phase_met(events))
        else:
            assert (move.result, row.origin * 4096) == (Result.COMPLETED, 1152 * K), told
            assert cancel.result in (Result.NOT_CANCELLABLE, Result.UNKNOWN_OPERATION), told
        last = max(
            event["last_ns"] for event in events if event["event"] == "slice.ended" and event["lpar"] == "B"
        )
        assert last > 100_000_000, f"the guest did not run on: {told}"
        assert all(sum(stop.phases_ns.values()) == stop.stopped_ns for stop in move.lips), told
    assert phases == {"QUIESCING", "MOVING"}, "the times do not span the phases that take time"


PHASES = dict.fromkeys(PHASES_OF_STATES[state] for state in (row.state for row in TABLE)) | {
    Phase.BACKING_OUT: None
}


@pytest.mark.parametrize("phase", [*PHASES, Phase.REPORTED])
async def test_in_every_phase_the_answer_to_cancel_agrees_with_what_became_of_the_move(
    autojump_clock, phase: Phase
):
    async with trial_of(scenario(*TABLES)) as trial:
        svp, given = trial.machine.svp, []
        await trial.sleep_ms(20)
        move = svp.submit("MVSTOR B HSA=1152K")
        if phase is Phase.BACKING_OUT:
            trial.when("phase.entered", lambda _: svp.submit(f"CANCEL {move}"), phase="MOVING")
        trial.when("phase.entered", lambda _: given.append(svp.submit(f"CANCEL {move}")), phase=phase)
        moved, cancel = await svp.answer(move), await svp.answer(given[0])
        if phase in CANCELLABLE:
            assert (moved.result, cancel.result) == (Result.CANCELLED, Result.COMPLETED)
        elif phase is Phase.BACKING_OUT:
            assert (moved.result, cancel.result) == (Result.CANCELLED, Result.NOT_CANCELLABLE)
        else:
            late = Result.UNKNOWN_OPERATION if phase is Phase.REPORTED else Result.NOT_CANCELLABLE
            assert (moved.result, cancel.result) == (Result.COMPLETED, late)
        assert trial.origins()["B"] == (M if moved.result is Result.CANCELLED else 1152 * K)
        await trial.works("A", "B")


async def test_a_cancelled_move_can_be_given_again_at_once(autojump_clock):
    async with trial_of(scenario(*TABLES)) as trial:
        for _ in range(5):
            op = trial.machine.svp.submit("MVSTOR B HSA=1152K")
            await trial.sleep_ms(13)
            await trial.give("CANCEL B")
            assert (await trial.machine.svp.answer(op)).result is Result.CANCELLED
        assert (await trial.give("MVSTOR B HSA=1152K")).result is Result.COMPLETED
        await trial.works("A", "B")


async def test_cancel_takes_the_id_in_any_case_and_ends_only_its_own_operation(autojump_clock):
    async with trial_of(scenario(*TABLES)) as trial:
        svp = trial.machine.svp
        first, second = svp.submit("MVSTOR A HSA=2M"), svp.submit("MVSTOR B HSA=3M")
        await trial.sleep_ms(4)
        assert (await trial.give(f"cancel {second.upper()}")).result is Result.COMPLETED
        assert (await svp.answer(second)).result is Result.CANCELLED
        assert (await svp.answer(first)).result is Result.COMPLETED
