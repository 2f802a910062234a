"""From a command to the order for LPAR control: pure.

Sizes become frames here, so what is no multiple of 4096 is refused here; and so is an LPAR that is to make
room for itself. Everything else is judged by LPAR control.
"""

from collections.abc import Callable

from lparvm.arch.address import PAGE_BYTES
from lparvm.protocol import commands as c
from lparvm.protocol import messages as m
from lparvm.protocol.results import Outcome, Result
from lparvm.protocol.targets import Hsa
from lparvm.units import format_size

Order = (
    m.MoveStorage
    | m.ExchangeStorage
    | m.ExpandStorage
    | m.ShrinkStorage
    | m.DefineLpar
    | m.ActivateLpar
    | m.DeactivateLpar
    | m.LoadLpar
    | m.HoldLpar
    | m.UnholdLpar
)

_VERBS: dict[str, Callable[[str, str], Order]] = {
    "ACTIVATE": m.ActivateLpar,
    "DEACTIVATE": m.DeactivateLpar,
    "STOP": m.HoldLpar,
    "START": m.UnholdLpar,
}


def refusal(command: c.Command) -> Outcome | None:
    """Why a command can't be given to LPAR control; None where it can."""
    for lpar, origin_bytes in _origins(command):
        if origin_bytes % PAGE_BYTES:
            return Outcome(Result.NOT_ON_PAGE, {"lpar": lpar, "target": format_size(origin_bytes)})
    if isinstance(command, c.MoveStor) and command.expand and command.expand.lpar == command.lpar:
        return Outcome(Result.SAME_LPAR, {"lpar": command.lpar})
    for lpar, size_bytes in _sizes(command):
        if size_bytes % PAGE_BYTES:
            problem = f"no multiple of {PAGE_BYTES}"
            values = {"lpar": lpar, "size": format_size(size_bytes), "problem": problem}
            return Outcome(Result.WRONG_SIZE, dict(values))
    return None


def _origins(command: c.Command) -> list[tuple[str, int]]:
    """The main storage origins that a command names, in bytes, and whose they are."""
    match command:
        case c.MoveStor(lpar=lpar, target=Hsa(origin_bytes=origin_bytes)):
            return [(lpar, origin_bytes)]
        case c.Define(lpar=lpar, origin_bytes=int() as origin_bytes):
            return [(lpar, origin_bytes)]
    return []


def _sizes(command: c.Command) -> list[tuple[str, int]]:
    """The sizes that a command names, in bytes, and what is to have them."""
    match command:
        case c.MoveStor(expand=c.Expansion(lpar=lpar, size_bytes=int() as size_bytes)):
            return [(lpar, size_bytes)]
        case c.Resize(lpar=lpar, size_bytes=size_bytes) | c.Define(lpar=lpar, size_bytes=size_bytes):
            return [(lpar, size_bytes)]
        case c.Plan(lpar=named, size_bytes=size_bytes):
            return [("PLAN FREE" if named is None else named, size_bytes)]
    return []


def order_of(op: str, command: c.Command) -> Order | None:
    """The order for LPAR control under the operation `op`, of a command that `refusal` does not refuse.

    None where there is none such: the command is made of several operations, or is not LPAR control's.
    """
    match command:
        case c.MoveStor() if command.expand is None:
            return move_of(op, command)
        case c.ExchangeStor(first, second, quiesce_ns, busy, test):
            return m.ExchangeStorage(op, first, second, quiesce_ns=quiesce_ns, busy=busy, test=test)
        case c.Resize(verb, lpar, size_bytes):
            resize = m.ExpandStorage if verb == "EXPAND" else m.ShrinkStorage
            return resize(op, lpar, size_bytes // PAGE_BYTES)
        case c.Define() | c.Ipl() | c.LparVerb():
            return _lpar_order(op, command)
    return None


def _lpar_order(op: str, command: c.Define | c.Ipl | c.LparVerb) -> Order:
    """The coming and going of LPARs and their guests."""
    match command:
        case c.Define(lpar, size_bytes, origin_bytes, lips, guest, devices):
            origin_frame = None if origin_bytes is None else origin_bytes // PAGE_BYTES
            return m.DefineLpar(op, lpar, size_bytes // PAGE_BYTES, origin_frame, lips, guest, devices)
        case c.Ipl(lpar, guest, device):
            return m.LoadLpar(op, lpar, guest, device)
        case c.LparVerb(verb, lpar):
            return _VERBS[verb](op, lpar)


def move_of(op: str, command: c.MoveStor) -> m.MoveStorage:
    """The move itself, without what is to come after it."""
    return m.MoveStorage(
        op, command.lpar, command.target, command.stop_ns, command.quiesce_ns, command.busy, command.test
    )
