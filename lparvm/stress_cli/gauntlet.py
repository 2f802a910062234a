"""`lparvm stress --gauntlet`: every mutant under every policy."""

import time

import click
import orjson
from rich.console import Console
from rich.table import Table as RichTable

from lparvm.console.terminal import make_console
from lparvm.errors import UsageError
from lparvm.stress.campaign.model import DEFAULT_RUNNER, MIX, check_policy
from lparvm.stress.gauntlet.cells import POLICIES, Cell, Table
from lparvm.stress.gauntlet.running import run_gauntlet
from lparvm.stress.mutants import MUTANTS, find_mutant
from lparvm.stress_cli.campaign import CampaignOptions, engine_of

_TOLD_INTERVAL_S = 10.0


def run(options: CampaignOptions) -> int:
    """Run it, and show the table; returns the exit code.

    Raises:
        UsageError: there is no such mutant or policy; options that don't go with it.
    """
    for name, value in (
        ("--seeds", options.seeds),
        ("--results", options.results),
        ("--time", options.time_limit),
    ):
        if value is not None:
            raise UsageError(f"{name}: the gauntlet has its own seeds; expected --gauntlet without it")
    mutants = (
        [find_mutant(options.mutant).name]
        if options.mutant
        else [one.name for one in MUTANTS.values() if not one.rare]
    )
    policies = POLICIES if options.policy == MIX else (check_policy(options.policy),)
    table = Table(mutants, policies, options.size)
    console = make_console(stderr=True)
    with engine_of(options, DEFAULT_RUNNER) as engine:
        run_gauntlet(table, engine, _Progress(console))
    if options.as_json:
        click.echo(
            orjson.dumps({"passed": table.passed, "mutants": table.as_json()}, option=orjson.OPT_INDENT_2)
        )
    else:
        _show(table, make_console())
    return 0 if table.passed else 1


class _Progress:
    """A line now and then."""

    def __init__(self, console: Console) -> None:
        self._console, self._begun_s = console, time.monotonic()
        self._next_s = self._begun_s + _TOLD_INTERVAL_S

    def __call__(self, table: Table) -> None:
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + _TOLD_INTERVAL_S
        caught = len(table.mutants) - 1 - len(table.survivors)
        seeds = sum(cell.run for mutant in table.mutants for cell in table.row(mutant))
        text = f"{now_s - self._begun_s:.0f} s: {caught} of {len(table.mutants) - 1} mutants caught, {seeds} seeds"
        self._console.print(text, highlight=False)


def _show(table: Table, console: Console) -> None:
    shown = RichTable(title="seeds until caught, by policy", title_justify="left")
    shown.add_column("mutant", no_wrap=True)
    for policy in table.policies:
        shown.add_column(policy, justify="right")
    shown.add_column("caught by")
    for mutant in table.mutants:
        first = table.first(mutant)
        found = "-" if first is None else first.oracle
        shown.add_row(mutant or "none", *(_cell(cell) for cell in table.row(mutant)), found)
    console.print(shown)
    for mutant in table.survivors:
        console.print(f"survived: {mutant} ({MUTANTS[mutant].breaks})", highlight=False)
    for cell in table.false_alarms:
        assert cell.caught is not None, "that is what makes it one"
        where = f"seed {cell.run - 1}, policy {cell.policy}"
        console.print(
            f"false alarm without a mutant: {where}: {cell.caught.oracle}: {cell.caught.detail}",
            highlight=False,
        )
    count = len(table.mutants) - 1
    console.print(f"{count - len(table.survivors)} of {count} mutants caught", highlight=False)


def _cell(cell: Cell) -> str:
    """Seeds until caught; or how many went by without, in parentheses."""
    return f"({cell.run})" if cell.caught is None else str(cell.caught.seeds)
