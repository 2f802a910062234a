"""The plugin in a pytest of its own, as people who test their guests have it."""

import json
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import lparvm.machine  # noqa: F401 - numpy stays loaded: it can't be loaded a second time by the pytest inside

pytest_plugins = ["pytester"]

# Where lparvm is installed anew, pytest finds the plugin by its entry point.
_FOUND = any(one.value == "lparvm.pytest_plugin" for one in entry_points(group="pytest11"))
_PLUGIN = () if _FOUND else ("-p", "lparvm.pytest_plugin")

SCENARIO = '''
SCENARIO = """
[machine]
main_storage = "4M"
[timing]
transfer_rate = "20M"
[[lpar]]
name = "LPAR1"
origin = "0"
size = "512K"
guest = "hammer"
[run]
duration = "10ms"
"""
'''

PASSING = """
async def test_a_move(lparvm_machine, autojump_clock):
    async with lparvm_machine(SCENARIO) as machine:
        answer = await machine.svp.execute("MVSTOR LPAR1 HSA=1M")
    assert str(answer.result) == "COMPLETED"
    assert machine.report.verdict == "intact"
"""

FAILING = """
async def test_it_stays(lparvm_machine, autojump_clock):
    async with lparvm_machine(SCENARIO) as machine:
        await machine.svp.execute("MVSTOR LPAR1 HSA=1M")
    assert machine.rows()[0].origin == 0
"""

BROKEN = """
async def test_damage(lparvm_machine, autojump_clock):
    async with lparvm_machine(SCENARIO) as machine:
        machine.trace.logger("LIP1").emit(
            "guest.damaged", lpar="LPAR1", lip="LIP1", address=0, expected="1", found="2"
        )
        machine.trace.logger("RM").emit(
            "area.reserved", op="op.1", lpar="LPAR9", origin_frame=0, extent_frames=9, partners=[]
        )
"""


@pytest.fixture
def run_tests(pytester: pytest.Pytester):
    def run(code: str, *arguments: str) -> pytest.RunResult:
        pytester.makeini("[pytest]\ntrio_mode = true\n")
        pytester.makepyfile(test_mine=SCENARIO + code)
        return pytester.runpytest_inprocess(*_PLUGIN, "-p", "no:cacheprovider", *arguments)

    return run


def test_a_test_that_passes_leaves_no_trace(run_tests, pytester):
    run_tests(PASSING, "--lparvm-trace=kept").assert_outcomes(passed=1)
    assert not (pytester.path / "kept").exists()


def test_a_test_that_fails_keeps_its_trace_and_tells_where(run_tests, pytester):
    result = run_tests(FAILING, "--lparvm-trace=kept")
    result.assert_outcomes(failed=1)
    (file,) = (pytester.path / "kept").iterdir()
    result.stdout.fnmatch_lines(
        ["*- lparvm -*", "verdict: intact", "first violation: none", f"trace: kept/{file.name}"]
    )
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert lines[-1]["verdict"] == "intact"
    assert any(line.get("event") == "zone.moved" for line in lines)


def test_a_broken_rule_fails_the_test_and_is_told(run_tests, pytester):
    result = run_tests(BROKEN, "--lparvm-trace")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*lparvm: the run is broken, not intact: *", "first violation: *", "trace: lparvm-traces/test_mine*"]
    )
    assert (pytester.path / "lparvm-traces").is_dir()


def test_another_verdict_may_be_expected(run_tests):
    code = BROKEN.replace("lparvm_machine(SCENARIO)", 'lparvm_machine(SCENARIO, verdict="broken", seed=4)')
    run_tests(code).assert_outcomes(passed=1)


def test_without_the_option_nothing_is_kept_and_the_option_is_told(run_tests, pytester):
    result = run_tests(FAILING)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["trace: none; --lparvm-trace keeps it"])
    assert not list(pytester.path.glob("**/*.jsonl"))


def test_what_the_block_raises_is_not_wrapped_by_the_machine(run_tests):
    result = run_tests(FAILING.replace("    assert machine", "        assert machine"), "--lparvm-trace=kept")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assert 256 == 0*", "verdict: failed"])
    wrapped = [line for line in result.outlines if "ExceptionGroup: " in line]
    assert len(wrapped) == 1, "by pytest-trio, and not once more by the machine"


def test_a_test_may_open_several_machines_and_each_is_told(run_tests, pytester):
    code = """
async def test_two(lparvm_machine, autojump_clock):
    digests = []
    for seed in (1, 1):
        async with lparvm_machine(SCENARIO, seed=seed) as machine:
            await machine.svp.execute("MVSTOR LPAR1 HSA=1M")
        digests.append(machine.report.digest)
    assert digests[0] == digests[1], "the same seed gives the same run"
    raise RuntimeError
"""
    result = run_tests(code, "--lparvm-trace=kept")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*| RuntimeError"])
    assert len(list((pytester.path / "kept").iterdir())) == 2


def test_it_works_without_pytest_trio(run_tests):
    code = """
import trio, trio.testing

def test_a_move(lparvm_machine):
    async def main():
        async with lparvm_machine(SCENARIO) as machine:
            await machine.svp.execute("MVSTOR LPAR1 HSA=1M")
    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
"""
    result = run_tests(code, "-p", "no:trio", "-o", "trio_mode=false", "-W", "ignore")
    result.assert_outcomes(passed=1)


def test_it_imports_next_to_nothing_until_a_test_asks():
    code = "import sys, pytest; before = set(sys.modules); import lparvm.pytest_plugin; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert {name.split(".")[0] for name in done.stdout.split()} <= {"lparvm", "importlib"}
    assert sorted(name for name in done.stdout.split() if name.startswith("lparvm")) == [
        "lparvm", "lparvm.pytest_plugin", "lparvm.version",
    ]  # fmt: skip


def test_the_entry_point_stands_in_the_project():
    text = (Path(__file__).resolve().parents[1] / "pyproject.toml").read_text()
    assert '[project.entry-points.pytest11]\nlparvm = "lparvm.pytest_plugin"' in text


def test_the_page_about_it_shows_what_one_gets(pytester):
    page = (Path(__file__).resolve().parents[1] / "docs" / "testing-guests.md").read_text()
    for name, code in re.findall(r"^```python\n# (\w+)\.py\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        pytester.makepyfile(**{name: code})
    pytester.makeini("[pytest]\ntrio_mode = true\npythonpath = .\n")
    result = pytester.runpytest_inprocess(*_PLUGIN, "-p", "no:cacheprovider", "-q", "--lparvm-trace=traces")
    (shown,) = re.findall(r"^\$ pytest .*?\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    missing = [line for line in shown.splitlines() if line != "..." and line not in result.outlines]
    assert not missing, "\n".join(missing)
