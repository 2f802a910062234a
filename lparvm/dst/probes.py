"""Probes: rare situations that a campaign must have reached, or it has shown nothing about them.

A program says `sometimes("the timeout tied with the answer")` where that is so; whoever runs it collects how often.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

_ledgers: list[Counter[str]] = []


def sometimes(name: str, condition: bool = True) -> None:
    """This situation was reached, where the condition holds. Costs nothing to speak of where nobody collects."""
    if _ledgers and condition:
        _ledgers[-1][name] += 1


@contextmanager
def collected() -> Iterator[Counter[str]]:
    """Within it, count what is reached."""
    ledger: Counter[str] = Counter()
    _ledgers.append(ledger)
    try:
        yield ledger
    finally:
        _ledgers.pop()
