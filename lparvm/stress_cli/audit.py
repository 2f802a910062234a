"""`lparvm stress --audit`: are the runs deterministic? Each seed in two processes with two hash seeds."""

import click
import orjson
from rich.text import Text

from lparvm.console.terminal import make_console
from lparvm.errors import UsageError
from lparvm.stress.campaign.summary import one_line
from lparvm.stress.replaying.audited import audit_seeds
from lparvm.stress_cli.campaign import CampaignOptions, campaign_of


def run(options: CampaignOptions) -> int:
    """Run it, and tell what it came to; returns 0 where nothing differs, 1 where something does.

    Raises:
        UsageError: something that was asked for can't be done.
    """
    for name, value in (
        ("--time", options.time_limit), ("--results", options.results), ("--keep", options.keep),
        ("--board", options.board), ("--jobs", options.jobs), ("--runner", options.runner),
    ):  # fmt: skip
        if value is not None:
            raise UsageError(f"{name}: an audit runs each seed twice, once; expected --audit without it")
    campaign = campaign_of(options)
    audit = audit_seeds(campaign.first, campaign.bound, campaign.policy, campaign.mutant, campaign.size)
    seeds = f"{campaign.first}:{campaign.bound}"
    if options.as_json:
        told = {
            "seeds": seeds,
            "same": not audit.difference,
            "lines": audit.lines,
            "difference": audit.difference,
        }
        click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2))
    elif audit.difference:
        text = f"seeds {seeds}: NOT DETERMINISTIC: {one_line(audit.difference)}"
        make_console().print(Text(text, style="bold red"), soft_wrap=True)
    else:
        text = f"seeds {seeds}: all {audit.lines:,} lines are the same with two hash seeds"
        make_console().print(Text(text, style="bold green"), soft_wrap=True)
    return int(bool(audit.difference))
