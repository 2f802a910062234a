"""Verdicts and chunks as lines of JSON: between processes and machines, and in results files."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args, get_type_hints

import orjson
from attrs import asdict, evolve

from lparvm.config import CAMPAIGN_LINE_BYTES_MAX
from lparvm.stress.verdict import CRASHED, FAILED, PASSED, SeedJob, SeedVerdict

LINE_BEGIN = b'{"seed":'
"""How a line begins that `verdict_line` has written."""

# Kinds of faults may be members of an enumeration, which are written as their values.
_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS


def _is_counts(value: Any) -> bool:
    return type(value) is dict and all(type(one) is int for one in value.values())


def _check(hint: Any) -> Callable[[Any], bool]:
    """Whether a value is what a field of this type holds. Nothing is converted: true is no number."""
    if hint in (int, str, float, bool):
        return lambda value: type(value) is hint
    if hint == Mapping[str, int]:
        return _is_counts
    assert type(None) in get_args(hint), f"say how {hint} is read"
    return lambda value: value is None or type(value) is dict


_CHECKS = {name: _check(hint) for name, hint in get_type_hints(SeedVerdict).items()}


def verdict_line(verdict: SeedVerdict) -> bytes:
    """One line, with its end.

    Raises:
        TypeError: it holds what JSON can't.
    """
    line = orjson.dumps(verdict.as_json(), option=_OPTIONS)
    if len(line) <= CAMPAIGN_LINE_BYTES_MAX:
        return line
    return orjson.dumps(evolve(verdict, tape=None).as_json(), option=_OPTIONS)


def read_verdict(line: bytes) -> SeedVerdict:
    """The verdict of a line.

    Raises:
        ValueError: it is no line that `verdict_line` writes.
    """
    read = orjson.loads(line)
    if type(read) is not dict or read.keys() != _CHECKS.keys():
        raise ValueError("not the fields of a verdict")
    for name, check in _CHECKS.items():
        if not check(read[name]):
            raise ValueError(f"{name} is {read[name]!r:.60}")
    verdict = SeedVerdict(**read)
    if problem := _problem(verdict):
        raise ValueError(problem)
    return verdict


def _problem(verdict: SeedVerdict) -> str:
    """What no seed comes to."""
    if verdict.verdict not in (PASSED, FAILED, CRASHED):
        return f"verdict is {verdict.verdict!r:.60}"
    if (
        verdict.seed < 0
        or min(verdict.steps, verdict.virtual_ns, verdict.relocations, verdict.operations) < 0
    ):
        return "a number below 0"
    if not re.fullmatch("[0-9a-f]*", verdict.digest):
        return f"digest is {verdict.digest!r:.80}"
    return ""


def jobs_line(jobs: Sequence[SeedJob]) -> bytes:
    """Seeds to be run, as one line with its end."""
    return orjson.dumps([asdict(job) for job in jobs], option=orjson.OPT_APPEND_NEWLINE)


def read_jobs(line: bytes) -> tuple[SeedJob, ...]:
    """The seeds of a line."""
    return tuple(SeedJob(**one) for one in orjson.loads(line))
