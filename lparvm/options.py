"""How a guest or a device says which options it takes: a name, a kind of value, a default and one sentence.

A class lists its options in `OPTIONS`; they are checked when it is made, and `lparvm guests` or `devices`
lists them. A kind turns what a scenario file holds (text, a number, a bool) into the value that is used.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen

from lparvm import units
from lparvm.errors import UsageError


@frozen
class Kind:
    """A kind of option value.

    Attributes:
        expected: what is right, to follow the word "expected".
        parse: the value to use; raises ValueError or TypeError for a wrong one.
        show: a value that is used, as a scenario would write it.
    """

    expected: str
    parse: Callable[[Any], Any]
    show: Callable[[Any], str] = str


@frozen
class Option:
    """One option.

    Attributes:
        name: its name in a scenario's `options`.
        kind: the values it takes.
        default: the value where the scenario doesn't say, as `kind.parse` would give it.
        doc: one sentence.
    """

    name: str
    kind: Kind
    default: Any
    doc: str

    @property
    def default_text(self) -> str:
        """The default as a scenario would write it; `none` where leaving it out is no value of its own."""
        return "none" if self.default is None else self.kind.show(self.default)


def integer(minimum: int, maximum: int) -> Kind:
    """Whole numbers from `minimum` to `maximum`, both inclusive."""

    def parse(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
            raise ValueError(value)
        return value

    return Kind(f"a whole number from {minimum} to {maximum}", parse)


def power_of_two(minimum: int, maximum: int) -> Kind:
    """Powers of two from `minimum` to `maximum`, both inclusive."""

    def parse(value: Any) -> int:
        number = integer(minimum, maximum).parse(value)
        if number & (number - 1):
            raise ValueError(value)
        return int(number)

    return Kind(f"a power of two from {minimum} to {maximum}", parse)


def boolean() -> Kind:
    """True or false."""

    def parse(value: Any) -> bool:
        if not isinstance(value, bool):
            raise TypeError(value)
        return value

    return Kind("true or false", parse, lambda value: str(value).lower())


def size(minimum_bytes: int) -> Kind:
    """A size in bytes, such as `64M`, of `minimum_bytes` at least."""

    def parse(value: Any) -> int:
        size_bytes = units.parse_size(value)
        if size_bytes < minimum_bytes:
            raise ValueError(value)
        return size_bytes

    return Kind(f"{units.SIZE_EXPECTED}, {minimum_bytes} at least", parse, units.format_size)


def duration(minimum_ns: int, maximum_ns: int | None = None) -> Kind:
    """A duration such as `100ms`, in ns, of `minimum_ns` at least, and `maximum_ns`, of whole hours, at most."""

    def parse(value: Any) -> int:
        duration_ns = units.parse_duration(value)
        if duration_ns < minimum_ns or (maximum_ns is not None and duration_ns > maximum_ns):
            raise ValueError(value)
        return duration_ns

    expected = f"{units.DURATION_EXPECTED}, {minimum_ns} ns at least"
    if maximum_ns is not None:
        expected += f", {maximum_ns // (3_600 * units.NS_PER_S)}h at most"
    return Kind(expected, parse, lambda value: units.format_duration(value).replace(" ", ""))


def choice(*names: str) -> Kind:
    """One of some words."""

    def parse(value: Any) -> str:
        if not isinstance(value, str) or value not in names:
            raise ValueError(value)
        return value

    return Kind(f"one of {', '.join(names)}", parse)


def list_of(item: Kind, most: int) -> Kind:
    """Up to `most` values of one kind, as a tuple."""

    def parse(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple) or len(value) > most:
            raise ValueError(value)
        return tuple(item.parse(each) for each in value)

    return Kind(f"a list of {most} at most, each {item.expected}", parse, lambda value: f"{list(value)}")


SEED = Option(
    "seed", integer(0, (1 << 64) - 1), 0, "Mixed into the run's seed: guests with different seeds differ."
)
"""The option that every guest takes."""


def parse_options(options: Sequence[Option], given: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """The values of all `options`, given or default; `owner` is named in errors, such as `guest hammer`.

    Raises:
        UsageError: an unknown option, or a value that is not of its kind.
    """
    known = {option.name: option for option in options}
    values = {option.name: option.default for option in options}
    for name, value in given.items():
        option = known.get(name)
        if option is None:
            raise UsageError(
                f"{owner}: unknown option '{name}'; expected one of {', '.join(known) or 'none'}"
            )
        try:
            values[name] = option.kind.parse(value)
        except (ValueError, TypeError):
            problem = f"{owner}: option '{name}': {value!r}; expected {option.kind.expected}"
            raise UsageError(problem) from None
    return values
