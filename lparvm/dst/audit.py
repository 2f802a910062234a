"""Audit: is a program deterministic? It is run in two processes with two hash seeds, and they must do the same.

What breaks determinism is seldom what one looks for: a thread, a clock, a set of objects that is iterated over, an
`id()` in a sort key, a generator without a seed. The first step, or the first line of `note`, that differs tells where.
"""

import importlib
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import zip_longest
from typing import IO, Any

from attrs import frozen

from lparvm.dst.policies import parse_policy
from lparvm.dst.simulation import run
from lparvm.dst.windows import Chaos
from lparvm.errors import UsageError

HASH_SEEDS = ("1", "2")
AUDIT_CHAOS = Chaos(jumps=20, freezes=20)
_BLOCKS = 500

_listeners: list[Callable[[str], None]] = []


def note(text: str) -> None:
    """Something the program did, for an audit to compare. Costs nothing to speak of where nobody audits."""
    for listener in _listeners:
        listener(text)


@frozen
class Difference:
    """The first line that differs.

    Attributes:
        line: its number, from 1.
        one: what the first process did there; None: it had ended.
        other: the second.
    """

    line: int
    one: str | None
    other: str | None

    def __str__(self) -> str:
        one, other = ("the end" if told is None else repr(told) for told in (self.one, self.other))
        return f"line {self.line}: {one} with one hash seed, {other} with another"


@frozen
class Audit:
    """What an audit came to.

    Attributes:
        lines: how many lines were compared.
        difference: the first that differs; None: none does.
    """

    lines: int
    difference: Difference | None


def audit(program: str, policy: str = "walk", seed: int = 0) -> Audit:
    """Run `module:function`, a program as `run` takes it, in two processes, and compare all they do.

    Raises:
        UsageError: there is no such function, or a process failed to run it.
    """
    find(program)
    parse_policy(policy)
    code = f"import sys; from {__name__} import main; main(sys.argv[1:])"
    return audit_commands([sys.executable, "-c", code, program, policy, str(seed)])


def audit_commands(command: Sequence[str]) -> Audit:
    """Run a command in two processes with two hash seeds, and compare the lines that they print.

    Raises:
        UsageError: one of them failed, and they don't differ before.
    """
    lines, difference = 0, None
    with ExitStack() as stack:
        # Complaints go to files: a pipe that nobody reads would stop who writes to it.
        complaints = [stack.enter_context(tempfile.TemporaryFile("w+", errors="replace")) for _ in HASH_SEEDS]
        processes = [
            stack.enter_context(_start(command, seed, told))
            for seed, told in zip(HASH_SEEDS, complaints, strict=True)
        ]
        for one, other in zip_longest(*(_lines(process.stdout) for process in processes)):
            lines += 1
            if one != other:
                difference = Difference(lines, one, other)
                break
        for process, told in zip(processes, complaints, strict=True):
            if difference is not None:
                process.kill()
            elif process.wait():
                told.seek(0)
                last = told.read().strip().splitlines()[-1:] or ["nothing was told"]
                raise UsageError(f"audit: a run ended with {process.returncode}: {last[0]}")
    return Audit(lines, difference)


def _start(command: Sequence[str], hash_seed: str, complaints: IO[str]) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(  # noqa: S603 - the caller's own command
        command, env=environment, stdout=subprocess.PIPE, stderr=complaints, text=True, errors="replace"
    )


def _lines(stream: IO[str] | None) -> Iterator[str]:
    assert stream is not None, "it is a pipe"
    for line in stream:
        yield line.rstrip("\n")


def find(program: str) -> Any:
    """The function that `module:function` names.

    Raises:
        UsageError: there is none.
    """
    module, _, name = program.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:  # noqa: BLE001 - a module may raise whatever it likes
        raise UsageError(f"program {program!r}: {error}; expected module:function") from None
    if not callable(found):
        raise UsageError(f"program {program!r}: it can't be called; expected module:function")
    return found


def follow(program: Callable[..., Any], policy: str, seed: int, out: IO[str]) -> None:
    """Run a program, and print each step, each note, and how it ended."""

    def step(number: int, task: str, now_s: float) -> None:
        print(f"step {number} {now_s!r} {task}", file=out)

    def noted(text: str) -> None:
        print(f"note {text}", file=out)

    _listeners.append(noted)
    try:
        ended = run(program, policy, seed, chaos=AUDIT_CHAOS, listener=step)
    finally:
        _listeners.remove(noted)
    print(f"end {ended.steps} {ended.virtual_s!r} {ended.error!r} {ended.tape.choices}", file=out)


def main(arguments: Sequence[str]) -> None:
    """One of the two processes: `module:function`, policy and seed; prints all that the run does."""
    program, policy, seed = arguments
    kept = scatter_memory(int(os.environ.get("PYTHONHASHSEED", "0")))
    follow(find(program), policy, int(seed), sys.stdout)
    del kept


def scatter_memory(seed: int) -> list[bytes]:
    """Make holes of all sizes in memory, in an order of the seed's: what depends on addresses shows."""
    blocks = [bytes(size) for _ in range(_BLOCKS) for size in range(8, 512, 16)]
    random.Random(seed).shuffle(blocks)
    kept = blocks[: len(blocks) // 2]
    while blocks:
        blocks.pop()  # each place that becomes free is the next to be used
    return kept
