"""A scenario file's values, compared: names that must be known, or unique, zones that must fit.

One function a table; each looks only at what the ones before it made. `Wrong` knows the file, so that every
check says key, problem and expectation and nothing else.
"""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from lparvm import config
from lparvm.arch.address import PAGE_SHIFT, Zone
from lparvm.arch.subchannel import PATHS_MAX
from lparvm.errors import ScenarioError, UsageError
from lparvm.protocol.actor_names import LPAR_CONTROL, RESOURCE_MANAGER, SERVICE_PROCESSOR
from lparvm.protocol.commands import GRAMMAR
from lparvm.scenario import parts
from lparvm.scenario.build_faults import build_fault, build_moment
from lparvm.scenario.errors import WrongValue, choice, error
from lparvm.scenario.model import (
    CommandConfig,
    DeviceConfig,
    LparConfig,
    RunConfig,
    Scenario,
    Timing,
)
from lparvm.scenario.toml_form import (
    CommandTable,
    DeviceTable,
    LparTable,
    ScenarioFile,
)
from lparvm.units import format_size

_ACTORS = (SERVICE_PROCESSOR, LPAR_CONTROL, "LIPCTL", RESOURCE_MANAGER, "MACHINE", "OPERATOR")

Wrong = Callable[..., ScenarioError]
"""`wrong(key, problem, expected)`: the error to raise."""


def build(file: ScenarioFile, source: str) -> Scenario:
    """The scenario of a file.

    Raises:
        ScenarioError: something does not fit; the first one found.
    """
    wrong: Wrong = partial(error, source)
    frames = file.machine.main_storage
    if frames > config.MAIN_STORAGE_FRAMES_MAX:
        most = f"{_size(config.MAIN_STORAGE_FRAMES_MAX)} at most"
        raise wrong("machine.main_storage", f"{_size(frames)} is too large", most)
    for key, tables, limit in (
        ("iop", file.iop, config.IOPS_MAX), ("device", file.device, config.DEVICES_MAX),
        ("lpar", file.lpar, config.LPARS_MAX), ("command", file.command, config.COMMANDS_MAX),
        ("fault", file.fault, config.FAULTS_MAX),
    ):  # fmt: skip
        _check_count(wrong, key, len(tables), limit, "of them")
    iops = tuple(iop.name for iop in file.iop)
    _check_unique(wrong, ((f"iop[{i}].name", name) for i, name in enumerate(iops)))
    _refuse_actors(wrong, ((f"iop[{i}].name", name) for i, name in enumerate(iops)))
    devices = _devices(wrong, file.device, iops)
    lpars = _lpars(wrong, file.lpar, frames, iops, devices)
    lips = sorted({lip for lpar in lpars for lip in lpar.lips}, key=_natural)
    _check_count(wrong, "lpar", len(lips), config.LIPS_MAX, "LIPs")
    names = [lpar.name for lpar in lpars]
    return Scenario(
        name=source, title=file.title, main_storage_frames=frames,
        timing=Timing(file.timing.lip_mips, file.timing.transfer_rate), iops=iops, devices=devices,
        lpars=lpars, lips=tuple(lips), commands=_commands(wrong, file.command, names),
        faults=tuple(
            build_fault(
                wrong, f"fault[{i}]", table, frames=frames, iops=iops, lips=lips,
                lpars=names,
            )
            for i, table in enumerate(file.fault)
        ),
        run=RunConfig(file.run.duration), iop_rates={iop.name: iop.rate for iop in file.iop},
    )  # fmt: skip


# --- devices --------------------------------------------------------------------------------------------


def _devices(wrong: Wrong, tables: Sequence[DeviceTable], iops: Sequence[str]) -> tuple[DeviceConfig, ...]:
    numbers = ((f"device[{i}].number", f"{table.number:04X}") for i, table in enumerate(tables))
    _check_unique(wrong, numbers)
    devices = []
    for index, table in enumerate(tables):
        key = f"device[{index}]"
        names = table.iop.names
        if not names:
            raise wrong(f"{key}.iop", "the array is empty", choice("", iops))
        _check_unique(wrong, ((f"{key}.iop", name) for name in names))
        if len(names) > PATHS_MAX:
            raise wrong(f"{key}.iop", f"there are {len(names)} paths", f"{PATHS_MAX} at most")
        for name in names:
            if name not in iops:
                raise wrong(f"{key}.iop", f"there is no IOP '{name}'", choice(name, iops))
        _ask(wrong, f"{key}.kind", partial(parts.check_device_kind, table.kind))
        device = DeviceConfig(table.number, table.kind, names, table.latency, dict(table.options.values))
        _ask(wrong, f"{key}.options", partial(parts.check_device_options, device))
        devices.append(device)
    return tuple(devices)


# --- LPARs ----------------------------------------------------------------------------------------------


def _lpars(
    wrong: Wrong,
    tables: Sequence[LparTable],
    frames: int,
    iops: Sequence[str],
    devices: Sequence[DeviceConfig],
) -> tuple[LparConfig, ...]:
    names = [(f"lpar[{i}].name", table.name) for i, table in enumerate(tables)]
    _check_unique(wrong, names)
    words = {flag for syntax in GRAMMAR.values() for flag in syntax.flags}
    for key, name in names:
        if name in words:
            raise wrong(key, f"'{name}' is a word of the command language", "another name")
    numbers = {f"{device.number:04X}": device.number for device in devices}
    lips = _lips(wrong, tables, iops)
    lpars = []
    for index, table in enumerate(tables):
        key = f"lpar[{index}]"
        _check_expanded(
            wrong, f"{key}.expanded_storage", [table.expanded_storage for table in tables[: index + 1]]
        )
        used = [f"{number:04X}" for number in table.devices]
        _check_unique(wrong, ((f"{key}.devices", number) for number in used))
        for number in used:
            if number not in numbers:
                raise wrong(f"{key}.devices", f"there is no device '{number}'", choice(number, numbers))
        _ask(wrong, f"{key}.guest", partial(parts.check_guest, table.guest))
        lpar = LparConfig(
            table.name, Zone(table.origin, table.size), lips[index], table.guest, dict(table.options.values),
            table.devices, table.expanded_storage,
        )  # fmt: skip
        _ask(wrong, f"{key}.options", partial(parts.check_guest_options, lpar))
        lpars.append(lpar)
    _check_zones(wrong, lpars, frames)
    return tuple(lpars)


def _check_zones(wrong: Wrong, lpars: Sequence[LparConfig], frames: int) -> None:
    """Each zone in storage, and no frame in two."""
    for index, lpar in enumerate(lpars):
        zone = lpar.zone
        if zone.origin >= frames:
            problem = f"{_size(zone.origin)} is past the end of main storage"
            raise wrong(f"lpar[{index}].origin", problem, f"an origin below {_size(frames)}")
        if zone.end > frames:
            problem = f"the zone ends at {_size(zone.end)}, past the end of main storage"
            raise wrong(f"lpar[{index}].size", problem, f"{_size(frames - zone.origin)} at most from there")
    placed = sorted(enumerate(lpars), key=lambda item: (item[1].zone.origin, item[0]))
    for (_, low), (index, high) in itertools.pairwise(placed):
        if low.zone.overlaps(high.zone):
            end = min(low.zone.end, high.zone.end)
            shared = f"{_size(high.zone.origin)} to {_size(end)} ({_size(end - high.zone.origin)})"
            problem = f"the zones of {low.name} and {high.name} overlap from {shared}"
            raise wrong(f"lpar[{index}].origin", problem, "zones without common storage")


def _check_expanded(wrong: Wrong, key: str, blocks: Sequence[int]) -> None:
    """Expanded storage of an LPAR, the last of `blocks`, behind that of those before it."""
    before = sum(blocks[:-1])
    left = config.EXPANDED_STORAGE_BLOCKS_MAX - before
    if blocks[-1] > left:
        others = f": the LPARs before it have {_size(before)}" if before else ""
        raise wrong(key, f"{_size(blocks[-1])} is too large{others}", f"{_size(left)} at most")


def _lips(wrong: Wrong, tables: Sequence[LparTable], iops: Sequence[str]) -> list[tuple[str, ...]]:
    """The LIPs of each LPAR: named ones as named, counted ones LIP1, LIP2, ... as far as free."""
    named = {name for table in tables for name in table.lips.names}
    for index, table in enumerate(tables):
        key = f"lpar[{index}].lips"
        if table.lips.count is None and not table.lips.names:
            raise wrong(key, "the array is empty", 'a number, or names such as ["LIP4"]')
        _check_unique(wrong, ((key, name) for name in table.lips.names))
        _refuse_actors(wrong, ((key, name) for name in table.lips.names))
        for name in table.lips.names:
            if name in iops:
                raise wrong(key, f"'{name}' is an IOP", "another name")
    free = (name for name in _counted("LIP") if name not in named and name not in iops)
    return [
        table.lips.names if table.lips.count is None else tuple(next(free) for _ in range(table.lips.count))
        for table in tables
    ]


# --- timeline -------------------------------------------------------------------------------------------


def _commands(
    wrong: Wrong, tables: Sequence[CommandTable], lpars: Sequence[str]
) -> tuple[CommandConfig, ...]:
    commands = []
    for index, table in enumerate(tables):
        key = f"command[{index}]"
        _ask(wrong, f"{key}.text", partial(parts.check_command, table.text))
        when = build_moment(wrong, key, table.at, table.when, lpars)
        _check_count(wrong, f"{key}.then", len(table.then), config.COMMANDS_MAX, "of them")
        for number, text in enumerate(table.then):
            _ask(wrong, f"{key}.then[{number}]", partial(parts.check_command, text))
        commands.append(CommandConfig(table.at, table.text, table.expect, when, table.then))
    return tuple(commands)


# --- checks ---------------------------------------------------------------------------------------------


def _ask(wrong: Wrong, key: str, check: Callable[[], None]) -> None:
    """Let another package judge; what it says gets file and key."""
    try:
        check()
    except WrongValue as problem:
        raise wrong(key, problem.problem, problem.expected) from None
    except UsageError as problem:
        raise wrong(key, str(problem)) from problem


def _check_count(wrong: Wrong, key: str, count: int, limit: int, what: str) -> None:
    if count > limit:
        raise wrong(key, f"there are {count} {what}", f"{limit} at most")


def _check_unique(wrong: Wrong, names: Iterable[tuple[str, str]]) -> None:
    """Names, each with its key, folded to upper case before."""
    first: dict[str, str] = {}
    for key, name in names:
        if name in first:
            where = f", in {first[name]} too" if first[name] != key else ""
            raise wrong(key, f"'{name}' stands twice{where}", "each of them once")
        first[name] = key


def _refuse_actors(wrong: Wrong, names: Iterable[tuple[str, str]]) -> None:
    for key, name in names:
        if name in _ACTORS:
            raise wrong(key, f"'{name}' is the name of a part of the machine", "another name")


def _counted(prefix: str) -> Iterator[str]:
    number = 0
    while True:
        number += 1
        yield f"{prefix}{number}"


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts LIP2 before LIP10."""
    pieces = re.findall(r"\d+|\D+", name)
    return tuple((0, int(piece), piece) if piece.isdigit() else (1, 0, piece) for piece in pieces)


def _size(frames: int) -> str:
    return format_size(frames << PAGE_SHIFT)
