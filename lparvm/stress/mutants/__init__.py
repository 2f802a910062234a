"""Protocol mutants: machines with one small, plausible programming error each, for the gauntlet.

    mutant.py      what a mutant is, and how it is planted
    tables.py      the relocation's table with another row
    stopping.py    201            quiescing.py   202              sale.py         203, and SALE
    moving.py      204 to 209     restarting.py  210              cancelling.py   CANCEL, and the way back
    channel.py     starts, endings and interruptions              lifecycle.py    all around it

A mutant that behaves as the machine does, whatever happens, is none: each has a scenario in the tests in which what
it breaks is seen.
"""

import difflib
from collections.abc import Mapping
from types import MappingProxyType

from lparvm.errors import UsageError
from lparvm.stress.mutants import (
    cancelling,
    channel,
    lifecycle,
    moving,
    quiescing,
    restarting,
    sale,
    stopping,
)
from lparvm.stress.mutants.mutant import Mutant, Patch

__all__ = ["MUTANTS", "Mutant", "Patch", "find_mutant"]

_GROUPS = (stopping, quiescing, sale, moving, restarting, cancelling, channel, lifecycle)

MUTANTS: Mapping[str, Mutant] = MappingProxyType(
    {mutant.name: mutant for group in _GROUPS for mutant in group.MUTANTS}
)
"""By name, in the order of the steps."""


def find_mutant(name: str) -> Mutant:
    """The mutant of a name.

    Raises:
        UsageError: there is none; it names those that are meant perhaps, or all.
    """
    mutant = MUTANTS.get(name)
    if mutant is None:
        known = difflib.get_close_matches(name, MUTANTS) or MUTANTS
        raise UsageError(f"there is no mutant '{name}'; expected one of {', '.join(known)}")
    return mutant
