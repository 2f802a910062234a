"""What a campaign is, and what an engine is: chunks of seeds go out, outcomes come back."""

import re
from collections.abc import Iterator, Sequence
from typing import Protocol

from attrs import frozen

from lparvm.config import CAMPAIGN_SEEDS_MAX
from lparvm.errors import UsageError
from lparvm.stress.verdict import SeedJob, SeedVerdict

DEFAULT_RUNNER = "lparvm.stress.episode.run:run_job"
MIX = "mix"
SEED_MAX = 2**63 - 1

_SEEDS = re.compile(r"(\d+):(\d+)", re.ASCII)


@frozen
class Campaign:
    """Which seeds, and how they are run.

    Attributes:
        first: the first seed.
        end: the seed behind the last; None: seeds go on until the time is over.
        policy: how tasks are scheduled: `mix`, or one of `dst.policies`.
        mutant: name of the protocol mutant; empty: none.
        size: name of the swarm's size.
        time_limit_ns: after so much real time no further seed is begun; None: there is no limit.
        runner: dotted name of the function that runs a seed, `module:function`.
    """

    first: int = 0
    end: int | None = 100
    policy: str = MIX
    mutant: str = ""
    size: str = "mixed"
    time_limit_ns: int | None = None
    runner: str = DEFAULT_RUNNER

    @property
    def bound(self) -> int:
        """The seed behind the last that this campaign can come to."""
        return min(self.first + CAMPAIGN_SEEDS_MAX, SEED_MAX) if self.end is None else self.end

    def jobs(self) -> Iterator[SeedJob]:
        """All seeds, in order."""
        for seed in range(self.first, self.bound):
            yield SeedJob(seed, self.policy, self.mutant, self.size)


def parse_seeds(text: str) -> tuple[int, int]:
    """First seed and the seed behind the last, of a text such as `0:100`.

    Raises:
        UsageError: it is none, it is empty, or there are too many.
    """
    match = _SEEDS.fullmatch(text.strip())
    expected = "expected FIRST:END, such as 0:100 for 0 to 99"
    if match is None:
        raise UsageError(f"seeds {text!r}: {expected}")
    first, end = (int(match[place]) if len(match[place]) < 20 else SEED_MAX + 1 for place in (1, 2))
    if end > SEED_MAX:
        raise UsageError(f"seeds {text!r}: too large; expected seeds up to {SEED_MAX}")
    if first >= end:
        raise UsageError(f"seeds {text!r}: none between them; {expected}")
    if end - first > CAMPAIGN_SEEDS_MAX:
        raise UsageError(f"seeds {text!r}: {end - first} seeds; expected {CAMPAIGN_SEEDS_MAX} at most")
    return first, end


def check_policy(text: str) -> str:
    """The policy, as `parse_policy` writes it.

    Raises:
        UsageError: there is none of this name.
    """
    from lparvm.dst.policies import EXPECTED, parse_policy  # noqa: PLC0415 - trio, which only workers need

    try:
        return text if text == MIX else str(parse_policy(text))
    except UsageError:
        raise UsageError(f"policy {text!r}: expected {MIX}, {EXPECTED}") from None


@frozen
class Chunk:
    """Seeds that go out together.

    Attributes:
        jobs: the seeds, in the order in which they are to be run.
        alone: it is one seed, tried again because its worker was lost.
    """

    jobs: tuple[SeedJob, ...]
    alone: bool = False


@frozen
class Loss:
    """Why a worker was lost.

    Attributes:
        oracle: what stands as the oracle in the seed's verdict: `worker-died` or `worker-hung`.
        detail: one line.
    """

    oracle: str
    detail: str


WORKER_DIED = "worker-died"
WORKER_HUNG = "worker-hung"


@frozen
class Outcome:
    """What came of a chunk.

    Attributes:
        chunk: the chunk.
        verdicts: of its seeds, in their order; all of them, unless the worker was lost.
        loss: why the worker was lost; None: it was not.
    """

    chunk: Chunk
    verdicts: tuple[SeedVerdict, ...]
    loss: Loss | None = None

    @property
    def missing(self) -> tuple[SeedJob, ...]:
        """Seeds without a verdict."""
        return self.chunk.jobs[len(self.verdicts) :]


class Engine(Protocol):
    """What runs chunks, several at a time. Whoever starts a chunk gets exactly one outcome of it."""

    @property
    def name(self) -> str:
        """As on the command line."""

    @property
    def slots(self) -> int:
        """How many chunks may be under way."""

    @property
    def aim_s(self) -> float:
        """How long a chunk should take, in seconds."""

    def start(self, chunk: Chunk) -> None:
        """Begin a chunk; at most `slots` of them may be under way."""

    def finished(self, timeout_s: float) -> Sequence[Outcome]:
        """Outcomes that are there, after waiting for one so long at most.

        Raises:
            UsageError: no worker can run the campaign at all.
        """
