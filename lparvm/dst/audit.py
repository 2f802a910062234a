"""Audit: is a program deterministic? It is run in two processes with two hash seeds, and they must do the same.

What breaks determinism is seldom what one looks for: a thread, a clock, a set of objects that is iterated over, an
`id()` in a sort key, a generator without a seed. The first step, or the first line of `note`, that differs tells where.
"""

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from typing import IO, Any

from attrs import frozen

from lparvm.dst.scheduler import Chaos
from lparvm.dst.simulation import run
from lparvm.errors import UsageError

HASH_SEEDS = ("1", "2")
AUDIT_CHAOS = Chaos(jumps=20, freezes=20)

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
        one, other = self.one or "the end", self.other or "the end"
        return f"line {self.line}: {one!r} with one hash seed, {other!r} with another"


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
    code = f"import sys; from {__name__} import main; main(sys.argv[1:])"
    return audit_commands([sys.executable, "-c", code, program, policy, str(seed)])


def audit_commands(command: Sequence[str]) -> Audit:
    """Run a command in two processes with two hash seeds, and compare the lines that they print.

    Raises:
        UsageError: one of them failed.
    """
    processes = [_start(command, seed) for seed in HASH_SEEDS]
    lines, difference = 0, None
    for one, other in zip_longest(*(_lines(process.stdout) for process in processes)):
        lines += 1
        if one != other:
            difference = Difference(lines, one, other)
            break
    for process in processes:
        if difference is not None:
            process.kill()
        _, told = process.communicate()
        if process.returncode and difference is None:
            last = told.strip().splitlines()[-1:] or ["nothing was told"]
            raise UsageError(f"audit: a run ended with {process.returncode}: {last[0]}")
    return Audit(lines, difference)


def _start(command: Sequence[str], hash_seed: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(  # noqa: S603 - the caller's own command
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
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
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"program {program!r}: {error}; expected module:function") from None
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
    # Another layout of memory in each process: what depends on addresses shows.
    ballast = [bytearray(64 + number) for number in range(int(os.environ.get("PYTHONHASHSEED", "0")) * 1000)]
    follow(find(program), policy, int(seed), sys.stdout)
    del ballast
