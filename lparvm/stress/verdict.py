"""What one seed of a campaign came to: plain data, the same on every engine and machine."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import Factory, asdict, frozen

PASSED = "passed"
FAILED = "failed"
CRASHED = "crashed"

SIZES = ("small", "mixed")
"""Of the machines that the swarm draws."""


@frozen
class SeedJob:
    """One seed to be run.

    Attributes:
        seed: draws everything.
        policy: how tasks are scheduled: `mix`, or one of `dst.policies`.
        mutant: name of the protocol mutant; empty: none.
        size: name of the swarm's size, one of `SIZES`.
    """

    seed: int
    policy: str = "mix"
    mutant: str = ""
    size: str = "mixed"


@frozen
class SeedVerdict:
    """What it came to.

    Attributes:
        seed: the seed.
        policy: the policy that was used; where `mix` was asked for, the one that it chose.
        verdict: `passed`, `failed` (an oracle found something), `crashed` (the worker process died, or lparvm failed).
        oracle: the oracle that found it, such as `guest-data`, `rule:no-access-while-stopped`, `invisibility`.
        detail: one line, what it found.
        digest: SHA-256, hex, of the events of the run.
        steps: steps of the scheduler.
        virtual_ns: virtual time that passed.
        relocations: moves and exchanges that completed.
        operations: commands that were answered.
        faults: faults that struck, by kind.
        probes: how often each probe was reached; those never reached are left out.
        tape: of a failure, the choices (`dst.Tape.as_json`); None otherwise.
    """

    seed: int
    policy: str
    verdict: str
    oracle: str = ""
    detail: str = ""
    digest: str = ""
    steps: int = 0
    virtual_ns: int = 0
    relocations: int = 0
    operations: int = 0
    faults: Mapping[str, int] = Factory(dict)
    probes: Mapping[str, int] = Factory(dict)
    tape: Mapping[str, Any] | None = None

    @property
    def passed(self) -> bool:
        """Whether nothing was found."""
        return self.verdict == PASSED

    def as_json(self) -> dict[str, Any]:
        """As a line of a results file."""
        return asdict(self)


def campaign_digest(verdicts: Iterable[SeedVerdict]) -> str:
    """One digest of a campaign: of each seed its verdict and its run's digest, by seed."""
    digest = hashlib.sha256()
    for one in sorted(verdicts, key=lambda verdict: verdict.seed):
        digest.update(f"{one.seed} {one.policy} {one.verdict} {one.oracle} {one.digest}\n".encode())
    return digest.hexdigest()
