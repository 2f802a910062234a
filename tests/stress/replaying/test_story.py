"""The story of a failure: machine, commands, faults, what was found, and what led to it; in words and as a page."""

import re
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from lparvm.dst import Tape
from lparvm.machine import Options
from lparvm.stress.episode.machine import Findings
from lparvm.stress.replaying.replay import replay_traced
from lparvm.stress.replaying.story import Story, level_for, tell, text_of
from lparvm.stress.replaying.tape_file import TapeFile
from lparvm.stress.replaying.wording import fault_lines, machine_lines, shortened
from lparvm.stress.swarm.draw import draw_plan
from lparvm.stress.swarm.plan import Blow, Plan, StressFault
from stress_failures import failure


def told(file: TapeFile, folder: Path) -> tuple[Story, Path]:
    trace = folder / "t.jsonl"
    return tell(file, replay_traced(file, Options(trace=trace, level=level_for(file))).episode, trace), trace


@cache
def sections_of(mutant: str, oracle: str) -> dict[str, tuple[str, ...]]:
    with TemporaryDirectory() as folder:
        story, _ = told(failure(mutant, oracle=oracle), Path(folder))
    assert story.problem.startswith(oracle)
    assert all(line.isprintable() for line in text_of(story))
    return {section.title: section.lines for section in story.sections}


def test_damage_is_told_with_its_machine_its_commands_its_causes_and_its_page():
    sections = sections_of("dirty-poison", "guest-data")
    assert list(sections)[:2] == ["The machine", "Commands"]
    assert re.search(
        r"^LPAR A: frames \d+\+\d+ .*; LIP\d.*; guest ", "\n".join(sections["The machine"]), re.MULTILINE
    )
    assert any(" -> " in line and "op.1" in line for line in sections["Commands"]), sections["Commands"]
    assert sections["What the oracles found"][0].startswith("guest-data: ")
    causes = next(lines for title, lines in sections.items() if title.endswith("which finds the damage"))
    assert "guest.damaged" in causes[-1]
    page = next(lines for title, lines in sections.items() if title.startswith("Page "))
    assert "DAMAGED" in page[-1]


def test_a_broken_rule_is_told_from_the_command_to_the_event_that_breaks_it():
    sections = sections_of("restart-only-acknowledged", "rule:")
    causes = next(lines for title, lines in sections.items() if title.endswith("which breaks the rule"))
    assert len(causes) > 3
    seq = re.search(r"\(seq (\d+)\)", sections["What the oracles found"][0])
    assert seq is not None
    assert causes[-1].split()[0] == seq[1], "the chain ends where the rule is broken"


def plan_of(choices: dict[str, tuple[int, ...]]) -> Plan:
    return draw_plan(Tape(given=choices), "mixed")


def test_the_simplest_machine_is_told_in_two_lines():
    lines = list(machine_lines(plan_of({})))
    assert len(lines) == 2, lines
    assert lines[0].startswith("3 frames (12K) of main storage; LIP1")


def test_only_faults_that_struck_are_told():
    plan = plan_of({})
    blows = (
        Blow(StressFault.MOVER, 9_000, 3),
        Blow(StressFault.MOVER, 1_000, 10),
        Blow(StressFault.CONTROL_DIES, 5),
    )
    findings = Findings()
    findings.struck.update({StressFault.MOVER: 1})
    plan = Plan(plan.scenario, plan.roles, blows=blows)
    assert list(fault_lines(plan, findings)) == ["   0.000001  the mover will fail after 2 pages"]


def test_every_fault_has_its_words():
    plan = plan_of({"machine": (0, 1)})
    findings = Findings()
    findings.struck.update(dict.fromkeys(StressFault, 1))
    blows = tuple(Blow(kind, 0, 1, 1000) for kind in StressFault)
    assert len(list(fault_lines(Plan(plan.scenario, plan.roles, blows=blows), findings))) == len(StressFault)


def test_of_a_long_list_the_first_and_the_last_are_told():
    lines = list(shortened([str(number) for number in range(100)]))
    assert (lines[0], lines[-1], len(lines)) == ("0", "99", 41)
    assert lines[20].strip() == "... 60 more"
