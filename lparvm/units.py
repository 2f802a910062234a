"""Sizes, durations and seeds: what people write, and the integers used inside.

Inside, storage is counted in 4 KiB frames or bytes and time in integer nanoseconds; text appears at the
edges only. M is 2^20 bytes, as in the patent.
"""

import hashlib
import re

NS_PER_S = 1_000_000_000

# Beyond ASCII, other characters are a K or an S in any case, and other digits are digits.
_ASCII_ANY_CASE = re.ASCII | re.IGNORECASE
_SIZE = re.compile(r"(\d+)\s*(?:([KMGT])(?:I?B)?|B)?", _ASCII_ANY_CASE)
_SIZE_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_DURATION = re.compile(r"(\d+)(?:\.(\d+))?\s*(ns|us|ms|s|m|h)", _ASCII_ANY_CASE)
_DURATION_UNITS_NS = {
    "ns": 1, "us": 1_000, "ms": 1_000_000, "s": NS_PER_S, "m": 60 * NS_PER_S, "h": 3_600 * NS_PER_S,
}  # fmt: skip

SIZE_EXPECTED = "a size such as 192M, 192MiB, 1G or a number of bytes"
DURATION_EXPECTED = "a duration such as 250us, 2ms, 0.1s or 10m"


def parse_size(text: str | int) -> int:
    """Bytes of a size such as `192M`, `192MiB`, `1G`, or a number of bytes.

    Raises:
        ValueError: not a size; the text says what was expected.
    """
    if isinstance(text, int) and not isinstance(text, bool) and text >= 0:
        return text
    match = _SIZE.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a size; expected {SIZE_EXPECTED}")
    return int(match[1]) * _SIZE_UNITS.get((match[2] or "").upper(), 1)


def format_size(size_bytes: int) -> str:
    """The shortest exact form: `192M`, `1G`, `4K`, or plain bytes."""
    for letter in "TGMK":
        unit = _SIZE_UNITS[letter]
        if size_bytes and size_bytes % unit == 0:
            return f"{size_bytes // unit}{letter}"
    return str(size_bytes)


def parse_duration(text: str) -> int:
    """Nanoseconds of a duration such as `250us`, `2ms`, `0.1s` or `10m`.

    Raises:
        ValueError: not a duration; the text says what was expected.
    """
    match = _DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a duration; expected {DURATION_EXPECTED}")
    unit_ns = _DURATION_UNITS_NS[match[3].lower()]
    fraction = match[2] or ""
    return int(match[1]) * unit_ns + (int(fraction) * unit_ns // 10 ** len(fraction) if fraction else 0)


def format_duration(duration_ns: int) -> str:
    """A duration for people, with three significant digits: `12.3 ms`, `1.05 s`."""
    if abs(duration_ns) * 2 >= 1999 * NS_PER_S:  # three digits would round it to 1e+03
        return f"{duration_ns / NS_PER_S:.0f} s"
    for name, unit_ns in (("s", NS_PER_S), ("ms", 1_000_000), ("us", 1_000)):
        # What would round to 1000 of the unit is 1 of the next.
        if abs(duration_ns) >= unit_ns or abs(duration_ns) * 1000 >= unit_ns * 999.5:
            return f"{max(abs(duration_ns) / unit_ns, 1) * (1 if duration_ns >= 0 else -1):.3g} {name}"
    return f"{duration_ns} ns"


def seconds(duration_ns: int) -> float:
    """Seconds, for trio."""
    return duration_ns / NS_PER_S


def nanoseconds(duration_s: float) -> int:
    """Integer nanoseconds, from trio."""
    return round(duration_s * NS_PER_S)


def stream_seed(*parts: object) -> int:
    """A 64-bit seed for a named stream of randomness, such as `(seed, "guest", "LPAR2", 0)`.

    Independent of `PYTHONHASHSEED`; parts are mixed by their `repr`, so use ints and strings only.
    """
    text = "\x1f".join(repr(part) for part in parts).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")
