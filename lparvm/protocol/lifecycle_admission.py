"""Whether DEFINE, ACTIVATE, IPL, STOP, START or DEACTIVATE may begin, and with which record: pure policies."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve

from lparvm.arch.address import PAGE_BYTES
from lparvm.config import LIPS_MAX, LPARS_MAX
from lparvm.protocol import messages as m
from lparvm.protocol.actor_names import LPAR_CONTROL, RESOURCE_MANAGER, SERVICE_PROCESSOR
from lparvm.protocol.admission import Circumstances, Decision, Denied, may_take, state_of, wrong_state
from lparvm.protocol.command_values import NAME_EXPECTED, is_name
from lparvm.protocol.commands import GRAMMAR
from lparvm.protocol.lifecycle_record import (
    ActivateOperation,
    DeactivateOperation,
    DefineOperation,
    HoldOperation,
    LoadOperation,
    UnholdOperation,
)
from lparvm.protocol.lpar_entry import NO_ZONE, Definition, LparEntry, LparState, Stage
from lparvm.protocol.results import Result
from lparvm.units import format_size

RESERVED_NAMES = (SERVICE_PROCESSOR, LPAR_CONTROL, "LIPCTL", RESOURCE_MANAGER, "MACHINE", "OPERATOR")
"""Names of the machine's parts, which nothing else may have."""

_ONLY_DEFINED = f"{LparState.DEFINED}, not activated"
_ACTIVATED = "activated"


def admit_define(message: m.DefineLpar, now: Circumstances) -> Decision:
    """DEFINE: a new LPAR, or one that isn't active."""
    denied = may_take(now, message.lpar)
    if denied is not None:
        return denied
    earlier = now.lpars.get(message.lpar)
    if earlier is not None and earlier.active:
        return wrong_state(earlier, now, "DEFINE", _ONLY_DEFINED)
    lips = _lips(message, earlier, now)
    problem = lips if isinstance(lips, str) else _problem(message, earlier, now)
    if problem:
        return Denied(Result.CANNOT_DEFINE, {"lpar": message.lpar, "problem": problem})
    assert not isinstance(lips, str), "that is a problem"
    plan = _definition(message, Definition(message.extent) if earlier is None else earlier.plan, lips)
    iops = tuple(sorted({iop for number in plan.devices for iop in now.devices[number]}))
    entry = LparEntry(message.lpar, NO_ZONE, iops, (), stage=Stage.DEFINED, definition=plan)
    return DefineOperation(op=message.op, before=earlier or entry, now=entry)


def admit_activate(message: m.ActivateLpar, now: Circumstances) -> Decision:
    """ACTIVATE an LPAR that is only defined."""
    entry = _known(now, message.lpar)
    if isinstance(entry, Denied):
        return entry
    if entry.active:
        return wrong_state(entry, now, "ACTIVATE", _ONLY_DEFINED)
    paths = tuple((number, now.devices[number]) for number in entry.plan.devices)
    return ActivateOperation(op=message.op, before=entry, now=entry, paths=paths)


def admit_deactivate(message: m.DeactivateLpar, now: Circumstances) -> Decision:
    """DEACTIVATE, whatever the guest is doing."""
    entry = _known(now, message.lpar)
    if isinstance(entry, Denied):
        return entry
    if not entry.active:
        return wrong_state(entry, now, "DEACTIVATE", _ACTIVATED)
    failed = state_of(entry, now) is LparState.FAILED
    return DeactivateOperation(op=message.op, before=entry, now=entry, failed=failed)


def admit_load(message: m.LoadLpar, now: Circumstances) -> Decision:
    """IPL, whatever the guest that is there is doing."""
    entry = _known(now, message.lpar)
    if isinstance(entry, Denied):
        return entry
    if not entry.active:
        return wrong_state(entry, now, "IPL", _ACTIVATED)
    if message.device is not None:
        problem = _boot_problem(message.lpar, message.device, entry, now)
        return Denied(Result.IPL_FAILED, {"lpar": message.lpar, "problem": problem})
    definition = _with_guest(entry.plan, message.guest)
    failed = state_of(entry, now) is LparState.FAILED
    return LoadOperation(op=message.op, before=entry, now=entry, failed=failed, definition=definition)


def admit_hold(message: m.HoldLpar, now: Circumstances) -> Decision:
    """STOP a guest that runs."""
    entry = _known(now, message.lpar)
    if isinstance(entry, Denied):
        return entry
    if state_of(entry, now) is not LparState.ACTIVE:
        return wrong_state(entry, now, "STOP", LparState.ACTIVE)
    return HoldOperation(op=message.op, before=entry, now=entry)


def admit_unhold(message: m.UnholdLpar, now: Circumstances) -> Decision:
    """START a guest that was stopped."""
    entry = _known(now, message.lpar)
    if isinstance(entry, Denied):
        return entry
    if state_of(entry, now) is not LparState.STOPPED:
        return wrong_state(entry, now, "START", LparState.STOPPED)
    return UnholdOperation(op=message.op, before=entry, now=entry)


# --- what they are made of --------------------------------------------------------------------------------


def _known(now: Circumstances, lpar: str) -> LparEntry | Denied:
    entry = now.lpars.get(lpar)
    if entry is None:
        return Denied(Result.UNKNOWN_LPAR, {"lpar": lpar})
    return may_take(now, lpar) or entry


def _with_guest(plan: Definition, guest: str | None) -> Definition:
    """The options are the defined guest's: another one has its own defaults."""
    return plan if guest in (None, plan.guest) else evolve(plan, guest=guest, options={})


def _boot_problem(lpar: str, device: int, entry: LparEntry, now: Circumstances) -> str:
    """Why there is no IPL from this device."""
    if device not in now.devices:
        return f"there is no device {device:04X}"
    if device not in entry.plan.devices:
        return f"device {device:04X} is none of {lpar}'s"
    return "no guest can be loaded from a device in this version; IPL without DEVICE= loads the one of DEFINE"


def _definition(message: m.DefineLpar, earlier: Definition, lips: tuple[str, ...]) -> Definition:
    devices = earlier.devices if message.devices is None else message.devices
    return evolve(
        _with_guest(earlier, message.guest), extent=message.extent, origin=message.origin_frame, lips=lips,
        devices=devices,
    )  # fmt: skip


def _problem(message: m.DefineLpar, earlier: LparEntry | None, now: Circumstances) -> str:
    """What is wrong with the definition; empty: nothing."""
    if earlier is None:
        wrong = name_problem(message.lpar, (*now.iops, *now.lips))
        if wrong:
            return wrong
        if len(now.lpars) + len(now.coming) >= LPARS_MAX:
            return f"there are {LPARS_MAX} LPARs, the most there can be"
    return _size_problem(message, now) or _devices_problem(message.devices or (), now)


def _size_problem(message: m.DefineLpar, now: Circumstances) -> str:
    size, storage = format_size(message.extent * PAGE_BYTES), format_size(now.frame_count * PAGE_BYTES)
    if message.extent <= 0:
        return f"{size} is no size"
    if message.extent > now.frame_count:
        return f"{size} is more than main storage, {storage}"
    origin = message.origin_frame
    if origin is not None and origin + message.extent > now.frame_count:
        return f"{size} from {format_size(origin * PAGE_BYTES)} ends outside main storage, {storage}"
    return ""


def _devices_problem(devices: tuple[int, ...], now: Circumstances) -> str:
    unknown = next((number for number in devices if number not in now.devices), None)
    if unknown is not None:
        return f"there is no device {unknown:04X}"
    twice = next((number for number in devices if devices.count(number) > 1), None)
    return "" if twice is None else f"device {twice:04X} stands twice"


def name_problem(name: str, taken: Sequence[str]) -> str:
    """Why an LPAR or a LIP can't have this name; empty: it can."""
    if not is_name(name):
        return f"'{name}' is no name; expected {NAME_EXPECTED}"
    if name in RESERVED_NAMES or name in taken:
        return f"'{name}' is the name of a part of the machine"
    if name in {flag for syntax in GRAMMAR.values() for flag in syntax.flags}:
        return f"'{name}' is a word of the command language"
    return ""


def _lips(message: m.DefineLpar, earlier: LparEntry | None, now: Circumstances) -> tuple[str, ...] | str:
    """The LIPs of the LPAR, or why it can't have them."""
    asked = message.lips
    if asked is None:
        asked = earlier.plan.lips if earlier is not None else 1
    used = {name: entry.plan.lips for name, entry in {**now.lpars, **now.coming}.items()}
    known = list(dict.fromkeys((*now.lips, *itertools.chain.from_iterable(used.values()))))
    count = asked if isinstance(asked, int) else len(asked)
    if count > LIPS_MAX:  # before they are counted out: somebody may ask for 999,999,999
        return _too_many_lips(count)
    if isinstance(asked, tuple):
        twice = next((lip for lip in asked if asked.count(lip) > 1), None)
        if twice is not None:
            return f"{twice} stands twice"
        problems = (name_problem(lip, (*now.iops, *now.lpars)) for lip in asked if lip not in known)
        problem = next((one for one in problems if one), "")
        lips = asked
    else:
        lips = tuple(itertools.islice(_free_lips(message.lpar, used, known, now), asked))
        problem = ""
    made = len(known) + sum(lip not in known for lip in lips)
    if not problem and made > LIPS_MAX:
        problem = _too_many_lips(count)
    return problem or lips


def _too_many_lips(count: int) -> str:
    return f"{count} LIPs are too many: there can be {LIPS_MAX} in all"


def _free_lips(
    lpar: str, used: Mapping[str, tuple[str, ...]], known: Sequence[str], now: Circumstances
) -> Iterator[str]:
    """Its own LIPs, then others that no LPAR is defined with, then new ones; each with the lowest number first."""
    taken = {lip for name, lips in used.items() if name != lpar for lip in lips}
    own = [lip for lip in used.get(lpar, ()) if lip not in taken]
    yield from own
    yield from sorted((lip for lip in known if lip not in taken and lip not in own), key=_natural)
    names = {*known, *now.iops, *now.lpars, *now.coming, lpar}
    yield from (name for name in (f"LIP{number}" for number in itertools.count(1)) if name not in names)


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts LIP2 before LIP10."""
    pieces = re.findall(r"\d+|\D+", name)
    return tuple((0, int(piece), piece) if piece.isdigit() else (1, 0, piece) for piece in pieces)
