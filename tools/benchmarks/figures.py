"""Figures: what was measured, what is asked of it, and how both are told."""

import statistics
from collections.abc import Sequence
from typing import Any

from attrs import frozen


@frozen
class Target:
    """What is asked of a figure's median."""

    bound: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Whether the value is on the right side of the bound."""
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        """For the table."""
        return f"{'at least' if self.at_least else 'at most'} {self.bound:.2f}"


@frozen
class Figure:
    """One line of the table.

    Attributes:
        name: of the measure it belongs to; what `--only` takes.
        what: what was measured, in words.
        values: one a repetition; a ratio, or of `unit`.
        target: None where the figure is only told.
        unit: what stands behind the values.
        note: what else a reader should know.
    """

    name: str
    what: str
    values: tuple[float, ...]
    target: Target | None = None
    unit: str = ""
    note: str = ""

    @property
    def median(self) -> float:
        """What counts."""
        return statistics.median(self.values)

    @property
    def verdict(self) -> str:
        """Met or not."""
        if self.target is None:
            return "told"
        return "met" if self.target.met(self.median) else "**not met**"

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "name": self.name, "what": self.what, "unit": self.unit, "note": self.note,
            "target": str(self.target) if self.target else None, "median": self.median,
            "values": list(self.values), "verdict": self.verdict.strip("*"),
        }  # fmt: skip


def table(figures: Sequence[Figure]) -> str:
    """All figures as a markdown table."""
    head = "| Measure | What | Target | Median | Min to max | Verdict |\n|---|---|---|---|---|---|"
    return "\n".join([head, *(_line(figure) for figure in figures)])


def _line(figure: Figure) -> str:
    unit = f" {figure.unit}" if figure.unit else ""
    what = f"{figure.what} ({figure.note})" if figure.note else figure.what
    spread = f"{_number(min(figure.values))} to {_number(max(figure.values))}{unit}"
    cells = (
        f"`{figure.name}`", what, str(figure.target or "-") + (unit if figure.target else ""),
        f"{_number(figure.median)}{unit}", spread, figure.verdict,
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.2f}"
