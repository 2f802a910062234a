"""A soak's report for people: things that rich can print."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from lparvm.config import SOAK_GROWTH_NOISE_BYTES
from lparvm.protocol.results import Result
from lparvm.report import INTACT
from lparvm.stress.soak.memory import Usage
from lparvm.stress.soak.options import SoakProgress
from lparvm.stress.soak.report import SoakReport
from lparvm.units import format_duration, format_size, seconds

_SAMPLES_SHOWN = 12


def progress_text(progress: SoakProgress) -> str:
    """How far it is, in a line."""
    problems = f", {progress.problems} problems" if progress.problems else ""
    return (
        f"{seconds(progress.elapsed_ns):.0f} of {seconds(progress.duration_ns):.0f} s: {progress.commands:,} "
        f"commands, {progress.relocations:,} relocations, {_bytes(progress.moved_bytes)} moved, memory "
        f"{_bytes(progress.own_bytes)}{problems}"
    )


def parts_of(report: SoakReport) -> tuple[RenderableType, ...]:
    """What is shown at the end, in this order, with an empty line before each."""
    return commands(report), guests(report), memory(report.samples), verdict(report)


def commands(report: SoakReport) -> RenderableType:
    """A line a verb: how many completed, and how the others ended."""
    table = _table("commands")
    table.add_column("command")
    table.add_column("completed", justify="right")
    table.add_column("otherwise", overflow="fold")
    by_verb: dict[str, dict[Result, int]] = {}
    for (verb, result), count in sorted(report.results.items()):
        by_verb.setdefault(verb, {})[result] = count
    for verb, results in by_verb.items():
        completed = results.pop(Result.COMPLETED, 0)
        others = ", ".join(f"{result} {count:,}" for result, count in results.items())
        table.add_row(verb, f"{completed:,}", others)
    return table


def guests(report: SoakReport) -> RenderableType:
    """What each guest did, in all its lives."""
    table = _table("guests")
    for name in ("LPAR", "guest"):
        table.add_column(name)
    for name in ("loaded", "steps", "damage"):
        table.add_column(name, justify="right")
    for guest in report.guests:
        damage = Text(str(guest.damage), style="red" if guest.damage else "")
        table.add_row(guest.lpar, guest.guest, f"{guest.lives:,}", f"{guest.steps:,}", damage)
    return table


def memory(samples: Sequence[Usage]) -> RenderableType:
    """Some of the samples."""
    table = _table("memory")
    for name in ("at", "resident", "storage", "own", "threads", "files"):
        table.add_column(name, justify="right")
    step = max(1, len(samples) // _SAMPLES_SHOWN)
    for sample in samples[::step]:
        table.add_row(
            f"{seconds(sample.at_ns):.1f} s", _bytes(sample.rss_bytes), _bytes(sample.storage_bytes),
            _bytes(sample.own_bytes), str(sample.threads), "?" if sample.files is None else str(sample.files),
        )  # fmt: skip
    return table


def verdict(report: SoakReport) -> Text:
    """The last lines."""
    text = Text()
    for reason in report.reasons:
        text.append(f"{_printable(reason)}\n", style="red")
    median, longest = format_duration(report.answer_median_ns), format_duration(report.answer_longest_ns)
    text.append(f"{report.commands:,} commands, answered in {median} (median), {longest} at most\n")
    median, longest = format_duration(report.stopped_median_ns), format_duration(report.stopped_longest_ns)
    text.append(f"{report.relocations:,} relocations, {_bytes(report.moved_bytes)} moved; ")
    text.append(f"guests stood {median} (median), {longest} at most\n{_growth(report)}")
    good = report.verdict == INTACT
    text.append(f"\nverdict: {report.verdict}", style="bold green" if good else "bold red")
    size = format_size(report.options.storage_bytes)
    text.append(
        f"  (real clock, seed {report.options.seed}, {seconds(report.run.duration_ns):.0f} s, {size})"
    )
    if report.interrupted:
        text.append("  interrupted", style="yellow")
    if report.run.trace is not None:
        text.append(f"\ntrace:   {report.run.trace}")
    return text


def _growth(report: SoakReport) -> str:
    growth = report.growth
    if growth is None:
        return "memory: too few samples to tell whether it grew"
    # What is noise by the second would be frightening by the hour.
    noise = growth.own_bytes <= SOAK_GROWTH_NOISE_BYTES
    hourly = "" if noise else f", {_signed(growth.hour_bytes)} an hour"
    return (
        f"memory {_signed(growth.own_bytes)} in {format_duration(growth.over_ns)}{hourly}; "
        f"threads {growth.threads:+}, open files {growth.files:+}"
    )


def _table(title: str) -> Table:
    return Table(
        title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )


def _bytes(count: int) -> str:
    for unit, size in (("G", 1 << 30), ("M", 1 << 20)):
        if abs(count) >= size:
            return f"{count / size:.1f}{unit}"
    return f"{count / 1024:.0f}K"


def _signed(count: int) -> str:
    return f"{'+' if count >= 0 else '-'}{_bytes(abs(count))}"


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
