"""The guests that a scenario can name: the built-in ones, and anyone's own as `package.module:Class`."""

import importlib
import traceback

from attrs import frozen

from lparvm.errors import UsageError
from lparvm.guests.base import Guest
from lparvm.guests.chain import Chain
from lparvm.guests.copier import Copier
from lparvm.guests.hammer import Hammer
from lparvm.guests.idle import Idle
from lparvm.guests.journal import Journal
from lparvm.guests.ledger import Ledger
from lparvm.guests.pager import Pager
from lparvm.guests.sharer import Sharer
from lparvm.guests.swapper import Swapper
from lparvm.guests.typist import Typist
from lparvm.options import SEED, Option


@frozen
class GuestEntry:
    """What `lparvm guests` tells about a built-in guest.

    Attributes:
        name: its name in a scenario.
        guest: its class.
    """

    name: str
    guest: type[Guest]

    @property
    def summary(self) -> str:
        """One sentence."""
        return (self.guest.__doc__ or "").strip().splitlines()[0]

    @property
    def options(self) -> tuple[Option, ...]:
        """All options it takes."""
        return (*self.guest.OPTIONS, SEED)


GUESTS: dict[str, GuestEntry] = {
    name: GuestEntry(name, guest)
    for name, guest in (
        ("hammer", Hammer), ("ledger", Ledger), ("chain", Chain), ("journal", Journal), ("pager", Pager),
        ("copier", Copier), ("sharer", Sharer), ("typist", Typist), ("swapper", Swapper),
        ("idle", Idle),
    )
}  # fmt: skip

EXPECTED = f"one of {', '.join(GUESTS)}, or 'package.module:Class' of a Guest"


def load_guest(name: str) -> type[Guest]:
    """The class of a guest.

    Args:
        name: a built-in name, or `package.module:Class`; the module must be importable.

    Raises:
        UsageError: there is no such guest, its module fails, or it is no subclass of `Guest`.
    """
    entry = GUESTS.get(name)
    if entry is not None:
        return entry.guest
    module_name, colon, class_name = name.partition(":")
    if not colon or not class_name.isidentifier() or not _is_module_name(module_name):
        raise UsageError(f"guest '{name}': unknown; expected {EXPECTED}")
    found = getattr(_import(name, module_name), class_name, None)
    if found is None:
        raise UsageError(f"guest '{name}': module {module_name} has no {class_name}; expected a class there")
    if not isinstance(found, type) or not issubclass(found, Guest):
        raise UsageError(f"guest '{name}': {class_name} is no guest; expected a subclass of PythonGuest")
    missing = sorted(getattr(found, "__abstractmethods__", ()))
    if missing:
        raise UsageError(f"guest '{name}': {class_name} lacks {', '.join(missing)}; expected a whole guest")
    return found


def _is_module_name(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))


def _import(guest: str, module_name: str) -> object:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and (module_name + ".").startswith(error.name + "."):
            problem = f"guest '{guest}': there is no module {error.name}; expected one that Python can import"
            raise UsageError(problem) from None
        raise _import_failure(guest, module_name, error) from error
    except Exception as error:
        raise _import_failure(guest, module_name, error) from error


def _import_failure(guest: str, module_name: str, error: Exception) -> UsageError:
    """An error of the module's own: its last line, and where it arose."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    file_name, line = frame.filename, frame.lineno
    if isinstance(error, SyntaxError):
        file_name, line = error.filename or file_name, error.lineno
    text = " ".join(traceback.format_exception_only(error)[-1].split())
    problem = f"importing {module_name} failed: {text} ({file_name}:{line})"
    return UsageError(f"guest '{guest}': {problem}; expected it to import")
