"""The function that runs a seed, found by its dotted name, and the probes that it knows.

The module of a runner names in `PROBES` the rare situations that its seeds can reach. Only so can be told which of them
were never reached.
"""

import importlib
from collections.abc import Callable
from types import ModuleType

from lparvm.errors import UsageError
from lparvm.stress.verdict import SeedJob, SeedVerdict

Runner = Callable[[SeedJob], SeedVerdict]


def load_runner(name: str) -> Runner:
    """The function `module:function`.

    Raises:
        UsageError: there is none.
    """
    module, attribute = _module(name), name.partition(":")[2]
    runner = getattr(module, attribute, None)
    if not callable(runner):
        raise UsageError(f"runner {name!r}: {module.__name__} has no function {attribute!r}")
    return runner  # type: ignore[no-any-return]  # what it gives is checked for each seed


def known_probes(name: str) -> tuple[str, ...]:
    """The probes that a runner knows, by name.

    Raises:
        UsageError: there is no such runner.
    """
    return tuple(sorted(getattr(_module(name), "PROBES", ())))


def _module(name: str) -> ModuleType:
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute.isidentifier()):
        raise UsageError(f"runner {name!r}: expected module:function")
    try:
        return importlib.import_module(module)
    except (
        ImportError,
        ValueError,
        TypeError,
    ) as error:  # the others: a name that is no module's, such as `..`
        raise UsageError(f"runner {name!r}: {error}") from error
