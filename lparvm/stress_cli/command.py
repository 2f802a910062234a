"""The options of `lparvm stress`. Only what is asked for is loaded."""

from pathlib import Path
from typing import Any

import click

from lparvm.config import CAMPAIGN_JOBS_MAX
from lparvm.console.process import interruptible
from lparvm.stress_cli.modes import take_mode
from lparvm.stress_cli.replay_options import replay_options, take_replay

_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.option("--seeds", metavar="FIRST:END", help="Which seeds, END exclusive.  [default: 0:100]")
@click.option(
    "--time", "time_limit", metavar="DURATION",
    help="Begin no further seed after so long, such as 10m; without --seeds, seeds go on until then.",
)  # fmt: skip
@click.option(
    "--jobs", type=click.IntRange(1, CAMPAIGN_JOBS_MAX),
    help="Worker processes.  [default: as many as there are cores]",
)  # fmt: skip
@click.option(
    "--policy", default="mix", show_default=True,
    help="How tasks are scheduled: mix, walk, fifo, seeded, pct:D or delay:D.",
)  # fmt: skip
@click.option(
    "--size", type=click.Choice(["small", "mixed"]), default="mixed", show_default=True,
    help="Of the machines that are drawn.",
)  # fmt: skip
@click.option("--mutant", default="", metavar="NAME", help="Run a protocol that is broken on purpose.")
@click.option(
    "--engine", type=click.Choice(["pool", "ray"]), default="pool", show_default=True,
    help="Processes of this machine, or a Ray cluster.",
)  # fmt: skip
@click.option("--address", help="Of the Ray cluster.  [default: one on this machine, for this campaign only]")
@click.option(
    "--results", type=_FILE, metavar="FILE",
    help="Keep verdicts here, a line each; seeds that it has already are not run again.",
)  # fmt: skip
@click.option(
    "--keep", type=_FOLDER, metavar="DIR", help="Write the choice tape of each failure here, as seed-N.json."
)
@click.option(
    "--board",
    type=_FILE,
    metavar="FILE.html",
    help="Write the campaign's board, one HTML page that loads nothing.",
)
@click.option(
    "--require-probes", is_flag=True, help="Fail when one of the known rare situations was never reached."
)
@click.option(
    "--gauntlet", is_flag=True,
    help="Run every mutant under every policy, or those of --mutant and --policy; tell how many seeds it takes.",
)  # fmt: skip
@click.option(
    "--audit", is_flag=True,
    help="Run each seed in two processes with two hash seeds; tell the first event that differs.",
)  # fmt: skip
@click.option(
    "--real", is_flag=True,
    help="Under the real clock, with threads and real copies, for --time [10m]; the first of --seeds draws it.",
)  # fmt: skip
@click.option(
    "--explore", metavar="NAME",
    help="Explore a configuration of the protocol's state space, or those that take seconds: all.",
)  # fmt: skip
@replay_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@click.option("--runner", hidden=True, help="The function that runs a seed, module:function.")
def stress(**given: Any) -> int:
    """Run machines that are drawn from seeds, with faults, under schedules that are explored on purpose.

    Exit: 0 no failure; 1 failures (of a tape: it shows one), or a probe never reached that was required, or an event
    that differs in an audit; 2 bad usage; 130 interrupted.
    """
    with interruptible():
        return _mode(given)


def _mode(given: dict[str, Any]) -> int:
    """What was asked for."""
    tape = take_replay(given)
    if tape is not None:
        from lparvm.stress_cli import replay  # noqa: PLC0415 - as below

        return replay.run(tape)
    mode, value = take_mode(given)
    if mode == "explore":
        from lparvm.stress_cli import explore  # noqa: PLC0415

        return explore.run(value)
    from lparvm.stress_cli import campaign  # noqa: PLC0415 - other modes start without it

    options = campaign.CampaignOptions(**given)
    if mode == "gauntlet":
        from lparvm.stress_cli import gauntlet  # noqa: PLC0415

        return gauntlet.run(options)
    if mode == "audit":
        from lparvm.stress_cli import audit  # noqa: PLC0415

        return audit.run(options)
    if mode == "real":
        from lparvm.stress_cli.real import run_real  # noqa: PLC0415

        seed = 0 if options.seeds is None else campaign.campaign_of(options).first
        return run_real(options.time_limit, seed, options.as_json)
    return campaign.run(options)
