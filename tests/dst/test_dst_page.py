"""docs/dst.md: its example comes out as it is shown, and it names all that there is."""

import re
import runpy
from pathlib import Path

import pytest

from lparvm import dst
from lparvm.dst.policies import FAIR_STEPS, WINDOWS_STEPS
from lparvm.dst.windows import FREEZE_WINDOW_STEPS, JUMP_WINDOW_STEPS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/dst.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "docs/examples/dst_lost_update.py"


def test_the_example_prints_what_the_page_shows(capsys: pytest.CaptureFixture[str]):
    (shown,) = re.findall(
        r"^```\n\$ python docs/examples/dst_lost_update.py\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE
    )
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    assert capsys.readouterr().out == shown


def test_the_code_that_the_page_shows_is_the_example_s():
    (shown,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    source = "\n".join(line.strip() for line in EXAMPLE.read_text(encoding="utf-8").splitlines())
    assert "\n".join(line.strip() for line in shown.splitlines()) in source


def test_the_page_names_all_that_there_is():
    missing = [name for name in dst.__all__ if f"`{name}`" not in PAGE]
    assert not missing, f"docs/dst.md says nothing of {', '.join(missing)}"


def test_the_page_has_the_right_numbers():
    assert f"{WINDOWS_STEPS[0]} to {WINDOWS_STEPS[-1]} steps" in " ".join(PAGE.split())
    assert f"windows of {JUMP_WINDOW_STEPS} steps" in PAGE
    assert f"windows of {FREEZE_WINDOW_STEPS} steps" in PAGE
    assert f"no turn for {FAIR_STEPS} choices" in " ".join(PAGE.split())
