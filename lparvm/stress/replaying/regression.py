"""A regression test of a failure: its choices, short enough to stand in a test, and what must come of them.

What the test guards is the run that these choices make in the code of its day. Where the swarm draws otherwise, the
test says so, loudly; where a task takes one step more, a choice falls elsewhere, silently. The calmer a tape, the
longer it keeps its meaning: shrink it first.
"""

import json
import re
import textwrap
from collections.abc import Mapping, Sequence

from lparvm.dst.policies import parse_policy
from lparvm.dst.tape import Tape
from lparvm.errors import UsageError
from lparvm.stress.campaign.summary import one_line
from lparvm.stress.episode.run import run_episode
from lparvm.stress.replaying.tape_file import TapeFile, title_of
from lparvm.stress.swarm.draw import SWARM_VERSION
from lparvm.stress.verdict import SeedJob

_WIDTH = 110

_TEST = '''\
"""Found by lparvm stress: {title}."""

from lparvm.stress.replaying.regression import check_choices

CHOICES = {choices}


{found}
def test_{name}():
    check_choices(CHOICES, swarm={swarm}{arguments})
'''


def regression_test(file: TapeFile) -> str:
    """A module with one pytest test, as it can be pasted."""
    job, shown = file.job, file.shown
    streams = file.tape.as_json()["streams"]
    arguments = (f", {key}={json.dumps(value)}" for key, value in _arguments(job).items())
    return _TEST.format(
        title=title_of(file),
        choices="\n".join(("{", *(_stream(name, values) for name, values in streams.items()), "}")),
        found=_comment(f"{shown.oracle}: {shown.detail}" if shown.oracle else "No oracle found anything."),
        name="_".join(("seed", str(job.seed), *re.findall("[a-z0-9]+", shown.oracle.lower() or "passes"))),
        swarm=SWARM_VERSION,
        arguments="".join(arguments),
    )


def _arguments(job: SeedJob) -> dict[str, str]:
    """What is not the default of `check_choices`."""
    mode = "batch" if parse_policy(job.policy).batches else "step"
    given = {"size": (job.size, "mixed"), "mutant": (job.mutant, ""), "mode": (mode, "step")}
    return {name: value for name, (value, default) in given.items() if value != default}


def _comment(told: str) -> str:
    return textwrap.fill(
        one_line(told), _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False
    )


def _stream(name: str, values: Sequence[int]) -> str:
    told = f"    {json.dumps(name)}: {json.dumps(values)},"
    return textwrap.fill(told, _WIDTH, subsequent_indent=" " * 8, break_on_hyphens=False)


def check_choices(
    choices: Mapping[str, Sequence[int]],
    *,
    swarm: int,
    size: str = "mixed",
    mutant: str = "",
    mode: str = "step",
) -> None:
    """Run these choices; every oracle must pass.

    Args:
        choices: by stream, as a tape's file has them: -k stands for k zeros.
        swarm: `SWARM_VERSION` of the swarm that drew them.
        size: of the swarm.
        mutant: the protocol mutant that is planted; empty: none.
        mode: of the tape.

    Raises:
        UsageError: the swarm draws otherwise now; the choices are damaged.
        AssertionError: an oracle found something.
    """
    if swarm != SWARM_VERSION:
        told = (
            f"these choices were made for version {swarm} of the swarm, and this is version {SWARM_VERSION}"
        )
        raise UsageError(f"{told}: find the failure anew, or drop the test")
    packed = {name: list(values) for name, values in choices.items()}
    tape = Tape.from_json({**Tape(given={}, mode=mode).as_json(), "streams": packed})
    policy = "seeded" if mode == "batch" else "fifo"
    verdict = run_episode(SeedJob(0, policy, mutant, size), tape).verdict()
    if not verdict.passed:
        raise AssertionError(f"{verdict.oracle}: {verdict.detail}")
