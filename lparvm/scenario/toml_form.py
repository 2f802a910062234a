"""The form of a scenario file: its keys, and for each value what it must look like.

The classes mirror the file table by table, and their fields hold values that are right in themselves: a size
is a number of frames already. What values must be in regard to each other is for `build`.
"""

import math
import re
import typing
from collections.abc import Callable, Mapping
from typing import Any, NewType

import cattrs
from attrs import fields, frozen, has
from cattrs.errors import (
    BaseValidationError,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn

from lparvm import config
from lparvm.arch.address import PAGE_BYTES, PAGE_SHIFT
from lparvm.errors import ScenarioError
from lparvm.protocol.results import Result
from lparvm.scenario.errors import WrongValue, choice, error, show
from lparvm.units import DURATION_EXPECTED, SIZE_EXPECTED, format_size, parse_duration, parse_size

Name = NewType("Name", str)
Line = NewType("Line", str)
Bytes = NewType("Bytes", int)
OriginFrames = NewType("OriginFrames", int)
ExtentFrames = NewType("ExtentFrames", int)
TimeNs = NewType("TimeNs", int)
PositiveTimeNs = NewType("PositiveTimeNs", int)
Mips = NewType("Mips", float)
DeviceNumber = NewType("DeviceNumber", int)

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)
_NAME_EXPECTED = f"a letter, then letters, digits, _ and -, {config.NAME_CHARACTERS_MAX} characters at most"
_DEVICE_NUMBER = re.compile(r"[0-9A-Fa-f]{1,4}", re.ASCII)
_DEVICE_NUMBER_EXPECTED = 'one to four hex digits in quotes, such as "0190"'
_BYTES_MAX = 1 << 62  # beyond every storage and rate, and still a number that can be shown


@frozen
class Names:
    """One name or an array of them."""

    names: tuple[Name, ...]


@frozen
class Lips:
    """A count of dedicated LIPs, or names."""

    count: int | None
    names: tuple[Name, ...] = ()


@frozen
class Options:
    """A table that is not looked into here."""

    values: Mapping[str, Any]


@frozen
class MachineTable:
    """`[machine]`."""

    main_storage: ExtentFrames


@frozen
class TimingTable:
    """`[timing]`."""

    lip_mips: Mips = Mips(config.LIP_MIPS_DEFAULT)
    transfer_rate: Bytes = Bytes(config.TRANSFER_RATE_BYTES_S_DEFAULT)


@frozen
class IopTable:
    """`[[iop]]`."""

    name: Name


@frozen
class DeviceTable:
    """`[[device]]`."""

    number: DeviceNumber
    kind: Line
    iop: Names
    latency: TimeNs = TimeNs(config.DEVICE_LATENCY_NS_DEFAULT)
    options: Options = Options({})


@frozen
class LparTable:
    """`[[lpar]]`."""

    name: Name
    origin: OriginFrames
    size: ExtentFrames
    lips: Lips = Lips(1)
    guest: Line = Line("idle")
    options: Options = Options({})
    devices: tuple[DeviceNumber, ...] = ()
    expanded_storage: Any = None


@frozen
class CommandTable:
    """`[[command]]`."""

    at: TimeNs
    text: Line
    expect: Result = Result.COMPLETED


@frozen
class FaultTable:
    """`[[fault]]`."""

    kind: Line
    target: Any
    at: TimeNs | None = None
    when: Any = None


@frozen
class RunTable:
    """`[run]`."""

    duration: PositiveTimeNs


@frozen
class ScenarioFile:
    """The whole file."""

    machine: MachineTable
    run: RunTable
    title: Line = Line("")
    timing: TimingTable = TimingTable()
    iop: tuple[IopTable, ...] = ()
    device: tuple[DeviceTable, ...] = ()
    lpar: tuple[LparTable, ...] = ()
    command: tuple[CommandTable, ...] = ()
    fault: tuple[FaultTable, ...] = ()


# --- values ---------------------------------------------------------------------------------------------


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise WrongValue(f"{show(value)} is no text", "a text in quotes")
    return value


def _line(value: Any) -> str:
    text = _text(value)
    if not text.strip() or not text.isprintable():
        raise WrongValue(f"{show(value)} is not one line of text", "a text of one line, not empty")
    return text.strip()


def _name(value: Any) -> str:
    name = _text(value)
    if not _NAME.fullmatch(name) or len(name) > config.NAME_CHARACTERS_MAX:
        raise WrongValue(f"{show(name)} is no name", _NAME_EXPECTED)
    return name.upper()


def read_size(value: Any) -> int:
    """Bytes of a size.

    Raises:
        WrongValue: it is none.
    """
    try:
        size_bytes = parse_size(value)
    except ValueError:
        raise WrongValue(f"{show(value)} is not a size", SIZE_EXPECTED) from None
    if size_bytes > _BYTES_MAX:
        raise WrongValue(f"{show(value)} is too large", f"at most {format_size(_BYTES_MAX)}")
    return size_bytes


def _rate(value: Any) -> int:
    rate = read_size(value)
    if rate == 0:
        raise WrongValue("nothing would ever be moved", "bytes a second, such as 400M, above 0")
    return rate


def _origin(value: Any) -> int:
    origin_bytes = read_size(value)
    if origin_bytes % PAGE_BYTES:
        problem = f"{show(value)} is not a multiple of {PAGE_BYTES}"
        raise WrongValue(problem, f"a multiple of {PAGE_BYTES}, the size of a page")
    return origin_bytes >> PAGE_SHIFT


def _extent(value: Any) -> int:
    frames = _origin(value)
    if frames == 0:
        raise WrongValue("the size is 0", f"at least one page, {PAGE_BYTES}")
    return frames


def _time(value: Any) -> int:
    try:
        time_ns = parse_duration(value)
    except ValueError:
        raise WrongValue(f"{show(value)} is not a time", DURATION_EXPECTED) from None
    if time_ns > config.RUN_NS_MAX:
        raise WrongValue(f"{show(value)} is too long", f"at most {config.RUN_NS_MAX // 3_600_000_000_000}h")
    return time_ns


def _positive_time(value: Any) -> int:
    time_ns = _time(value)
    if time_ns == 0:
        raise WrongValue(f"{show(value)} is no time at all", DURATION_EXPECTED + ", above 0")
    return time_ns


def _mips(value: Any) -> float:
    lowest, highest = config.LIP_MIPS_MIN, config.LIP_MIPS_MAX
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or math.isnan(value) or not lowest <= value <= highest:
        raise WrongValue(f"{show(value)} is no speed of a LIP", f"a number from {lowest:g} to {highest:g}")
    return float(value)


def _device_number(value: Any) -> int:
    if not isinstance(value, str) or not _DEVICE_NUMBER.fullmatch(value):
        raise WrongValue(f"{show(value)} is no device number", _DEVICE_NUMBER_EXPECTED)
    return int(value, 16)


def _result(value: Any) -> Result:
    name = _text(value).upper()
    if name not in Result.__members__:
        raise WrongValue(f"{show(value)} is no result", choice(name, Result.__members__))
    return Result[name]


def _options(value: Any) -> Options:
    if not isinstance(value, dict):
        raise WrongValue(f"{show(value)} is no table", "a table such as { seed = 7 }")
    return Options(value)


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
    values: dict[Any, Callable[[Any], Any]] = {
        Name: _name, Line: _line, Bytes: _rate, OriginFrames: _origin, ExtentFrames: _extent, TimeNs: _time,
        PositiveTimeNs: _positive_time, Mips: _mips, DeviceNumber: _device_number, Result: _result,
        Options: _options,
    }  # fmt: skip
    for type_, read in values.items():
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
        MachineTable, TimingTable, IopTable, DeviceTable, LparTable, CommandTable, FaultTable, RunTable,
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


def _first_error(problem: Exception, path: str, table: type, source: str) -> ScenarioError:
    """Follow cattrs' tree of errors to a leaf; `table` is the class that the path has come to."""
    if isinstance(problem, ClassValidationError):
        inside, bare = problem.group_exceptions()
        # Unknown keys first: a misspelt key is the cause of a missing one.
        for leaf in bare:
            if isinstance(leaf, ForbiddenExtraKeysError):
                return _unknown_key(min(leaf.extra_fields), path, leaf.cl, source)
        leaf, note = inside[0]
        return _first_error(leaf, f"{path}.{note.name}".lstrip("."), problem.cl, source)
    if isinstance(problem, IterableValidationError):
        element, index = problem.group_exceptions()[0][0]
        return _first_error(element, f"{path}[{index.index}]", table, source)
    if isinstance(problem, WrongValue):
        return error(source, path, problem.problem, problem.expected)
    if isinstance(problem, KeyError):
        return error(source, path, "is missing", "keys " + ", ".join(_keys(table)))
    raise problem


def _unknown_key(key: str, path: str, table: type, source: str) -> ScenarioError:
    return error(source, f"{path}.{show(key)[1:-1]}".lstrip("."), "unknown key", choice(key, _keys(table)))
