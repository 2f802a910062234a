"""`lparvm stress --explore`: the protocol's state space."""

from collections.abc import Iterator

import click

from lparvm.stress.statespace.explorer import Exploration
from lparvm.stress.statespace.report import Explored, explorations, report_lines

ALL = "all"


def run(name: str) -> int:
    """Explore a configuration, or all that take seconds, and print the counts; returns the exit code.

    Raises:
        UsageError: there is no such configuration.
    """
    explored: list[Exploration] = []
    chosen = explorations(() if name == ALL else (name,))

    def one_by_one() -> Iterator[Explored]:
        for configuration, found in chosen:
            explored.append(found)
            yield configuration, found

    for line in report_lines(one_by_one()):
        click.echo(line)
    return 0 if all(found.holds for found in explored) else 1
