"""What the docs show is what one gets: output under the virtual clock to the letter, and the guest that they print."""

import re
import shlex
from pathlib import Path

import pytest

from lparvm.cli import group
from lparvm.runner import run
from machines import story

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGE = DOCS / "operations.md"

GUEST = """
[machine]
main_storage = "4M"
[[lpar]]
name = "A"
origin = "0"
size = "1M"
guest = "modest:Modest"
[[command]]
at = "10ms"
text = "EXPAND A SIZE=2M"
[[command]]
at = "40ms"
text = "SHRINK A SIZE=64K"
[[command]]
at = "80ms"
text = "SHRINK A SIZE=4K"
expect = "GUEST_REFUSED"
[run]
duration = "100ms"
"""


def _comes_out_the_same(command: str) -> bool:
    same = "--clock virtual" in command or command.startswith(("plan", "trace"))
    return same and not re.search("[|;>]", command)


def _shown() -> dict[str, list[str]]:
    """Command -> the lines that the pages show of its output; only of those that come out the same each time."""
    shown: dict[str, list[str]] = {}
    for page in (ROOT / "README.md", PAGE, DOCS / "traces.md"):
        text = page.read_text(encoding="utf-8")
        for block in re.findall(r"^```\n(\$ lparvm .*?)^```", text, re.DOTALL | re.MULTILINE):
            command = ""
            for line in block.splitlines():
                if line.startswith("$ "):
                    command = line.removeprefix("$ lparvm ")
                elif _comes_out_the_same(command):
                    shown.setdefault(command, []).append(line)
    return shown


SHOWN = _shown()


def test_the_pages_show_output():
    assert len(SHOWN) > 14


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the traces that docs/traces.md reads."""
    directory = tmp_path_factory.mktemp("traces")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        text = (DOCS / "traces.md").read_text(encoding="utf-8")
        for command in re.findall(r"^\$ lparvm (run .* --trace .*)$", text, re.MULTILINE):
            assert group.main(shlex.split(command), standalone_mode=False) == 0
    return directory


@pytest.mark.parametrize("command", SHOWN)
def test_what_the_pages_show_is_what_one_gets(
    command: str, traces: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("COLUMNS", raising=False)  # nothing is folded
    monkeypatch.chdir(traces)
    capsys.readouterr()
    group.main(shlex.split(command), standalone_mode=False)
    output = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    # The wall clock alone is another each time.
    shown = [line.rstrip() for line in SHOWN[command] if "Started:" not in line]
    missing = [line for line in shown if line not in output]
    assert not missing, "these lines no longer come out: " + "\n".join(missing)


@pytest.mark.parametrize("page", ["README.md", "docs/stress.md"])
def test_the_failure_that_the_pages_shrink_is_shrunk_to_the_same(page, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```\n(\$ lparvm stress .*?)^```", text, re.DOTALL | re.MULTILINE)
    shown = next(block for block in blocks if "--shrink" in block)
    commands = re.findall(r"^\$ lparvm (stress .*)$", shown, re.MULTILINE)
    assert len(commands) == 2, "found, then shrunk"
    for command in commands:
        assert group.main(shlex.split(command), standalone_mode=False) == 1, "a failure shows"
    output = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    lines = [line for line in shown.splitlines() if not line.startswith(("$", "...")) and line]
    missing = [line for line in lines if line.rstrip() not in output]
    assert not missing, "these lines no longer come out: " + "\n".join(missing)


def test_the_guest_that_the_page_prints_takes_part_in_expand_and_shrink(tmp_path, monkeypatch):
    (text,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    (tmp_path / "modest.py").write_text(text, encoding="utf-8")
    (tmp_path / "modest.toml").write_text(GUEST, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    report = run(tmp_path / "modest.toml", clock="virtual")
    assert report.verdict == "intact", story(report)
    assert report.commands[-1].message.endswith("four pages at least")
