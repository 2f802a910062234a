"""Single values of a scenario file: the types they become, and how each is read.

Every reader takes whatever TOML gave and returns a value that is right in itself, or raises `WrongValue`.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NewType

from attrs import frozen

from lparvm import config
from lparvm.arch.address import PAGE_BYTES, PAGE_SHIFT
from lparvm.protocol.results import Result
from lparvm.scenario.errors import WrongValue, choice, show
from lparvm.units import DURATION_EXPECTED, SIZE_EXPECTED, format_size, parse_duration, parse_size

Name = NewType("Name", str)
Line = NewType("Line", str)
Bytes = NewType("Bytes", int)
OriginFrames = NewType("OriginFrames", int)
ExtentFrames = NewType("ExtentFrames", int)
Blocks = NewType("Blocks", int)
Count = NewType("Count", int)
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


def _pages(value: Any) -> int:
    size_bytes = read_size(value)
    if size_bytes % PAGE_BYTES:
        problem = f"{show(value)} is not a multiple of {PAGE_BYTES}"
        raise WrongValue(problem, f"a multiple of {PAGE_BYTES}, the size of a page")
    return size_bytes >> PAGE_SHIFT


def _extent(value: Any) -> int:
    frames = _pages(value)
    if frames == 0:
        raise WrongValue("the size is 0", f"at least one page, {PAGE_BYTES}")
    return frames


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise WrongValue(f"{show(value)} is no number of pages", "a whole number, 0 or more")
    return value


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


VALUES: dict[Any, tuple[Callable[[Any], Any], str]] = {
    Name: (_name, f"a name: {_NAME_EXPECTED}"),
    Line: (_line, "a text in quotes"),
    Bytes: (_rate, SIZE_EXPECTED),
    OriginFrames: (_pages, SIZE_EXPECTED),
    ExtentFrames: (_extent, SIZE_EXPECTED),
    Blocks: (_pages, SIZE_EXPECTED),
    Count: (_count, "a whole number"),
    TimeNs: (_time, DURATION_EXPECTED),
    PositiveTimeNs: (_positive_time, DURATION_EXPECTED),
    Mips: (_mips, "a number"),
    DeviceNumber: (_device_number, _DEVICE_NUMBER_EXPECTED),
    Result: (_result, "the name of a result"),
    Options: (_options, "a table"),
}
"""How the values of each type are read, and what is expected where one is missing."""
