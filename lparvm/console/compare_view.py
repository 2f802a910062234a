"""What `lparvm compare` shows: MVSTOR and the conventional way side by side, an LPAR a table."""

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from lparvm.compare import Compared, Comparison, Way
from lparvm.units import format_duration


def comparison_table(comparison: Comparison) -> tuple[RenderableType, ...]:
    """What is shown, in this order, with an empty line before each."""
    return (*(_lpar(one) for one in comparison.lpars), _verdict(comparison))


def _lpar(compared: Compared) -> Table:
    table = Table(
        title=compared.lpar, title_justify="left", title_style="bold", box=None, pad_edge=False,
        padding=(0, 4, 0, 0),
    )  # fmt: skip
    ways = (compared.relocated, compared.conventional)
    for name in ("", "MVSTOR", "conventional"):
        table.add_column(name)
    for title, cell in (
        ("outage of the guest", _outage),
        ("work lost", _lost),
        ("until it was done again", _regain),
        ("work done at the end", _steps),
        ("commands", _commands),
    ):
        table.add_row(title, *(cell(way) for way in ways))
    return table


def _outage(way: Way) -> str:
    text = format_duration(way.outage_ns)
    if way.checking_ns:
        text += f", of which {format_duration(way.checking_ns)} for the final check"
    return text if way.back else f"{text}, and not back"


def _lost(way: Way) -> str:
    return f"{way.steps_lost:,} steps" if way.steps_lost else "none"


def _regain(way: Way) -> str:
    if not way.steps_lost:
        return "-"
    if way.regain_ns is None:
        return "unknown"
    return format_duration(way.regain_ns) if way.regained else f"about {format_duration(way.regain_ns)}"


def _steps(way: Way) -> str:
    return f"{way.steps:,} steps"


def _commands(way: Way) -> str:
    return "\n".join(way.commands)


def _verdict(comparison: Comparison) -> Text:
    report, other = comparison.relocated, comparison.conventional
    text = Text(f"verdicts: MVSTOR {report.verdict}, conventional {other.verdict}")
    return text.append(f"  ({report.clock} clock, seed {report.seed})")
