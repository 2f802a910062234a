import os
import subprocess
import sys
from pathlib import Path

import pytest

from lparvm.protocol.messages import MESSAGES
from lparvm.protocol.phases import State
from lparvm.protocol.relocation import IGNORED, TABLE

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "protocol.md"


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools" / "draw_protocol.py"), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_page_of_the_protocol_is_what_the_tables_say():
    done = _run("--check")
    assert done.returncode == 0, done.stderr


def test_a_stale_page_is_found_and_drawn_anew(tmp_path: Path):
    page = tmp_path / "protocol.md"
    page.write_text(PAGE.read_text().replace("MOVING_BACK --> RESTORING_LIMITS", "MOVING_BACK --> REPORTED"))
    done = _run("--check", "--page", str(page))
    assert done.returncode == 1
    assert "is stale: run python tools/draw_protocol.py" in done.stderr
    assert _run("--page", str(page)).returncode == 0
    assert page.read_text() == PAGE.read_text()


def test_a_missing_page_is_stale(tmp_path: Path):
    assert _run("--check", "--page", str(tmp_path / "none.md")).returncode == 1


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
def test_every_message_stands_in_the_page(message: type):
    assert f"`{message.__name__}`" in PAGE.read_text()


def test_every_transition_and_every_ignored_event_stands_in_the_page():
    text = PAGE.read_text()
    for row in TABLE:
        if row.to is not None:
            assert f"    {row.state} --> {row.to}: " in text
        if row.result is not None:
            assert f"`{row.result}`" in text
    assert all(f"| `{state}` |" in text for state in State)
    ignored = text[text.index("## Events that are ignored") :]
    for state, event in IGNORED:
        (line,) = (one for one in ignored.splitlines() if one.startswith(f"| `{event.__name__}` |"))
        assert f"`{state}`" in line
