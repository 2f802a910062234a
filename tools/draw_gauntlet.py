"""Writes docs/gauntlet.md: `lparvm stress --gauntlet --json | python tools/draw_gauntlet.py`.

The page is a record of that run; a test holds it against the list of mutants, so that none is missing.
"""

import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a clone that is not installed works as well

from lparvm.config import GAUNTLET_FIRST_SEEDS
from lparvm.stress.mutants import MUTANTS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "gauntlet.md"

INTRO = """# The mutant gauntlet

Each mutant is the machine with one small programming error, planted from outside: production code knows nothing of it.
`lparvm stress --gauntlet` runs all of them under all policies, seed after seed, until an oracle finds something wrong.
The numbers say at which seed that was; in parentheses, how many seeds went by without. The machine without an error
runs the same seeds and must pass them all: what cries wolf catches nothing.

A mutant is caught when one policy catches it within its budget of seeds. `seeded` is what trio itself can do with a
seeded generator: every task that can run takes one step in each pass. What a policy is, [dst.md](dst.md) tells; what
the oracles look at, [stress.md](stress.md).

"""

READING = """The policies hardly differ here. These errors show in most orders of tasks, once a machine, its faults and
the timing are drawn that meet them; and all policies run the same machines, with the same storage points, jumps of the
clock and freezes (`seeded` has no freezes). Where only a rare order of steps shows an error, they do differ:
[dst.md](dst.md) has the figures for such programs."""


def draw(run: Mapping[str, Any]) -> str:
    """The whole page."""
    rows: Sequence[Mapping[str, Any]] = run["mutants"]
    policies = list(rows[0]["seeds"])
    lines = [INTRO + _line(["mutant", *policies, "caught by", "what is broken"])]
    lines.append(_line(["---", *("---:" for _ in policies), "---", "---"]))
    for row in rows:
        name = row["mutant"]
        cells = [_cell(row["seeds"][policy]) for policy in policies]
        broken = MUTANTS[name].breaks if name else "nothing"
        lines.append(_line([f"`{name}`" if name else "none", *cells, row["caught_by"] or "", broken]))
    lines += ["", _summary(rows[1:], policies), *_rare()]
    return "\n".join(lines) + "\n"


def _rare() -> list[str]:
    """Those that are left to others."""
    rare = [one for one in MUTANTS.values() if one.rare]
    if not rare:
        return []
    told = [f"- `{one.name}`: {one.breaks} {one.rare}" for one in rare]
    return [
        "",
        "Not run here, since machines drawn at random hardly ever show them; directed tests do:",
        "",
        *told,
    ]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Mapping[str, Any]) -> str:
    return f"({cell['run']})" if cell["caught"] is None else str(cell["caught"])


def _summary(rows: Sequence[Mapping[str, Any]], policies: Sequence[str]) -> str:
    lines = [
        f"Of each policy, how many mutants it caught within {GAUNTLET_FIRST_SEEDS} seeds and within its whole budget,",
        "and the median number of seeds of those that it caught:",
        "",
        _line(["policy", f"within {GAUNTLET_FIRST_SEEDS} seeds", "in all", "median seeds"]),
        _line(["---", "---:", "---:", "---:"]),
    ]
    for policy in policies:
        caught = [
            row["seeds"][policy]["caught"] for row in rows if row["seeds"][policy]["caught"] is not None
        ]
        soon = sum(1 for seeds in caught if seeds <= GAUNTLET_FIRST_SEEDS)
        median = f"{statistics.median(caught):g}" if caught else ""
        lines.append(_line([policy, f"{soon} of {len(rows)}", f"{len(caught)} of {len(rows)}", median]))
    return "\n".join([*lines, "", READING])


def main() -> int:
    """Read the run from standard input."""
    PAGE.write_text(draw(json.load(sys.stdin)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
