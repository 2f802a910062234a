"""Explores configurations one after another, and tells what came of them."""

from collections.abc import Iterable, Iterator, Sequence

from lparvm.stress.statespace.configuration import Configuration
from lparvm.stress.statespace.configurations import CONFIGURATIONS, find_configuration
from lparvm.stress.statespace.explore import explore
from lparvm.stress.statespace.explorer import Exploration

Explored = tuple[Configuration, Exploration]
_HEAD = f"{'configuration':<24}{'states':>10}{'transitions':>13}{'depth':>7}{'at rest':>9}  "


def explorations(names: Sequence[str] = (), *, large: bool = False) -> Iterator[Explored]:
    """Explore, one by one, each when it is asked for.

    Args:
        names: of configurations; none: all, without those that take long.
        large: those that take long as well.

    Raises:
        UsageError: there is no configuration of a name.
    """
    chosen = [find_configuration(name) for name in names]
    chosen = chosen or [one for one in CONFIGURATIONS.values() if large or not one.large]
    return ((one, explore(one)) for one in chosen)


def report_lines(explored: Iterable[Explored] | None = None) -> Iterator[str]:
    """A table, line by line as configurations are explored; a violation is told with the shortest way to it.

    Args:
        explored: from `explorations`; None: of all that don't take long.
    """
    yield _HEAD.rstrip()
    count = wrong = 0
    for configuration, found in explorations() if explored is None else explored:
        count += 1
        wrong += not found.holds
        yield _line(configuration, found)
        for violation in found.violations:
            yield f"  {violation.kind}: {violation.text}"
            yield from (f"  {number:>4}  {step}" for number, step in enumerate(violation.story, 1))
    verdict = "every invariant holds" if not wrong else f"{wrong} of them do not hold"
    yield f"{count} configurations: {verdict}"


def _line(configuration: Configuration, found: Exploration) -> str:
    counts = f"{found.states:>10,}{found.transitions:>13,}{found.depth:>7}{found.at_rest:>9,}"
    verdict = "holds" if found.holds else "violated" if found.violations else "not all states were looked at"
    return f"{configuration.name:<24}{counts}  {verdict}"
