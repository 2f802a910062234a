"""The form of a scenario file: its tables and keys.

The classes mirror the file table by table, and their fields hold values that are right in themselves: a size
is a number of frames already. What values must be in regard to each other is for `build`.
"""

import typing
from collections.abc import Callable, Mapping
from typing import Any

import cattrs
from attrs import field, fields, frozen, has
from cattrs.errors import (
    BaseValidationError,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn

from lparvm import config
from lparvm.errors import ScenarioError
from lparvm.protocol.results import Result
from lparvm.scenario.errors import WrongValue, choice, error, show
from lparvm.scenario.values import (
    VALUES,
    Blocks,
    Bytes,
    Count,
    DeviceNumber,
    ExtentFrames,
    Line,
    Lips,
    Mips,
    Name,
    Names,
    Options,
    OriginFrames,
    PositiveTimeNs,
    TimeNs,
)


@frozen
class MachineTable:
    """`[machine]`."""

    main_storage: ExtentFrames


@frozen
class TimingTable:
    """`[timing]`."""

    lip_mips: Mips = field(default=Mips(config.LIP_MIPS_DEFAULT))
    transfer_rate: Bytes = field(default=Bytes(config.TRANSFER_RATE_BYTES_S_DEFAULT))


@frozen
class IopTable:
    """`[[iop]]`."""

    name: Name
    rate: Bytes | None = None


@frozen
class DeviceTable:
    """`[[device]]`."""

    number: DeviceNumber
    kind: Line
    iop: Names
    latency: TimeNs = field(default=TimeNs(config.DEVICE_LATENCY_NS_DEFAULT))
    options: Options = field(default=Options({}))


@frozen
class LparTable:
    """`[[lpar]]`."""

    name: Name
    origin: OriginFrames
    size: ExtentFrames
    lips: Lips = field(default=Lips(1))
    guest: Line = field(default=Line("idle"))
    options: Options = field(default=Options({}))
    devices: tuple[DeviceNumber, ...] = ()
    expanded_storage: Blocks = field(default=Blocks(0))


@frozen
class WhenTable:
    """`when` of a `[[command]]` or a `[[fault]]`: how far an operation is."""

    phase: Name | None = None
    page: Count | None = None
    lpar: Name | None = None


@frozen
class CommandTable:
    """`[[command]]`."""

    text: Line
    at: TimeNs | None = None
    when: WhenTable | None = None
    expect: Result = Result.COMPLETED
    then: tuple[Line, ...] = ()


@frozen
class FaultTable:
    """`[[fault]]`."""

    kind: Line
    target: Any = None
    at: TimeNs | None = None
    when: WhenTable | None = None
    duration: PositiveTimeNs | None = None


@frozen
class RunTable:
    """`[run]`."""

    duration: PositiveTimeNs


@frozen
class ScenarioFile:
    """The whole file."""

    machine: MachineTable
    run: RunTable
    title: Line = field(default=Line(""))
    timing: TimingTable = TimingTable()
    iop: tuple[IopTable, ...] = ()
    device: tuple[DeviceTable, ...] = ()
    lpar: tuple[LparTable, ...] = ()
    command: tuple[CommandTable, ...] = ()
    fault: tuple[FaultTable, ...] = ()


# --- structuring ----------------------------------------------------------------------------------------


Hook = Callable[[Any, Any], Any]


def _value_hook(read: Callable[[Any], Any]) -> Hook:
    return lambda value, _: read(value)


def _table_hook(table: type, converter: cattrs.Converter) -> Hook:
    structure: Hook = make_dict_structure_fn(
        table, converter, _cattrs_forbid_extra_keys=True, _cattrs_detailed_validation=True
    )

    def hook(value: Any, type_: Any) -> Any:
        if not isinstance(value, dict):
            raise WrongValue(f"{show(value)} is no table", "a table with " + ", ".join(_keys(table)))
        return structure(value, type_)

    return hook


def _array_hook(type_: Any, converter: cattrs.Converter) -> Hook:
    element = typing.get_args(type_)[0]
    expected = "an array of tables: [[ ]] around its name" if has(element) else "an array"

    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, list):
            raise WrongValue(f"{show(value)} is no array", expected)
        return tuple(one(index, item) for index, item in enumerate(value))

    def one(index: int, item: Any) -> Any:
        try:
            return converter.structure(item, element)
        except (BaseValidationError, WrongValue) as problem:
            problem.__notes__ = [IterableValidationNote("at this place", index, element)]
            raise IterableValidationError("an element is wrong", [problem], type_) from None

    return hook


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=True)
    for type_, (read, _) in VALUES.items():
        converter.register_structure_hook(type_, _value_hook(read))

    def is_array(type_: Any) -> bool:
        return typing.get_origin(type_) is tuple

    converter.register_structure_hook_factory(is_array, lambda type_: _array_hook(type_, converter))

    def names(value: Any, _: Any) -> Names:
        return Names(converter.structure(value if isinstance(value, list) else [value], tuple[Name, ...]))

    def lips(value: Any, _: Any) -> Lips:
        if isinstance(value, list):
            return Lips(None, converter.structure(value, tuple[Name, ...]))
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= config.LIPS_MAX:
            expected = f'a number from 1 to {config.LIPS_MAX}, or names such as ["LIP4"]'
            raise WrongValue(f"{show(value)} is no number of LIPs", expected)
        return Lips(value)

    converter.register_structure_hook(Names, names)
    converter.register_structure_hook(Lips, lips)
    # The parts before the whole: a hook looks up those of its fields when it is made.
    for table in (
        MachineTable, TimingTable, IopTable, DeviceTable, LparTable, WhenTable, CommandTable, FaultTable,
        RunTable,
        ScenarioFile,
    ):  # fmt: skip
        converter.register_structure_hook(table, _table_hook(table, converter))
    return converter


_CONVERTER = _make_converter()


def read_tables(tables: Mapping[str, Any], source: str) -> ScenarioFile:
    """The file's tables as values.

    Raises:
        ScenarioError: a key is unknown or missing, or a value wrong in itself; the first one found.
    """
    try:
        return _CONVERTER.structure(tables, ScenarioFile)
    except (BaseValidationError, WrongValue) as problem:
        raise _first_error(problem, "", ScenarioFile, source) from None


def _keys(table: type) -> list[str]:
    return [attribute.name for attribute in fields(table)]


def _missing(type_: Any) -> str:
    """What was expected where there is nothing."""
    if type_ in VALUES:
        return VALUES[type_][1]
    if type_ is Names:
        return "the name of an IOP, or an array of names"
    return "a table with " + ", ".join(_keys(type_))


def _first_error(problem: Exception, path: str, type_: Any, source: str) -> ScenarioError:
    """Follow cattrs' tree of errors to a leaf; `type_` is what belongs at `path`."""
    if isinstance(problem, ClassValidationError):
        inside, bare = problem.group_exceptions()
        # Unknown keys first: a misspelt key is the cause of a missing one.
        for leaf in bare:
            if isinstance(leaf, ForbiddenExtraKeysError):
                return _unknown_key(min(leaf.extra_fields), path, leaf.cl, source)
        leaf, note = inside[0]
        return _first_error(leaf, f"{path}.{note.name}".lstrip("."), note.type, source)
    if isinstance(problem, IterableValidationError):
        element, index = problem.group_exceptions()[0][0]
        return _first_error(element, f"{path}[{index.index}]", index.type, source)
    if isinstance(problem, WrongValue):
        return error(source, path, problem.problem, problem.expected)
    if isinstance(problem, KeyError):
        return error(source, path, "is missing", _missing(type_))
    raise problem


def _unknown_key(key: str, path: str, table: type, source: str) -> ScenarioError:
    return error(source, f"{path}.{show(key)[1:-1]}".lstrip("."), "unknown key", choice(key, _keys(table)))
