"""The benchmark works: tiny sizes, no timings asserted."""

import importlib
import json
from pathlib import Path
from types import ModuleType

import pytest

TOOLS = Path(__file__).resolve().parents[1] / "tools"
MS = 1_000_000


@pytest.fixture
def measures(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    quiet = importlib.import_module("benchmarks.quiet")
    monkeypatch.setattr(quiet, "OTHERS_MAX", float("inf"))  # a test counts, whoever else is busy
    monkeypatch.setattr(quiet, "PATIENCE_S", 0.0)

    def load(name: str) -> ModuleType:
        return importlib.import_module(name)

    return load


def test_a_move_is_measured_beside_a_memmove_of_the_same_bytes(measures):
    moves, quiet = measures("benchmarks.moves"), measures("benchmarks.quiet")
    samples = moves.sample(moves.Plan(size_mib=4, up_mib=1), quiet.Rounds(2))
    assert len(samples) == 2
    for sample in samples:
        assert 0 < sample.copy_ns < sample.stopped_ns, "the guest stands while its pages are copied"
        assert sample.memmove_ns > 0
        assert "MOVING" in sample.phases_ns, "the parts of the stopped time are told"


def test_moves_are_told_with_and_without_proof(measures):
    moves = measures("benchmarks.moves")
    assert [figure.target is None for figure in moves.measure_move(1, size_mib=4)] == [False] * 4
    assert [figure.target for figure in moves.measure_proof(1, size_mib=4)] == [None, None], (
        "no limit with proof"
    )


def test_sizes_are_compared_with_each_other(measures):
    moves = measures("benchmarks.moves")
    figures = moves.measure_sizes(1, sizes_mib=(4, 8))
    assert [figure.what.split()[0] for figure in figures] == ["4", "8", "4"]
    assert figures[-1].median >= 0, "the spread is the largest over the smallest, less 1"


def test_the_other_partition_is_measured_with_and_without_moves(measures):
    throughput = measures("benchmarks.throughput")
    figures = throughput.measure_throughput(1, size_mib=4, window_ns=20 * MS)
    assert all(value > 0 for figure in figures for value in figure.values), [
        str(figure) for figure in figures
    ]


def test_message_round_trips_are_counted(measures):
    messages = measures("benchmarks.messages")
    ratio, actors, channels = messages.measure_messages(1, count=50)
    assert ratio.values == (actors.values[0] / channels.values[0],)


def test_plans_are_measured_on_layouts_that_are_always_the_same(measures):
    planner = measures("benchmarks.planner")
    assert planner.draw(16, 3) == planner.draw(16, 3)
    assert [len(task.layout.zones) for task in planner.draw(64, 3)] == [64] * 3
    figures = planner.measure_planner(1, count=2)
    assert [figure.unit for figure in figures] == ["ms"] * 6 + [""] * 3
    for median, worst in zip(figures[0:6:2], figures[1:6:2], strict=True):
        assert 0 < median.median <= worst.median, f"{worst} is the slowest"
    assert 0 <= figures[-2].median <= 1, "a share"
    assert figures[-1].median >= 1, "nothing moves less than the least"


def test_the_controlled_scheduler_is_measured_beside_trios_own(measures):
    figures = measures("benchmarks.dst").measure_dst(1, steps=400, runs=3)
    assert [figure.target is None for figure in figures] == [False] * 5 + [True]
    assert all(figure.median > 0 for figure in figures), [str(figure) for figure in figures]


def test_campaigns_are_measured_on_one_core(measures):
    figures = measures("benchmarks.stress").measure_stress(1, seeds=4, relocations=4, campaign=0, pages=64)
    assert [figure.target is not None for figure in figures] == [True, False, True, True]
    assert all(figure.median > 0 for figure in figures), [str(figure) for figure in figures]


def test_tracing_is_measured_beside_orjson_and_beside_no_trace(measures):
    trace = measures("benchmarks.trace")
    figures = trace.measure_trace(1, scenario=trace.parse_scenario(trace.HAMMERS), total=1_000)
    assert [figure.target is not None for figure in figures] == [
        *(True, False, False, False) * 2, True, False, False, True,
    ]  # fmt: skip
    assert all(figure.median > 0 for figure in figures), [str(figure) for figure in figures]


def test_events_are_told_again_as_they_were(measures, tmp_path: Path):
    trace = measures("benchmarks.trace")
    told = trace.story(trace.parse_scenario(trace.HAMMERS), trace.Level.PROTOCOL)
    trace.trace_rate(told, 1, tmp_path / "t.jsonl", level=trace.Level.PROTOCOL)
    again = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()][1:-1]
    assert [one["event"] for one in again] == [one["event"] for one in told.events]
    assert [list(one) for one in again] == [list(one) for one in told.events]


def test_a_figure_is_met_on_the_right_side_of_its_target(measures):
    figures = measures("benchmarks.figures")
    assert figures.Figure("x", "y", (1.0, 1.2, 9.0), figures.Target(1.25)).verdict == "met", (
        "the median counts"
    )
    assert figures.Figure("x", "y", (1.3,), figures.Target(1.25)).verdict == "**not met**"
    assert figures.Figure("x", "y", (0.9,), figures.Target(0.8, at_least=True)).verdict == "met"
    assert figures.Figure("x", "y", (0.7,), figures.Target(0.8, at_least=True)).verdict == "**not met**"
    assert figures.Figure("x", "y", (0.7,)).verdict == "told", "a figure without a target is only told"


def test_the_first_instruction_is_found_in_a_trace(measures, tmp_path: Path):
    start = measures("benchmarks.start")
    trace = tmp_path / "t.jsonl"
    trace.write_text(
        '{"trace":"lparvm","started":"2026-11-23T00:00:00.250+00:00"}\n'
        '{"seq":1,"event":"machine.started"}\n{"seq":2,"event":"slice.ended","first_ns":5000000}\n'
    )
    assert start._first_instruction_ns(trace) % 1_000_000_000 == 255 * MS


def test_the_command_prints_a_table_and_writes_json(measures, monkeypatch, tmp_path: Path, capsys):
    bench, figures = measures("bench"), measures("benchmarks.figures")
    missed = figures.Figure("move", "copy phase", (1.2, 1.3, 1.4), figures.Target(1.1))
    monkeypatch.setitem(bench.QUICK, "move", lambda repeats: [missed])
    code = bench.main(["--quick", "--only", "move", "--json", str(tmp_path / "bench.json")])
    assert code == 1, "a target was missed"
    assert (
        "| `move` | copy phase | at most 1.10 | 1.30 | 1.20 to 1.40 | **not met** |"
        in capsys.readouterr().out
    )
    written = json.loads((tmp_path / "bench.json").read_text())
    assert written["figures"][0]["values"] == [1.2, 1.3, 1.4]
    assert written["figures"][0]["verdict"] == "not met"


def test_disturbed_repetitions_are_left_out_whatever_they_measured(measures, monkeypatch):
    quiet = measures("benchmarks.quiet")
    clock = {"s": 0.0, "others": 0.0}
    monkeypatch.setattr(quiet, "_foreign_s", lambda: clock["others"])
    monkeypatch.setattr(quiet, "OTHERS_MAX", 0.1)
    monkeypatch.setattr(quiet.time, "perf_counter", lambda: clock["s"])
    rounds, values = quiet.Rounds(2), []
    for number in rounds:
        clock["s"] += 1.0
        clock["others"] += 0.5 if number == 1 else 0.0
        values.append(number)
    assert values == [0, 1, 2], "it goes on until two were undisturbed"
    assert rounds.kept(values) == (0, 2)
    assert rounds.note == "1 disturbed repetitions left out"


def test_a_machine_that_is_always_busy_is_measured_all_the_same(measures, monkeypatch):
    quiet = measures("benchmarks.quiet")
    clock = {"s": 0.0}
    monkeypatch.setattr(quiet, "_foreign_s", lambda: 2 * clock["s"])
    monkeypatch.setattr(quiet, "OTHERS_MAX", 0.1)
    monkeypatch.setattr(quiet.time, "perf_counter", lambda: clock["s"])
    rounds, values = quiet.Rounds(2), []
    for number in rounds:
        clock["s"] += 1.0
        values.append(number)
    assert len(rounds.kept(values)) == 2
    assert "2 of those counted were disturbed too" in rounds.note
