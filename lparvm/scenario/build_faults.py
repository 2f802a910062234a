"""The moments and faults of a scenario file, compared with its machine."""

from collections.abc import Callable, Collection

from lparvm.arch.address import PAGE_BYTES, PAGE_SHIFT
from lparvm.errors import ScenarioError
from lparvm.protocol.phases import Phase
from lparvm.scenario.errors import WrongValue, choice, show
from lparvm.scenario.model import FaultConfig, FaultKind, Moment
from lparvm.scenario.toml_form import FaultTable, WhenTable
from lparvm.scenario.values import read_size
from lparvm.units import format_size

Wrong = Callable[..., ScenarioError]

_PHASES = tuple(str(phase) for phase in Phase)
_A_TIME = (
    "a time from the start, such as 1s, or when an operation is so far: when = { phase = ..., page = ... }"
)


def build_fault(
    wrong: Wrong,
    key: str,
    table: FaultTable,
    *,
    frames: int,
    iops: Collection[str],
    lips: Collection[str],
    lpars: Collection[str],
) -> FaultConfig:
    """A fault.

    Raises:
        ScenarioError: something in it does not fit.
    """
    kinds = [str(kind) for kind in FaultKind]
    if table.kind not in kinds:
        problem = f"there is no kind of fault '{table.kind}'"
        raise wrong(f"{key}.kind", problem, choice(table.kind, kinds))
    kind = FaultKind(table.kind)
    when = build_moment(wrong, key, table.at, table.when, lpars)
    if kind is FaultKind.MOVER and (when is None or when.page is None):
        raise wrong(f"{key}.when.page", "is missing", "after how many pages the mover fails")
    target, address = _target(wrong, key, kind, table, frames=frames, iops=iops, lips=lips)
    if (table.duration is not None) != (kind is FaultKind.LIP_STUCK):
        needs = "is missing" if table.duration is None else f"does not belong to a fault of kind {kind}"
        raise wrong(f"{key}.duration", needs, "how long the LIP hangs, of kind lip-stuck only")
    return FaultConfig(kind, target, table.at, when, address, table.duration or 0)


def build_moment(
    wrong: Wrong, key: str, at: int | None, table: WhenTable | None, lpars: Collection[str]
) -> Moment | None:
    """The moment of a command or a fault; None where it has a time.

    Raises:
        ScenarioError: it has both, or none, or something in it does not fit.
    """
    if at is None and table is None:
        raise wrong(f"{key}.at", "is missing", _A_TIME)
    if table is None:
        return None
    if at is not None:
        raise wrong(f"{key}.when", "there is a time already, at", "one of both")
    if table.phase is None and table.page is None:
        raise wrong(f"{key}.when", "says nothing", "a phase, a number of pages, or both")
    if table.lpar is not None and table.lpar not in lpars:
        raise wrong(f"{key}.when.lpar", f"there is no LPAR '{table.lpar}'", choice(table.lpar, lpars))
    if table.phase is not None and table.phase not in _PHASES:
        raise wrong(f"{key}.when.phase", f"there is no phase '{table.phase}'", choice(table.phase, _PHASES))
    return Moment(table.lpar, table.phase, table.page)


def _target(
    wrong: Wrong, key: str, kind: FaultKind, table: FaultTable, *, frames: int, iops: Collection[str],
    lips: Collection[str],
) -> tuple[str, int]:  # fmt: skip
    """The target's name, and the address of a frame."""
    if kind is FaultKind.STORAGE:
        if table.target is None:
            raise wrong(f"{key}.target", "is missing", "an address, such as 192M")
        return str(table.target), _address(wrong, key, table, frames)
    names, what = {
        FaultKind.SALE_REFUSED: (iops, "IOP"), FaultKind.LIP_STUCK: (lips, "LIP"),
    }.get(kind, ((), ""))  # fmt: skip
    if not what:
        if table.target is not None:
            raise wrong(f"{key}.target", f"does not belong to a fault of kind {kind}", "no target")
        return "", 0
    name = table.target.upper() if isinstance(table.target, str) else ""
    if name not in names:
        problem = "is missing" if table.target is None else f"there is no {what} {show(table.target)}"
        raise wrong(f"{key}.target", problem, choice(name, names))
    return name, 0


def _address(wrong: Wrong, key: str, table: FaultTable, frames: int) -> int:
    try:
        address = read_size(table.target)
    except WrongValue as problem:
        expected = "the host absolute address of the frame, such as 192M"
        raise wrong(f"{key}.target", problem.problem, expected) from None
    if address >= frames * PAGE_BYTES:
        problem_text = f"{format_size(address)} is past the end of main storage"
        expected = f"an address below {format_size(frames << PAGE_SHIFT)}"
        raise wrong(f"{key}.target", problem_text, expected)
    return address
