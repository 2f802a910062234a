"""A machine that runs for days keeps no more than one that runs for hours: what is over is forgotten some time."""

import pytest

import lparvm.trace.rules.commands as commands_rule
import lparvm.trace.rules.requests as requests_rule
from lparvm import machine as machine_module
from lparvm.actors import guest_table
from lparvm.protocol import resizing_rules
from lparvm.protocol.results import Result
from lparvm.runner import run
from lparvm.scenario import parse_scenario
from lparvm.trace.rules.commands import CommandsAnswered
from lparvm.trace.rules.requests import RequestsAnswered
from trials import M, command, lpar, scenario, trial_of


@pytest.fixture
def few_results(monkeypatch):
    monkeypatch.setattr(machine_module, "RESULTS_KEPT_MAX", 3)


async def test_results_beyond_the_limit_are_forgotten_the_oldest_first(autojump_clock, few_results):
    async with trial_of() as trial:
        for _ in range(8):
            assert (await trial.give("DISPLAY FRAME")).result is Result.COMPLETED
        assert list(trial.machine.svp.results) == ["op.6", "op.7", "op.8"]
    report = trial.machine.report
    assert [result.operation for result in report.commands] == ["op.6", "op.7", "op.8"]
    assert report.forgotten == 5


async def test_a_command_that_is_under_way_is_never_forgotten(autojump_clock, few_results):
    async with trial_of() as trial:
        op = trial.machine.svp.submit("MVSTOR B HSA=2M")
        for _ in range(8):
            await trial.give("DISPLAY FRAME")
        assert trial.machine.svp.pending == (op,)
        assert (await trial.machine.svp.answer(op)).result is Result.COMPLETED


def test_the_results_of_a_scenarios_commands_are_all_kept(few_results):
    commands = [command(f"{number}ms", "DISPLAY FRAME") for number in range(1, 9)]
    wrong = command("20ms", "MVSTOR B HSA=1M")
    report = run(parse_scenario(scenario(lpar("A", "0"), lpar("B", "1M"), wrong, *commands)), clock="virtual")
    assert len(report.commands) == 9
    assert report.commands[0].result is Result.ALREADY_THERE
    assert (report.verdict, report.forgotten) == ("unexpected", 0)


async def test_lives_beyond_the_limit_are_forgotten_but_never_one_with_a_fault(autojump_clock, monkeypatch):
    monkeypatch.setattr(guest_table, "LIVES_KEPT_MAX", 3)
    async with trial_of(verdict="damaged") as trial:
        storage, zones = trial.machine.storage, trial.machine.assembly.zones
        for number in range(8):
            if number == 1:
                origin = zones.zone_of("A").origin_bytes
                storage.words[origin // 8 : (origin + M // 8) // 8] ^= 1
            assert (await trial.give("IPL A")).result is Result.COMPLETED
            await trial.sleep_ms(1)
        lives = trial.machine.assembly.guest_table.lives["A"]
        assert [bool(life.damage_count) for life in lives] == [True, False, False], "the damaged one is kept"


async def test_a_timer_that_was_over_leaves_nothing_behind(autojump_clock, monkeypatch):
    monkeypatch.setattr(resizing_rules, "SHRINK_ANSWER_NS", 10_000)
    async with trial_of() as trial:
        assert (await trial.give("SHRINK B SIZE=128K")).result is Result.STORAGE_IN_USE
        assert trial.of("AnswerTimedOut"), "the guest took longer than it was given"
        assert trial.machine.assembly.control.part._timers == {}


def answered(number, result="COMPLETED"):
    common = {"seq": number, "t": number, "actor": "SVP", "op": f"op.{number}", "text": "DISPLAY FRAME"}
    return [
        {"event": "command.received", **common},
        {"event": "command.answered", "result": result, **common},
    ]


@pytest.mark.parametrize(
    ("module", "rule"), [(commands_rule, CommandsAnswered), (requests_rule, RequestsAnswered)]
)
def test_rules_remember_so_many_answers_and_no_more(monkeypatch, module, rule):
    monkeypatch.setattr(module, "RULE_ANSWERS_KEPT_MAX", 10)
    checker = rule()
    for number in range(1, 101):
        for event in answered(number):
            checker.feed(event)
    assert list(checker._answered) == [f"op.{number}" for number in range(91, 101)]
    assert checker.finish().violation is None


def test_an_operation_that_goes_on_soon_after_its_answer_is_still_found(monkeypatch):
    monkeypatch.setattr(commands_rule, "RULE_ANSWERS_KEPT_MAX", 10)
    checker = CommandsAnswered()
    for number in range(1, 20):
        for event in answered(number):
            checker.feed(event)
    late = {"event": "area.cleared", "seq": 99, "t": 99, "actor": "LPARCTL", "op": "op.12.1"}
    checker.feed(late)
    assert "op.12 goes on after its answer at 12 ns" in checker.finish().violation
