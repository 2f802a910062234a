"""Many seeds of every built-in scenario; and figure-3, step by step."""

import pytest

from lparvm.machine import Options
from lparvm.report import RunReport
from lparvm.runner import Clock, run
from lparvm.scenario import builtin_names
from machines import story

MIB = 256  # frames


@pytest.mark.sweep
@pytest.mark.parametrize("name", builtin_names())
def test_a_built_in_scenario_is_intact_with_many_seeds(name: str):
    for seed in range(1, 40):
        report = run(name, clock="virtual", options=Options(seed=seed))
        assert report.verdict == "intact", f"seed {seed}: {story(report)}"


def _frame(report: RunReport) -> list[tuple[str, int, int, int]]:
    return [(row.name, row.origin // MIB, row.size // MIB, row.gap // MIB) for row in report.frame_after]


@pytest.fixture(scope="module")
def figure_3() -> tuple[RunReport, list[dict]]:
    events: list[dict] = []
    return run("figure-3", clock="virtual", options=Options(listeners=(events.append,))), events


def test_figure_3_ends_as_figure_4(figure_3):
    report, _ = figure_3
    assert [(r.name, r.origin // MIB, r.size // MIB, r.gap // MIB) for r in report.frame_before] == [
        ("LPAR1", 0, 128, 0), ("LPAR2", 128, 256, 125),
    ]  # fmt: skip
    assert _frame(report) == [("LPAR1", 0, 128, 64), ("LPAR2", 192, 256, 61)]


def test_figure_3_shows_the_steps_201_to_211_in_order(figure_3):
    _, events = figure_3
    steps = [event["step"] for event in events if event["op"] == "op.1" and event["step"] is not None]
    first_seen = list(dict.fromkeys(steps))
    assert first_seen == sorted(first_seen), f"steps first appear as {first_seen}"
    assert set(first_seen) == {201, 202, 203, 204, 206, 209, 210, 211}
    chunks = [event for event in events if event["event"] == "chunk.moved"]
    assert sum(chunk["keys_read"] for chunk in chunks) == 65536, "step 205"
    assert sum(chunk["keys_set"] for chunk in chunks) == 65536, "step 207"
    assert sum(chunk["steps"] for chunk in chunks) == 65536, "step 208"


def test_figure_3_moves_from_the_top_down(figure_3):
    _, events = figure_3
    first = next(event for event in events if event["event"] == "chunk.moved")
    assert first["first_page"] + first["pages"] == 65536, "the last pages go first: 384 -> 448 MB"


def test_figure_3_has_guests_that_hammer_all_the_time(figure_3):
    report, _ = figure_3
    assert all(guest.steps > 1000 for guest in report.guests)
    (command,) = report.commands
    assert {stop.lip for stop in command.lips} == {"LIP2", "LIP3"}
    for stop in command.lips:
        assert sum(stop.phases_ns.values()) == stop.stopped_ns
    assert command.pages == 65536


@pytest.mark.parametrize("clock", ["real", "virtual"])
def test_proof_off_leaves_custody_unchecked(clock: Clock):
    report = run("down", clock=clock, options=Options(proof=False))
    verdicts = {rule.rule: str(rule.verdict) for rule in report.rules}
    assert verdicts["page-custody"] == "unchecked"
    assert report.verdict == "intact"
