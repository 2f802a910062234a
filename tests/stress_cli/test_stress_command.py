"""`lparvm stress`: exit codes, what is shown, what is written, what is refused."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from rich.console import Console

from lparvm.cli import group
from lparvm.errors import UsageError
from lparvm.stress.campaign.model import Campaign
from lparvm.stress.campaign.totals import Totals
from lparvm.stress.verdict import FAILED, SeedVerdict
from lparvm.stress_cli import progress as progress_module
from lparvm.stress_cli.progress import CampaignProgress

FAILING, PASSING = "fake_runners:failing", "fake_runners:passing"


def stress(*words: object) -> int:
    return group.main(["stress", "--jobs", "1", *map(str, words)], standalone_mode=False)


def test_a_campaign_with_failures_tells_writes_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    results, keep, board = tmp_path / "r.jsonl", tmp_path / "tapes" / "here", tmp_path / "board.html"
    given = ("--runner", FAILING, "--results", results, "--keep", keep, "--board", board)
    assert stress("--seeds", "0:8", *given) == 1
    told = capsys.readouterr()
    for line in (
        "seed 5  walk  failed  guest-data",
        "    page 3 of LPAR <b>A</b> & co: expected 1, found 2",
        f"    lparvm stress --seeds 5:6 --runner {FAILING}",
        f"    lparvm stress --replay {keep / 'seed-5.json'} --shrink",
        "seeds 0:8: failures: 1 of 8",
    ):
        assert line in told.out.splitlines(), f"{line!r} is missing in:\n{told.out}"
    assert told.err == "seed 5 (walk) failed: guest-data: page 3 of LPAR <b>A</b> & co: expected 1, found 2\n"
    assert json.loads((keep / "seed-5.json").read_text())["tape"]["streams"] == {"devices": [5, -3, 1]}
    assert "&lt;b&gt;A&lt;/b&gt;" in board.read_text()

    assert stress("--seeds", "0:14", *given, "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["seeds"], told["resumed"], told["failed"]) == (14, 8, 2)
    assert [one["seed"] for one in told["failures"]] == [5, 12]
    assert {file.name for file in keep.iterdir()} == {"seed-5.json", "seed-12.json"}


def test_where_no_tapes_are_kept_it_is_told_how_to_keep_them(capsys: pytest.CaptureFixture[str]):
    assert stress("--seeds", "5:6", "--runner", FAILING) == 1
    assert "with --keep DIR their tapes are kept" in capsys.readouterr().out


def test_a_green_campaign_exits_0_unless_a_required_probe_was_missed(capsys: pytest.CaptureFixture[str]):
    assert stress("--seeds", "0:3", "--runner", PASSING) == 0
    told = capsys.readouterr()
    assert "seeds 0:3: green" in told.out
    assert told.err == "", "nothing to tell while it ran"
    assert stress("--seeds", "0:3", "--runner", PASSING, "--require-probes", "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["unreached"]) == ("probes never reached", ["never seen"])


BAD = {
    "seeds that are none": (("--seeds", "5:3"), "seeds '5:3'"),
    "seeds in words": (("--seeds", "x"), "seeds 'x'"),
    "a policy that is none": (("--policy", "random"), "policy 'random': expected mix, walk"),
    "a time that is none": (("--time", "soon"), "--time: 'soon' is not a duration"),
    "no time": (("--time", "0s"), "--time: no time at all"),
    "an address without Ray": (("--address", "auto"), "--engine ray"),
    "a runner that is none": (("--runner", "nowhere:run"), "runner 'nowhere:run'"),
    "probes that nobody names": (("--runner", "runpy:run_path", "--require-probes"), "names no probes"),
    "a board of another kind": (("--board", "b.pdf"), "ends in .html"),
    "a board nowhere": (("--board", "/nowhere/b.html"), "can't be written"),
    "a folder for tapes that is a file": (("--keep", f"{__file__}/tapes"), "can't be made"),
    "results nowhere": (("--results", "/nowhere/r.jsonl"), "can't be opened"),
    "results that are none": (("--results", __file__), "is no results file"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_usage_is_one_line_before_any_seed_is_run(case: str):
    words, told = BAD[case]
    with pytest.raises(UsageError) as caught:
        stress("--runner", PASSING, *words)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_mutant_that_is_none_is_told_before_any_seed_is_run(monkeypatch: pytest.MonkeyPatch):
    def find_mutant(name: str) -> None:
        raise UsageError(f"there is no mutant {name!r}")

    # The real one takes the whole machine to load.
    monkeypatch.setitem(sys.modules, "lparvm.stress.mutants", SimpleNamespace(find_mutant=find_mutant))
    with pytest.raises(UsageError, match="there is no mutant 'nosuch'"):
        stress("--runner", PASSING, "--mutant", "nosuch")


@pytest.mark.parametrize(
    "words",
    [("--jobs", "0"), ("--size", "huge"), ("--engine", "slurm"), ("--keep", __file__), ("--board", "/")],
)
def test_options_that_take_some_values_refuse_others(words: tuple[str, str]):
    with pytest.raises(click.BadParameter) as caught:
        stress(*words)
    assert words[0] in caught.value.format_message()


def test_the_board_is_not_written_over_the_results(tmp_path: Path):
    same = tmp_path / "one.html"
    with pytest.raises(UsageError, match="is the results file"):
        stress("--runner", PASSING, "--results", same, "--board", same)


def test_ctrl_c_exits_130_with_what_was_done_kept(tmp_path: Path):
    results = tmp_path / "r.jsonl"
    words = ["--time", "1h", "--jobs", "1", "--runner", FAILING, "--results", str(results), "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "lparvm", "stress", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:  # fmt: skip
        assert process.stderr is not None
        assert process.stderr.readline().startswith(b"seed 5 "), "the first failure is told when it comes"
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    told = json.loads(out)
    assert told["interrupted"] is True
    header, *lines = results.read_text().splitlines()
    assert told["seeds"] == len(lines) >= 6
    assert json.loads(header)["campaign"]["runner"] == FAILING


# --- progress ------------------------------------------------------------------------------------------------


def totals_of(*verdicts: SeedVerdict) -> Totals:
    totals = Totals()
    for verdict in verdicts:
        totals.add(verdict)
    totals.elapsed_ns = 2_000_000_000
    return totals


FAILURES = [SeedVerdict(seed, "walk", FAILED, "guest-data", "[bold]x[/bold]\nnext", virtual_ns=36 * 10**11, relocations=7,
                        faults={"late": 3, "lost": 1}) for seed in range(4)]  # fmt: skip
NUMBERS = "2/s, 4 virtual hours, 28 relocations, 16 faults (late 12, lost 4), 4 failures"


def test_on_a_terminal_a_bar_shows_the_numbers_and_failures_stand_above_it(
    capsys: pytest.CaptureFixture[str],
):
    console = Console(force_terminal=True, width=120, markup=False, highlight=False)
    with CampaignProgress(Campaign(0, 8), console) as progress:
        progress.judged(FAILURES[0])
        progress.looked(totals_of(*FAILURES))
        assert progress._bar is not None
        progress._bar.refresh()
    told = capsys.readouterr().out
    assert "seed 0 (walk) failed: guest-data: [bold]x[/bold] next" in told
    assert "4 of 8 seeds" in told
    assert NUMBERS in told


def test_a_campaign_of_so_much_time_shows_the_time(capsys: pytest.CaptureFixture[str]):
    console = Console(force_terminal=True, width=120)
    with CampaignProgress(Campaign(0, None, time_limit_ns=8_000_000_000), console) as progress:
        progress.looked(totals_of(*FAILURES))
        assert progress._bar is not None
        assert progress._bar.tasks[0].percentage == 25
    assert "4 seeds" in capsys.readouterr().out


def test_elsewhere_a_line_is_told_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    seconds = iter(range(100))
    monkeypatch.setattr(progress_module.time, "monotonic_ns", lambda: next(seconds) * 1_000_000_000)
    with CampaignProgress(Campaign(0, 8), Console(width=200)) as progress:
        totals = totals_of(*FAILURES)
        for _ in range(25):
            progress.looked(totals)
    assert capsys.readouterr().out.splitlines() == [f"4 of 8 seeds, {NUMBERS}"] * 2


def test_a_flood_of_failures_is_counted(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(progress_module, "CAMPAIGN_FAILURES_SHOWN_MAX", 2)
    with CampaignProgress(Campaign(0, 8), Console(width=200)) as progress:
        for verdict in FAILURES:
            progress.judged(verdict)
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 3
    assert told[-1].startswith("further failures are counted")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--gauntlet", "--audit"), "--audit: doesn't go with --gauntlet"),
        (("--gauntlet", "--keep", "x"), "--keep: doesn't go with --gauntlet"),
        (
            ("--explore", "move", "--mutant", "skip-stop"),
            "--mutant: doesn't go with --explore; expected nothing",
        ),
        (("--real", "--policy", "walk"), "--policy: doesn't go with --real; expected --seeds, --time"),
    ],
)
def test_an_option_that_would_change_nothing_is_refused(words, told):
    with pytest.raises(UsageError, match=re.escape(told)):
        group.main(["stress", *words], standalone_mode=False)
