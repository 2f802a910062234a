"""What a campaign came to, for people and programs: the verdict, and how each failure is run again."""

import shlex
from collections.abc import Sequence
from typing import Any

from attrs import frozen

from lparvm.config import CAMPAIGN_DETAIL_CHARACTERS_MAX, CAMPAIGN_FAILURES_TOLD_MAX
from lparvm.stress.campaign.model import DEFAULT_RUNNER, MIX, Campaign
from lparvm.stress.campaign.totals import Totals
from lparvm.stress.verdict import SeedVerdict

GREEN, FAILURES, UNREACHED, INTERRUPTED = "green", "failures", "probes never reached", "interrupted"


@frozen
class Failure:
    """A failure as it is told.

    Attributes:
        verdict: the seed's, without its tape.
        command: runs the seed again.
    """

    verdict: SeedVerdict
    command: str

    @property
    def detail(self) -> str:
        """What was found, as one line."""
        return one_line(self.verdict.detail)


@frozen
class Summary:
    """A campaign and its totals.

    Attributes:
        campaign: what was asked for.
        engine: name of the engine.
        slots: chunks that the engine ran at once.
        totals: the sums.
        probes: those that the runner knows.
        probes_required: whether one that was never reached makes the campaign fail.
    """

    campaign: Campaign
    engine: str
    slots: int
    totals: Totals
    probes: Sequence[str] = ()
    probes_required: bool = False

    @property
    def verdict(self) -> str:
        """What came of it, in a word or two."""
        if self.totals.failures:
            return FAILURES
        if self.totals.interrupted:
            return INTERRUPTED
        return UNREACHED if self.probes_required and self.unreached else GREEN

    @property
    def exit_code(self) -> int:
        """0 green, 1 not, 130 interrupted."""
        return 130 if self.totals.interrupted else int(self.verdict != GREEN)

    @property
    def seeds_text(self) -> str:
        """Which seeds were asked for, and how many were run, where that is less."""
        campaign, done = self.campaign, self.totals.seeds
        if campaign.end is None:
            return f"{campaign.first}:{campaign.first + done}" + (" (interrupted)" * self.totals.interrupted)
        asked = f"{campaign.first}:{campaign.end}"
        return asked if done == campaign.end - campaign.first else f"{asked}, {done} of them run"

    @property
    def probes_told(self) -> list[str]:
        """Probes that are known or were reached, by name."""
        return sorted({*self.probes, *self.totals.probes})

    @property
    def unreached(self) -> list[str]:
        """Known probes that no seed reached."""
        return self.totals.never_reached(self.probes)

    @property
    def failures(self) -> list[Failure]:
        """The first of them, by seed."""
        found = self.totals.failing(CAMPAIGN_FAILURES_TOLD_MAX)
        return [Failure(verdict, replay_command(self.campaign, verdict.seed)) for verdict in found]

    @property
    def failures_left_out(self) -> int:
        """How many more there are."""
        return max(0, self.totals.failures - CAMPAIGN_FAILURES_TOLD_MAX)

    def as_json(self) -> dict[str, Any]:
        """One object; times in seconds."""
        campaign, totals = self.campaign, self.totals
        return {
            "verdict": self.verdict,
            "campaign": {
                "seeds": [campaign.first, campaign.end], "policy": campaign.policy, "mutant": campaign.mutant,
                "size": campaign.size, "engine": self.engine, "jobs": self.slots,
                "time_s": None if campaign.time_limit_ns is None else campaign.time_limit_ns / 1e9,
            },
            "seeds": totals.seeds, "resumed": totals.resumed, "interrupted": totals.interrupted,
            "digest": totals.digest,
            "failed": totals.failures - totals.crashed, "crashed": totals.crashed,
            "failures": [
                {
                    "seed": one.verdict.seed, "policy": one.verdict.policy, "verdict": one.verdict.verdict,
                    "oracle": one.verdict.oracle, "detail": one.detail, "digest": one.verdict.digest,
                    "replay": one.command,
                }
                for one in self.failures
            ],
            "failures_left_out": self.failures_left_out,
            "oracles": {
                name: {"failures": one.failures, "first_seed": one.first.seed, "policies": dict(one.policies)}
                for name, one in sorted(totals.oracles.items())
            },
            "policies": {
                name: {"seeds": one.seeds, "failures": one.failures, "first_failure": one.first_failure}
                for name, one in sorted(totals.policies.items())
            },
            "probes": [
                {
                    "name": name, "times": totals.probes[name],
                    "seeds": {key: one.probes[name] for key, one in sorted(totals.policies.items())},
                }
                for name in self.probes_told
            ],
            "unreached": self.unreached,
            "faults": dict(sorted(totals.faults.items())),
            "virtual_s": totals.virtual_ns / 1e9, "relocations": totals.relocations,
            "operations": totals.operations, "steps": totals.steps, "workers_lost": totals.workers_lost,
            "elapsed_s": totals.elapsed_ns / 1e9, "seeds_per_s": totals.seeds_per_s,
        }  # fmt: skip


def replay_command(campaign: Campaign, seed: int) -> str:
    """The command that runs one seed again, as the campaign ran it."""
    words = ["lparvm", "stress", "--seeds", f"{seed}:{seed + 1}"]
    for option, value, default in (
        ("--policy", campaign.policy, MIX),
        ("--size", campaign.size, Campaign().size),
        ("--mutant", campaign.mutant, ""),
        ("--runner", campaign.runner, DEFAULT_RUNNER),
    ):
        if value != default:
            words += [option, value]
    return shlex.join(words)


def one_line(text: str) -> str:
    """What a seed's code says, as one line that is not too long and only has characters that can be seen."""
    told = "".join(
        one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in " ".join(text.split())
    )
    most = CAMPAIGN_DETAIL_CHARACTERS_MAX
    return told if len(told) <= most else f"{told[: most - 3]}..."
