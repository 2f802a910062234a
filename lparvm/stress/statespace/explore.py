"""Explores a configuration."""

from lparvm.assembly import Parts
from lparvm.config import STATESPACE_STATES_MAX
from lparvm.stress.statespace.configuration import Configuration
from lparvm.stress.statespace.explorer import Exploration, Explorer
from lparvm.stress.statespace.invariants import Invariants
from lparvm.stress.statespace.model import parts_of
from lparvm.stress.statespace.space import Space

REAL = Parts()


def explore(
    configuration: Configuration,
    parts: Parts = REAL,
    *,
    reduced: bool = True,
    states_max: int = STATESPACE_STATES_MAX,
) -> Exploration:
    """Look at every state that a configuration can come to.

    Args:
        configuration: the machine, its commands and what may befall it.
        parts: the actors; with an error that was planted in one, to see that it is found.
        reduced: leave out orders of independent steps that lead to the same; see `space`.
        states_max: where the search gives up.

    Raises:
        UsageError: a command of the configuration is none, or not one operation.
    """
    invariants = Invariants(configuration)
    space = Space(parts_of(configuration, parts), pairwise=configuration.pairwise, reduced=reduced)
    return Explorer(space, invariants.check, invariants.check_at_rest, states_max).run()
