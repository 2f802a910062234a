"""Runners for tests of campaigns: what each seed comes to is a function of the seed alone, or of a planted fault."""

import ctypes
import hashlib
import os
import signal
import sys
from pathlib import Path

from lparvm.stress.verdict import FAILED, PASSED, SeedJob, SeedVerdict

PROBES = ("a tie", "never seen")
POLICIES = ("walk", "pct:3", "fifo")


def passing(job: SeedJob) -> SeedVerdict:
    """Passes; the digest tells the hash seed's influence, if there were any."""
    digest = hashlib.sha256(f"{job} {hash('word')} {os.environ['PYTHONHASHSEED']}".encode()).hexdigest()
    policy = POLICIES[job.seed % 3] if job.policy == "mix" else job.policy
    return SeedVerdict(
        job.seed, policy, PASSED, digest=digest, steps=100 + job.seed, virtual_ns=2_000_000_000, relocations=3,
        operations=5, faults={"late": 1, "lost": job.seed % 2}, probes={"a tie": 1} if job.seed % 4 == 0 else {},
    )  # fmt: skip


def failing(job: SeedJob) -> SeedVerdict:
    """Each seventh seed fails, and has a tape."""
    if job.seed % 7 != 5:
        return passing(job)
    tape = {
        "format": "lparvm.dst tape",
        "version": 1,
        "mode": "step",
        "streams": {"devices": [job.seed, -3, 1]},
    }
    detail = "page 3 of LPAR <b>A</b> & co:\n expected 1, found 2"
    return SeedVerdict(job.seed, "walk", FAILED, "guest-data", detail, "0" * 64, tape=tape)


def leaving(job: SeedJob) -> SeedVerdict:
    """Seed 4 ends the process."""
    if job.seed == 4:
        os._exit(7)
    return passing(job)


def killed(job: SeedJob) -> SeedVerdict:
    """Seed 4 is killed, as by a kernel that is out of memory."""
    if job.seed == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return passing(job)


def segfaulting(job: SeedJob) -> SeedVerdict:
    """Seed 4 reads address 0."""
    if job.seed == 4:
        ctypes.string_at(0)
    return passing(job)


def hanging(job: SeedJob) -> SeedVerdict:
    """Seed 4 never ends."""
    while job.seed == 4:
        signal.pause()
    return passing(job)


def odd(job: SeedJob) -> SeedVerdict:
    """Seed 4 raises, seed 5 gives another seed's verdict, seed 6 what is none; seed 7 writes, and reads."""
    if job.seed == 4:
        raise RuntimeError("a fault of\nthe runner itself")
    if job.seed == 5:
        return passing(SeedJob(6))
    if job.seed == 6:
        return None
    if job.seed == 7:
        sys.stdout.write('{"seed":1}\n')
        os.write(1, b'{"seed":1}\n')
        sys.stderr.write("words " * 10_000)
        assert sys.stdin.read() == "", "a seed has no input"
    return passing(job)


def once_killed(job: SeedJob) -> SeedVerdict:
    """Seed 4 is killed the first time only; where that was noted, it passes."""
    marker = Path(os.environ["FAKE_RUNNER_MARKER"])
    if job.seed == 4 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return passing(job)


def kills_its_parent_once(job: SeedJob) -> SeedVerdict:
    """Seed 4 kills the process that started its worker, the first time only."""
    marker = Path(os.environ["FAKE_RUNNER_MARKER"])
    if job.seed == 4 and not marker.exists():
        marker.touch()
        os.kill(os.getppid(), signal.SIGKILL)
    return passing(job)


NOT_CALLABLE = 1
