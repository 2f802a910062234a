"""The Python API: a machine that is open takes commands; closed, it has a report."""

import sys
from pathlib import Path

import pytest
import trio

import lparvm
from lparvm.actors.service_processor import CommandResult, OperatorMessage, Progress
from lparvm.errors import CommandError, ScenarioError, UsageError
from lparvm.guests import PythonGuest
from lparvm.machine import Machine, Options, open_machine
from lparvm.protocol.results import Result
from lparvm.protocol.targets import Hsa
from lparvm.scenario import parse_scenario
from lparvm.storage.main_storage import MainStorage
from lparvm.trace.reader import read_trace
from machines import story
from trials import TWO, K, M, device, lpar, scenario, trial_of


async def _two_moves() -> Machine:
    async with lparvm.open_machine(parse_scenario(TWO)) as machine:
        assert machine.report is None, "the report comes with the end"
        there = await machine.svp.execute("MVSTOR B HSA=1152K")
        back = await machine.svp.move_storage("B", 1 * M)
        assert (there.result, back.result) == (Result.COMPLETED, Result.COMPLETED)
        assert (there.pages, back.pages) == (64, 64)
    return machine


async def test_an_open_machine_takes_commands_under_the_virtual_clock(autojump_clock):
    machine = await _two_moves()
    assert machine.clock.virtual
    assert machine.report.clock == "virtual"
    assert machine.report.verdict == "intact", story(machine.report)


async def test_an_open_machine_takes_commands_under_the_real_clock():
    before_s = sys.getswitchinterval()
    machine = await _two_moves()
    assert not machine.clock.virtual
    assert (machine.report.clock, machine.report.verdict) == ("real", "intact"), story(machine.report)
    assert sys.getswitchinterval() == before_s, "what was set for the copy threads is set back"


async def test_a_machine_is_opened_by_a_name_or_a_file(autojump_clock, tmp_path: Path):
    path = tmp_path / "two.toml"
    path.write_text(TWO)
    for name in (str(path), path, "figure-3"):
        async with open_machine(name) as machine:
            assert len(machine.rows()) == 2
        assert machine.report.scenario == str(name)


@pytest.mark.parametrize(
    ("text", "word"),
    [("MVSTRO B HSA=0", "MVSTRO"), ("MVSTOR B HSA=banana", "HSA=banana"), ("", ""), ("MVSTOR B", "")],
)
async def test_a_text_that_is_no_command_raises_and_leaves_all_as_it_was(
    autojump_clock, text: str, word: str
):
    async with trial_of() as trial:
        before = trial.origins()
        with pytest.raises(CommandError) as submitted:
            trial.machine.svp.submit(text)
        with pytest.raises(CommandError) as executed:
            await trial.machine.svp.execute(text)
        assert str(submitted.value) == str(executed.value)
        assert (submitted.value.word, "expected" in str(submitted.value)) == (word, True)
        assert (trial.origins(), trial.machine.svp.pending, trial.machine.svp.results) == (before, (), {})
        assert trial.of("command.received") == []
        answer = await trial.give("MVSTOR B HSA=2M")
        assert (answer.result, answer.operation) == (Result.COMPLETED, "op.1"), "it used up no number"


async def test_typed_methods_give_the_same_commands_as_texts(autojump_clock):
    async with trial_of() as trial:
        svp = trial.machine.svp
        moved = await svp.move_storage("B", 2 * M, stop_ns=1_500_000_000, quiesce_ns=250_000_000)
        (order,) = trial.of("MoveStorage")
        assert (order["target"], order["stop_ns"], order["quiesce_ns"]) == (
            Hsa(2 * M), 1_500_000_000, 250_000_000,
        )  # fmt: skip
        assert moved.result is Result.COMPLETED
        assert (await svp.move_storage("B", 2 * M + 1)).result is Result.NOT_ON_PAGE
        assert (await svp.cancel("B")).result is Result.UNKNOWN_OPERATION
        assert (await svp.display("frame")).result is Result.COMPLETED


async def test_an_answer_can_be_awaited_before_and_after_it_comes_and_by_several(autojump_clock):
    async with trial_of() as trial:
        svp = trial.machine.svp
        op = svp.submit("MVSTOR B HSA=2M")
        assert svp.pending == (op,)
        answers: list[CommandResult] = []

        async def wait() -> None:
            answers.append(await svp.answer(op))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            nursery.start_soon(wait)
        assert svp.pending == ()
        assert answers == [await svp.answer(op)] * 2 == [svp.results[op]] * 2


async def test_displays_show_frame_storage_devices_and_operations(autojump_clock):
    text = scenario(device("0190"), lpar("A", "0", guest="journal", devices=["0190"]), lpar("B", "1M"))
    async with trial_of(text) as trial:
        svp = trial.machine.svp
        frame = (await svp.display("FRAME")).lines
        assert frame[0] == "main storage 4M"
        assert [line.split() for line in frame[2:]] == [
            ["A", "0", "256K", "768K", "active"], ["B", "1M", "256K", "2816K", "active"],
        ]  # fmt: skip
        assert (await svp.display("STORAGE")).lines[1] == "1 A  2 B"
        assert [line.split() for line in (await svp.display("DEVICES")).lines] == [
            ["0190", "disk", "IOP1", "on"]
        ]
        assert (await svp.display("OPERATIONS")).lines == ("no operations",)
        op = svp.submit("MVSTOR B HSA=2M")
        await trial.sleep_ms(5)
        (line,) = (await svp.display("OPERATIONS")).lines
        assert line.split()[:4] == [op, "MVSTOR", "B", "MOVING"]
        assert "moving" in (await svp.display("FRAME")).lines[3]
        await svp.answer(op)


async def test_listeners_hear_messages_progress_and_results_in_order(autojump_clock):
    text = scenario(
        device("0190", kind="stuck", ends_after="20ms"),
        lpar("A", "0", guest="machine_guests:Reading", devices=["0190"]),
    )
    async with trial_of(text) as trial:
        heard: list[OperatorMessage | Progress | CommandResult] = []
        also: list[object] = []
        trial.machine.svp.listen(heard.append)
        trial.machine.svp.listen(also.append)
        await trial.sleep_ms(5)
        answer = await trial.give("MVSTOR A HSA=2M")
    assert heard == also
    phases = [news.phase for news in heard if isinstance(news, Progress)]
    assert list(dict.fromkeys(phases)) == [
        "ADMITTING", "STOPPING", "QUIESCING", "CHECKING", "MOVING", "NOTIFYING", "RESTARTING", "REPORTED",
    ]  # fmt: skip
    across = [news.pages_across for news in heard if isinstance(news, Progress)]
    assert across == sorted(across)
    assert across[-1] == 64
    predicted, message = [news for news in heard if isinstance(news, OperatorMessage)]
    assert (predicted.code, predicted.operation) == ("LVM015I", "op.1")
    assert (message.code, message.operation) == ("LVM032W", "op.1")
    assert "0190" in message.text
    assert heard[-1] == answer, "the result is the last that is told"


async def test_rows_show_the_frame_as_it_is_now(autojump_clock):
    async with trial_of() as trial:
        machine = trial.machine
        op = machine.svp.submit("MVSTOR B HSA=2M")
        await trial.sleep_ms(5)
        row = next(row for row in machine.rows() if row.name == "B")
        assert (row.origin, row.size, row.state) == (256, 64, "moving")
        await machine.svp.answer(op)
        assert [(row.name, row.origin, row.gap, row.state) for row in machine.rows()] == [
            ("A", 0, 448, "active"), ("B", 512, 448, "active"),
        ]  # fmt: skip
        assert machine.svp.operations() == ()


async def test_several_lpars_move_at_once(autojump_clock):
    tables = [lpar(f"L{number}", f"{number}M") for number in range(8)]
    async with trial_of(scenario(*tables, main_storage="8M")) as trial:
        svp = trial.machine.svp
        ops = [svp.submit(f"MVSTOR L{number} HSA={1024 * number + 512}K") for number in range(8)]
        await trial.sleep_ms(5)
        assert len(svp.operations()) == 8
        answers = [await svp.answer(op) for op in ops]
        assert {answer.result for answer in answers} == {Result.COMPLETED}
        assert {answer.pages for answer in answers} == {64}
        assert max(answer.answered_ns for answer in answers) < 20_000_000, "side by side, not one by one"
        assert trial.origins() == {f"L{number}": number * M + 512 * K for number in range(8)}


# --- ways out ----------------------------------------------------------------------------------------------


async def test_an_error_of_the_callers_own_closes_the_machine_and_comes_through(
    autojump_clock, tmp_path: Path
):
    trace = tmp_path / "t.jsonl"
    with pytest.raises(ExceptionGroup) as raised:
        async with open_machine(parse_scenario(TWO), Options(trace=trace)) as machine:
            raise LookupError("the caller's")
    assert raised.group_contains(LookupError, match="the caller's", depth=None)
    assert machine.report.verdict == "failed"
    assert read_trace(trace).trailer["verdict"] == "failed"


async def test_a_cancelled_run_is_interrupted_its_trace_complete_and_its_command_answered(
    autojump_clock, tmp_path: Path
):
    trace = tmp_path / "t.jsonl"
    with trio.move_on_after(0.008):
        async with open_machine(parse_scenario(TWO), Options(trace=trace)) as machine:
            await machine.svp.execute("MVSTOR B HSA=2M")
    report = machine.report
    assert (report.interrupted, report.exit_code) == (True, 130)
    assert [command.result for command in report.commands] == [Result.INTERRUPTED]
    assert report.commands[0].code == "LVM061W"
    told = read_trace(trace)
    assert told.trailer is not None
    assert told.trailer["verdict"] == report.verdict
    assert told.trailer["digest"] == report.digest


class _Failing(PythonGuest):
    """Cannot even be made."""

    def __init__(self, setup: object) -> None:
        raise UsageError("made of nothing")


@pytest.mark.parametrize(
    "text",
    [
        scenario(lpar("A", "0"), lpar("B", "1M", guest="test_machine:_Failing")),
        scenario(device("0190", path="missing-directory/disk.img"), lpar("A", "0")),
    ],
    ids=["guest", "device"],
)
async def test_a_machine_that_cannot_be_built_starts_nothing_and_gives_all_back(
    autojump_clock, text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.chdir(tmp_path)
    closed: list[MainStorage] = []
    close = MainStorage.close

    def closing(storage: MainStorage) -> None:
        closed.append(storage)
        close(storage)

    monkeypatch.setattr(MainStorage, "close", closing)
    scenario_ = parse_scenario(text)
    closed.clear()
    events: list[dict] = []
    with pytest.raises(UsageError):
        async with open_machine(scenario_, Options(listeners=(events.append,))):
            pytest.fail("it was opened")
    assert len(closed) == 1
    assert "sie.issued" not in [event["event"] for event in events]


async def test_a_scenario_that_is_wrong_is_refused_before_anything(autojump_clock):
    with pytest.raises(ScenarioError, match="no-such-scenario"):
        async with open_machine("no-such-scenario"):
            pytest.fail("it was opened")


async def test_a_trace_that_cannot_be_written_is_refused_before_anything(autojump_clock, tmp_path: Path):
    with pytest.raises(UsageError, match="missing"):
        async with open_machine(parse_scenario(TWO), Options(trace=tmp_path / "missing" / "t.jsonl")):
            pytest.fail("it was opened")


async def test_after_the_end_storage_is_given_back_and_the_report_stays(autojump_clock):
    async with trial_of() as trial:
        storage = trial.machine.storage
        await trial.sleep_ms(10)
    assert storage.frames.size == 0
    assert trial.machine.report.duration_ns == 10_000_000
    assert [guest.lpar for guest in trial.machine.report.guests] == ["A", "B"]


async def test_a_machine_without_lpars_is_a_machine(autojump_clock):
    async with trial_of(scenario()) as trial:
        assert trial.machine.rows() == ()
        assert (await trial.give("DISPLAY FRAME")).result is Result.COMPLETED
        assert (await trial.give("MVSTOR A HSA=0")).result is Result.UNKNOWN_LPAR


async def test_two_machines_run_side_by_side(autojump_clock):
    async with trial_of() as one, trial_of() as other:
        await one.give("MVSTOR B HSA=2M")
        assert (one.origins()["B"], other.origins()["B"]) == (2 * M, M)
        await other.give("MVSTOR A HSA=2M")
        await one.works("A", "B")
        await other.works("A", "B")
