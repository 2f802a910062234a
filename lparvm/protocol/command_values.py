"""What can stand in a command: kinds of values, how each is read, and how it is called.

Sizes and addresses become bytes, durations ns, names upper case; device numbers are hex. A kind's `read`
takes a word as it was typed and raises `ValueError` for a wrong one, `TooLarge` for one that is too large.
"""

import re
from collections.abc import Callable
from typing import Any

from attrs import frozen

from lparvm.config import COMMAND_BYTES_MAX, NAME_CHARACTERS_MAX, RUN_NS_MAX
from lparvm.units import DURATION_EXPECTED, SIZE_EXPECTED, format_size, parse_duration, parse_size

NAME_EXPECTED = f"a letter, then letters, digits, _ and -, {NAME_CHARACTERS_MAX} characters at most"
"""The names that LPARs and LIPs may have: those of a scenario. None of them can be the id of an operation."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
_DEVICE = re.compile(r"[0-9A-Fa-f]{1,4}", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,9}", re.ASCII)
_NS_PER_HOUR = 3_600_000_000_000


class TooLarge(ValueError):  # noqa: N818 - what the value is, not a failure
    """A value of the right form, above its limit; the text is the limit."""


@frozen
class Kind:
    """A kind of value.

    Attributes:
        expected: what is right, to follow the word "expected".
        read: the value of a word; raises ValueError.
        words: all that can stand there, where that is a short list: for completion.
        names_lpar: whether the name of an LPAR can stand there: for completion.
    """

    expected: str
    read: Callable[[str], Any]
    words: tuple[str, ...] = ()
    names_lpar: bool = False


def is_name(word: str) -> bool:
    """Whether an LPAR or a LIP may be called so."""
    return _NAME.fullmatch(word) is not None and len(word) <= NAME_CHARACTERS_MAX


def read_name(word: str) -> str:
    """A name, in upper case: case doesn't matter, and names are kept so."""
    if not is_name(word):
        raise ValueError(word)
    return word.upper()


def _id_or_name(word: str) -> str:
    """The id of an operation, or a name; in upper case."""
    if not _ID.fullmatch(word):
        raise ValueError(word)
    return word.upper()


def _address(word: str) -> int:
    size_bytes = parse_size(word)
    if size_bytes > COMMAND_BYTES_MAX:
        raise TooLarge(format_size(COMMAND_BYTES_MAX))
    return size_bytes


def read_size(word: str) -> int:
    """Bytes of a size above 0."""
    size_bytes = _address(word)
    if size_bytes == 0:
        raise ValueError(word)
    return size_bytes


def _duration(word: str) -> int:
    duration_ns = parse_duration(word)
    if duration_ns > RUN_NS_MAX:
        raise TooLarge(f"{RUN_NS_MAX // _NS_PER_HOUR}h")
    return duration_ns


def _device(word: str) -> int:
    if not _DEVICE.fullmatch(word):
        raise ValueError(word)
    return int(word, 16)


def _devices(word: str) -> tuple[int, ...]:
    return tuple(_device(part) for part in word.split(","))


def _lips(word: str) -> int | tuple[str, ...]:
    if not _COUNT.fullmatch(word):
        return tuple(read_name(part) for part in word.split(","))
    if int(word) == 0:
        raise ValueError(word)
    return int(word)


def _guest(word: str) -> str:
    # Case matters here: it names a Python class, or a file. Whether there is one is judged later.
    if not word or not word.isprintable():
        raise ValueError(word)
    return word


def _path(word: str) -> tuple[str, int]:
    iop, dot, device = word.rpartition(".")
    if not dot:
        raise ValueError(word)
    return read_name(iop), _device(device)


def one_of(*words: str) -> Kind:
    """One of some words, in any case."""

    def read(word: str) -> str:
        if word.upper() not in words:
            raise ValueError(word)
        return word.upper()

    return Kind(" or ".join(words) if len(words) < 3 else "one of " + ", ".join(words), read, words)


LPAR = Kind(f"the name of an LPAR ({NAME_EXPECTED})", read_name, names_lpar=True)
SIZE = Kind(f"{SIZE_EXPECTED}, above 0", read_size)
ADDRESS = Kind(SIZE_EXPECTED, _address)
DURATION = Kind(DURATION_EXPECTED, _duration)
DEVICE = Kind("a device number in hex, such as 0190", _device)
DEVICES = Kind("device numbers in hex, such as 0190,0191", _devices)
LIPS = Kind("a number of LIPs, or names", _lips)
GUEST = Kind("the name of a guest", _guest)
PATH = Kind("an IOP and a device, such as IOP1.0190", _path)
OPERATION = Kind("an operation such as op.3, or an LPAR", _id_or_name, names_lpar=True)
TEXT = Kind("a text in quotes", str)
