"""The default mode of `lparvm stress`: a campaign over many seeds."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
import orjson
from attrs import frozen

from lparvm.console.terminal import make_console
from lparvm.errors import UsageError
from lparvm.stress.campaign.model import DEFAULT_RUNNER, Campaign, check_policy, parse_seeds
from lparvm.stress.campaign.on_ray import RayEngine
from lparvm.stress.campaign.pool import PoolEngine
from lparvm.stress.campaign.results import ResultsFile
from lparvm.stress.campaign.runners import known_probes, load_runner
from lparvm.stress.campaign.running import Watcher, run_campaign
from lparvm.stress.campaign.summary import Summary
from lparvm.stress_cli.keeping import TapeKeeper, check_page, write_page
from lparvm.stress_cli.progress import CampaignProgress
from lparvm.stress_cli.summary_view import show
from lparvm.units import parse_duration


@frozen
class CampaignOptions:
    """As on the command line; see there."""

    seeds: str | None = None
    time_limit: str | None = None
    jobs: int | None = None
    policy: str = "mix"
    size: str = "mixed"
    mutant: str = ""
    engine: str = "pool"
    address: str | None = None
    results: Path | None = None
    keep: Path | None = None
    board: Path | None = None
    require_probes: bool = False
    as_json: bool = False
    runner: str | None = None


def run(options: CampaignOptions) -> int:
    """Run it, and tell what it came to; returns the exit code.

    Raises:
        UsageError: something that was asked for can't be done.
    """
    campaign = campaign_of(options)
    load_runner(campaign.runner)
    probes = known_probes(campaign.runner)
    if options.require_probes and not probes:
        raise UsageError(f"--require-probes: runner {campaign.runner} names no probes")
    _check_board(options)
    keeper = None if options.keep is None else TapeKeeper(options.keep, campaign)
    with ExitStack() as stack:
        results = None
        if options.results is not None:
            results = stack.enter_context(ResultsFile(options.results, campaign))
        engine = stack.enter_context(engine_of(options, campaign.runner))
        progress = stack.enter_context(CampaignProgress(campaign, make_console(stderr=True)))
        watchers: list[Watcher] = [progress] if keeper is None else [progress, keeper]
        totals = run_campaign(campaign, engine, results=results, watchers=watchers)
    summary = Summary(campaign, engine.name, engine.slots, totals, probes, options.require_probes)
    if options.board is not None:
        from lparvm.stress.campaign.board import board  # noqa: PLC0415 - it takes a second to load

        write_page(options.board, board(summary))
    if options.as_json:
        click.echo(orjson.dumps(summary.as_json(), option=orjson.OPT_INDENT_2))
    else:
        show(summary, make_console(), kept={} if keeper is None else keeper.kept)
    return summary.exit_code


def campaign_of(options: CampaignOptions) -> Campaign:
    """The campaign that was asked for.

    Raises:
        UsageError: a seed range, time, policy or mutant that is none; options that don't go together.
    """
    limit_ns = None if options.time_limit is None else _time_limit(options.time_limit)
    first, end = (0, 100) if options.seeds is None else parse_seeds(options.seeds)
    if options.address is not None and options.engine != "ray":
        raise UsageError("--address: there is no cluster; expected --engine ray beside it")
    if options.mutant:
        from lparvm.stress.mutants import find_mutant  # noqa: PLC0415 - the whole machine

        find_mutant(options.mutant)
    return Campaign(
        first, None if options.seeds is None and limit_ns is not None else end, check_policy(options.policy),
        options.mutant, options.size, limit_ns, options.runner or DEFAULT_RUNNER,
    )  # fmt: skip


def _time_limit(text: str) -> int:
    try:
        limit_ns = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--time: {error}") from None
    if not limit_ns:
        raise UsageError("--time: no time at all; expected a duration such as 90s or 10m")
    return limit_ns


@contextmanager
def engine_of(options: CampaignOptions, runner: str) -> Iterator[PoolEngine | RayEngine]:
    """What was asked for; it ends with the block."""
    if options.engine == "ray":
        with RayEngine(runner, options.jobs, options.address) as on_ray:
            yield on_ray
    else:
        with PoolEngine(runner, options.jobs or len(os.sched_getaffinity(0))) as pool:
            yield pool


def _check_board(options: CampaignOptions) -> None:
    """What can be known of the board's file before the campaign, and not an hour later."""
    path = options.board
    if path is None:
        return
    check_page("board", path)
    if options.results is not None and path.resolve() == options.results.resolve():
        raise UsageError(f"board {path}: is the results file; expected another one")
