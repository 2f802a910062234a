"""docs/gauntlet.md is a record of a run in which every mutant there is was caught."""

import re
from pathlib import Path

from lparvm.stress.gauntlet.cells import POLICIES
from lparvm.stress.mutants import MUTANTS

PAGE = Path(__file__).resolve().parents[3] / "docs" / "gauntlet.md"


def test_the_page_tells_of_every_mutant_by_whom_it_was_caught():
    text = PAGE.read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", text, re.MULTILINE))
    wanted = {one.name: one for one in MUTANTS.values() if not one.rare}
    assert set(rows) == set(wanted), "run the gauntlet again, and tools/draw_gauntlet.py"
    for name, row in rows.items():
        cells = [cell.strip() for cell in row.split(" | ")]
        assert len(cells) == len(POLICIES) + 2, row
        assert any(cell.isdecimal() for cell in cells[: len(POLICIES)]), f"{name} was caught by nobody"
        assert cells[-2], f"no oracle caught {name}"
        assert cells[-1] == wanted[name].breaks
    for one in MUTANTS.values():
        assert f"`{one.name}`" in text
