"""The command line through real processes: output, JSON, exit codes, errors, signals, a real terminal."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from machines import HAMMERS, TWO_LPARS

COMMAND = [sys.executable, "-m", "lparvm"]
ROOT = Path(__file__).parent.parent


def lparvm(
    *words: str, stdin: str | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return subprocess.run(
        [*COMMAND, *words], capture_output=True, text=True, input=stdin, cwd=cwd, timeout=60,
        env={**os.environ, "PYTHONPATH": path}, check=False,
    )  # fmt: skip


@pytest.fixture
def scenario(tmp_path: Path) -> str:
    path = tmp_path / "small.toml"
    path.write_text(HAMMERS)
    return str(path)


def test_a_run_shows_frames_bar_rules_and_verdict(scenario: str):
    done = lparvm("run", scenario, "--clock", "virtual")
    assert done.returncode == 0, done.stderr
    for shown in (
        "before",
        "after",
        "LPAR2",
        "page-custody",
        "verdict: intact",
        "MVSTOR LPAR2 HSA=3M",
        "stopped time",
    ):
        assert shown in done.stdout, f"{shown!r} is missing in:\n{done.stdout}"
    assert done.stderr == "", "nothing goes to stderr where it is no terminal"


KEYS = {
    "scenario": str, "seed": int, "clock": str, "verdict": str, "digest": str, "trace": (str, type(None)),
    "duration_s": float, "frame_before": list, "frame_after": list, "out_of_use": list, "commands": list, "guests": list, "rules": list,
}  # fmt: skip
COMMAND_KEYS = {
    "text": str, "at_s": float, "result": str, "code": str, "message": str, "operation": str,
    "stopped_s": (float, type(None)), "phases_s": dict, "lips": list, "pages": int, "busy_devices": list,
    "expected": (str, type(None)),
}  # fmt: skip
ROW_KEYS = {"name": str, "origin": int, "size": int, "gap": int, "expanded": int, "state": str}
LIP_KEYS = {"lpar": str, "lip": str, "stopped_s": float, "phases_s": dict}
GUEST_KEYS = {
    "lpar": str, "guest": str, "lip_count": int, "steps": int, "stores": int, "fetches": int, "damage": list,
    "lives": list,
}  # fmt: skip
RULE_KEYS = {"rule": str, "verdict": str, "checked": int}


def _has_form(value: dict, keys: dict) -> None:
    assert set(value) == set(keys)
    for key, kind in keys.items():
        assert isinstance(value[key], kind), f"{key}: {value[key]!r}"


def test_json_holds_exactly_the_keys_of_the_design(scenario: str, tmp_path: Path):
    trace = tmp_path / "t.jsonl"
    done = lparvm("run", scenario, "--clock", "virtual", "--json", "--trace", str(trace), "--seed", "5")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    _has_form(report, KEYS)
    for row in (*report["frame_before"], *report["frame_after"]):
        _has_form(row, ROW_KEYS)
    assert [command["text"] for command in report["commands"]] == [
        "MVSTOR LPAR2 HSA=1028K", "MVSTOR LPAR2 HSA=768K", "MVSTOR LPAR2 HSA=3M",
    ]  # fmt: skip
    for command in report["commands"]:
        _has_form(command, COMMAND_KEYS)
        assert command["lips"]
        for lip in command["lips"]:
            _has_form(lip, LIP_KEYS)
            assert sum(lip["phases_s"].values()) == pytest.approx(lip["stopped_s"])
    for guest in report["guests"]:
        _has_form(guest, GUEST_KEYS)
    for rule in report["rules"]:
        _has_form(rule, RULE_KEYS)
    assert report["trace"] == str(trace)
    assert report["frame_after"][1]["origin"] == 3 << 20
    assert f'"digest":"{report["digest"]}"' in trace.read_text().splitlines()[-1]


BAD = {
    "no such scenario": (["run", "nosuch"], "nosuch"),
    "a directory": (["run", "/"], "directory"),
    "a bad seed": (["run", "figure-3", "--seed", "x"], "--seed"),
    "a bad clock": (["run", "figure-3", "--clock", "sun"], "--clock"),
    "a trace that can't be written": (["run", "figure-3", "--trace", "/nosuch/t.jsonl"], "/nosuch/t.jsonl"),
    "no such message": (["messages", "LVM999Z"], "LVM999Z"),
    "no such built-in": (["scenarios", "nope"], "nope"),
    "no such command": (["fly"], "fly"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_usage_is_one_clear_error_and_exit_2(case: str):
    words, named = BAD[case]
    done = lparvm(*words)
    assert done.returncode == 2, done.stdout + done.stderr
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_bad_scenario_names_file_and_key(tmp_path: Path):
    path = tmp_path / "bad.toml"
    path.write_text(TWO_LPARS.replace('size = "1M"', 'size = "1000001"', 1))
    done = lparvm("run", str(path))
    assert done.returncode == 2
    assert done.stderr.startswith("lparvm: ")
    assert "bad.toml" in done.stderr
    assert "lpar[0].size" in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_unexpected_result_is_exit_1(tmp_path: Path):
    path = tmp_path / "unexpected.toml"
    path.write_text(HAMMERS.replace("HSA=1028K", "HSA=0"))
    done = lparvm("run", str(path), "--clock", "virtual")
    assert done.returncode == 1
    assert "verdict: unexpected" in done.stdout
    assert "TARGET_OCCUPIED, expected COMPLETED" in done.stdout


def test_a_guest_of_ones_own_is_found_beside_the_scenario_and_its_exception_is_failed(tmp_path: Path):
    (tmp_path / "breaking_guest.py").write_text(
        "from lparvm import PythonGuest\n\n\nclass Breaking(PythonGuest):\n    def program(self, cpu):\n"
        "        yield\n        raise RuntimeError('out of ideas')\n"
    )
    path = tmp_path / "own.toml"
    path.write_text(HAMMERS.replace('guest = "hammer"', 'guest = "breaking_guest:Breaking"', 1))
    done = lparvm("run", str(path), "--clock", "virtual", cwd=ROOT)
    assert done.returncode == 1, done.stderr
    assert "out of ideas" in done.stdout
    assert "breaking_guest.py:7" in done.stdout
    assert "verdict: failed" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_message_is_found_by_its_id_and_by_the_result_that_it_tells():
    by_id, by_result = lparvm("messages", "lvm052w"), lparvm("messages", "WRONG_STATE")
    assert by_id.returncode == by_result.returncode == 0
    assert by_id.stdout == by_result.stdout
    assert by_id.stdout.startswith("LVM052W  (WRONG_STATE)")


@pytest.mark.parametrize("listing", ["scenarios", "guests", "devices", "messages"])
def test_lists_are_there_and_survive_a_closed_pipe(listing: str):
    assert lparvm(listing).stdout.count("\n") >= 2
    done = subprocess.run(
        f"'{sys.executable}' -m lparvm {listing} | head -1", shell=True, capture_output=True, text=True, cwd=ROOT,
        check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1


def test_the_text_of_a_built_in_scenario_is_a_scenario(tmp_path: Path):
    path = tmp_path / "copy.toml"
    path.write_text(lparvm("scenarios", "down").stdout)
    assert lparvm("run", str(path), "--clock", "virtual").returncode == 0


@pytest.mark.parametrize("delay_s", [0.05, 0.4, 1.0, 1.6])
@pytest.mark.parametrize("clock", ["real", "virtual"])
def test_ctrl_c_at_any_moment_ends_with_130_and_a_complete_trace(tmp_path: Path, delay_s: float, clock: str):
    trace = tmp_path / "t.jsonl"
    words = ["run", "figure-3", "--clock", clock, "--trace", str(trace)]
    running = subprocess.Popen(
        [*COMMAND, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(
        delay_s
    )  # the one wall clock: a signal must come from outside, at some moment of a real process
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    if running.returncode == -signal.SIGINT and not out:
        pytest.skip("the signal came before Python itself was ready")
    assert running.returncode in (130, 0), out + err
    assert "Traceback" not in err, err
    if running.returncode == 130 and trace.exists() and trace.stat().st_size:
        assert '"trailer":true' in trace.read_text().splitlines()[-1]


def test_a_second_ctrl_c_gets_out_of_a_guest_that_never_yields(tmp_path: Path):
    (tmp_path / "endless_guest.py").write_text(
        "from lparvm import PythonGuest\n\n\nclass Endless(PythonGuest):\n    def program(self, cpu):\n"
        "        print('endless', flush=True)\n        while True:\n            pass\n        yield\n"
    )
    path, trace = tmp_path / "endless.toml", tmp_path / "t.jsonl"
    path.write_text(HAMMERS.replace('guest = "hammer"', 'guest = "endless_guest:Endless"', 1))
    running = subprocess.Popen(
        [*COMMAND, "run", str(path), "--trace", str(trace)], cwd=ROOT, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert running.stdout is not None
    while "endless" not in (line := running.stdout.readline()):
        assert line, "the guest never began"
    running.send_signal(signal.SIGINT)
    time.sleep(0.3)  # two signals at once would be one
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 130, out + err
    assert "Traceback" not in err, err
    assert '"trailer":true' in trace.read_text().splitlines()[-1]


def test_the_console_takes_commands_from_a_pipe(scenario: str):
    commands = "DISPLAY FRAME\nnonsense\nMVSTOR LPAR2 HSA=2M\n# a comment\n\nDISPLAY STORAGE\nHELP\nQUIT\nDISPLAY FRAME\n"
    done = lparvm("console", scenario, stdin=commands)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "main storage origin is now 2M" in done.stdout
    assert "'nonsense': no such command" in done.stdout
    assert "MVSTOR lpar HSA=n" in done.stdout, "HELP shows the syntax"
    assert done.stdout.count("  DISPLAY FRAME\n") == 1, "what follows QUIT is not carried out"
    assert "verdict: intact" in done.stdout


class Terminal:
    """A tmux pane of its own server."""

    def __init__(self, socket: Path) -> None:
        self._tmux = ["tmux", "-S", str(socket), "-f", "/dev/null"]

    def start(self, command: str) -> None:
        self._call(
            "new-session", "-d", "-x", "110", "-y", "50", f"cd {ROOT} && {command}; echo rc=$?; sleep 30"
        )

    def _call(self, *words: str) -> str:
        return subprocess.run([*self._tmux, *words], capture_output=True, text=True, check=True).stdout

    def type(self, *keys: str) -> None:
        self._call("send-keys", *keys)

    def wait_for(self, text: str, seconds: float = 20) -> str:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            screen = self._call("capture-pane", "-p", "-S", "-200")
            if text in screen:
                return screen
            time.sleep(0.1)
        pytest.fail(f"{text!r} did not appear in:\n{screen}")

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], capture_output=True, check=False)


@pytest.fixture
def terminal(tmp_path: Path):
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed: no real terminal to test with")
    terminal = Terminal(tmp_path / "tmux")
    yield terminal
    terminal.close()


def test_the_console_in_a_real_terminal_completes_remembers_and_leaves_it_sane(
    terminal: Terminal, scenario: str
):
    terminal.start(f"{sys.executable} -m lparvm console {scenario}")
    terminal.wait_for("SVP>")
    terminal.type("MVS", "Tab")
    terminal.wait_for("SVP> MVSTOR")
    terminal.type(" LPAR2 HSA=2M", "Enter")
    terminal.wait_for("main storage origin is now 2M")
    terminal.type("DISPLAY STORAGE", "Enter")
    terminal.wait_for("1 LPAR1  2 LPAR2")  # the legend of the map: the frame before has a line an LPAR
    terminal.type("Up", "Up", "C-a")
    terminal.wait_for("SVP> MVSTOR LPAR2 HSA=2M")
    terminal.type("C-c")
    terminal.type("QUIT", "Enter")
    screen = terminal.wait_for("rc=0")
    assert "verdict: intact" in screen


def test_a_run_in_a_real_terminal_ends_with_its_verdict(terminal: Terminal):
    terminal.start(f"{sys.executable} -m lparvm run down")
    assert "verdict: intact" in terminal.wait_for("rc=0")
