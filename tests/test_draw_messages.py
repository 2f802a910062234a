import os
import subprocess
import sys
from pathlib import Path

from lparvm.protocol.catalogue import CATALOGUE
from lparvm.protocol.results import Result

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "messages.md"


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools" / "draw_messages.py"), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_page_of_the_messages_is_what_the_catalogue_says():
    done = _run("--check")
    assert done.returncode == 0, done.stderr


def test_a_stale_page_is_found_and_drawn_anew(tmp_path: Path):
    page = tmp_path / "messages.md"
    page.write_text(PAGE.read_text().replace("LVM010I", "LVM999I"))
    done = _run("--check", "--page", str(page))
    assert done.returncode == 1
    assert "is stale: run python tools/draw_messages.py" in done.stderr
    assert _run("--page", str(page)).returncode == 0
    assert page.read_text() == PAGE.read_text()


def test_every_message_and_every_result_stands_in_the_page():
    lines = PAGE.read_text().splitlines()
    for entry in CATALOGUE:
        assert any(line.startswith(f"| {entry.code} |") for line in lines), entry.code
    for result in Result:
        assert any(line.startswith(f"| `{result}` |") for line in lines), result
