"""What a campaign came to, as it is shown."""

import shlex
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lparvm.stress.campaign.summary import GREEN, Summary, one_line
from lparvm.units import format_duration


def show(summary: Summary, console: Console, kept: Mapping[int, Path]) -> None:
    """Print all of it.

    Args:
        summary: of the campaign.
        console: where to.
        kept: files that hold tapes of failures, by seed.
    """
    _show_failures(summary, console, kept)
    if summary.probes_told:
        console.print(_probes(summary))
        console.print("how often each was reached; by how many seeds, under each policy\n", soft_wrap=True)
    totals = summary.totals
    if totals.faults:
        told = sorted(totals.faults.items(), key=lambda item: (-item[1], item[0]))
        faults = ", ".join(f"{one_line(name)} {count:,}" for name, count in told)
        console.print(f"faults: {faults}", soft_wrap=True)
    console.print(
        f"{totals.relocations:,} relocations and {totals.operations:,} answered commands in "
        f"{format_duration(totals.virtual_ns)} of virtual time, {totals.steps:,} steps",
        soft_wrap=True,
    )
    console.print(_pace(summary), soft_wrap=True)
    console.print(f"digest: {totals.digest}", soft_wrap=True)
    console.print(_verdict(summary), soft_wrap=True)


def _show_failures(summary: Summary, console: Console, kept: Mapping[int, Path]) -> None:
    for one in summary.failures:
        verdict = one.verdict
        head = (
            f"seed {verdict.seed}  {one_line(verdict.policy)}  {verdict.verdict}  {one_line(verdict.oracle)}"
        )
        console.print(Text(head, style="bold"), soft_wrap=True)
        console.print(f"    {one.detail}", soft_wrap=True)
        console.print(f"    {one.command}", soft_wrap=True)
        if verdict.seed in kept:
            command = shlex.join(("lparvm", "stress", "--replay", str(kept[verdict.seed]), "--shrink"))
            console.print(f"    {command}", soft_wrap=True)
    if summary.failures_left_out:
        console.print(f"{summary.failures_left_out:,} more failures")
    if summary.failures and not kept:
        console.print(
            "with --keep DIR their tapes are kept, to be replayed and shrunk by --replay FILE --shrink"
        )
    if summary.failures:
        console.print()


def _probes(summary: Summary) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("probe")
    table.add_column("times", justify="right")
    policies = sorted(summary.totals.policies.items())
    for name, _ in policies:
        table.add_column(one_line(name), justify="right")
    for name in summary.probes_told:
        times = summary.totals.probes[name]
        cells = [f"{one.probes[name]:,}" for _, one in policies]
        table.add_row(
            one_line(name), f"{times:,}" if times else "never", *cells, style=None if times else "bold red"
        )
    return table


def _pace(summary: Summary) -> str:
    totals = summary.totals
    parts = [f"{totals.seeds - totals.resumed:,} seeds in {format_duration(totals.elapsed_ns)}"]
    parts.append(f"{totals.seeds_per_s:.1f} a second, {summary.slots} at once ({summary.engine})")
    if totals.resumed:
        parts.append(f"{totals.resumed:,} seeds from the results file")
    if totals.workers_lost:
        parts.append(f"{totals.workers_lost:,} worker processes lost")
    return "; ".join(parts)


def _verdict(summary: Summary) -> Text:
    totals = summary.totals
    text = f"seeds {summary.seeds_text}: {summary.verdict}"
    if totals.failures:
        text += f": {totals.failures:,} of {totals.seeds:,}"
        text += f", {totals.crashed:,} of them crashed" if totals.crashed else ""
    if summary.probes_required and summary.unreached:
        text += f"; never reached: {', '.join(summary.unreached)}"
    if totals.interrupted and totals.failures:
        text += "; interrupted"
    return Text(text, style="bold green" if summary.verdict == GREEN else "bold red")
