"""What the reader leaves open of an event: numbers out of any range, and what stands inside lists and dicts.

The reader compares the types of fields with the vocabulary. A trace that lparvm didn't write may still hold a negative
extent, or a list of lists where names belong: nothing that counts frames or pages can use such an event.
"""

from collections.abc import Callable
from typing import Any

from lparvm.trace.rules.base import Event
from lparvm.trace.vocabulary import VOCABULARY

_INT_MAX = 1 << 63  # not included; also what other programs take as an integer
_RUN_FIELDS = (str, int, int, int)


def _is_list_of(kind: type) -> Callable[[Any], bool]:
    return lambda value: all(type(one) is kind for one in value)


def _are_runs(value: list[Any]) -> bool:
    return all(
        type(one) is list
        and tuple(map(type, one)) == _RUN_FIELDS
        and all(0 <= number < _INT_MAX for number in one[1:])
        for one in value
    )


def _are_times(value: dict[str, Any]) -> bool:
    return all(type(one) is int for one in value.values())


# The beginning of a field's text in the vocabulary -> whether what is inside is right.
_INSIDE: tuple[tuple[str, Callable[[Any], bool]], ...] = (
    ("list of str", _is_list_of(str)),
    ("list of int", _is_list_of(int)),
    ("list of [kind", _are_runs),
    ("dict of phase name to ns", _are_times),
)


def _of(name: str) -> tuple[tuple[str, ...], tuple[tuple[str, Callable[[Any], bool]], ...]]:
    fields = VOCABULARY[name].fields
    numbers = tuple(field for field, text in fields.items() if text.startswith("int"))
    inside = tuple(
        (field, check) for field, text in fields.items() for start, check in _INSIDE if text.startswith(start)
    )
    return numbers, inside


_SHAPES = {name: _of(name) for name, kind in VOCABULARY.items() if not kind.message}


def number_problem(event: Event) -> str | None:
    """What is wrong with an event's own number, time and cause; None where nothing is."""
    if not (0 <= event["t"] < _INT_MAX and 0 <= event["seq"] < _INT_MAX):
        return f"seq is {event['seq']}, t is {event['t']}; expected numbers from 0 to 2^63"
    if event["cause"] is not None and not 0 <= event["cause"] < _INT_MAX:
        return f"cause is {event['cause']}; expected a number from 0 to 2^63"
    return None


def shape_problem(event: Event) -> str | None:
    """What is wrong inside an event that the reader let pass; None where nothing is.

    Messages are not looked at, but for their times and numbers: their fields are those of classes.
    """
    problem = number_problem(event)
    shape = _SHAPES.get(event["event"])
    if shape is None or problem is not None:
        return problem
    numbers, inside = shape
    for field in numbers:
        value = event[field]
        if value is not None and not 0 <= value < _INT_MAX:
            return f"{event['event']}: {field} is {value}; expected a number from 0 to 2^63"
    for field, right in inside:
        if not right(event[field]):
            text = VOCABULARY[event["event"]].fields[field]
            return f"{event['event']}: {field} is {event[field]!r:.60}; expected {text}"
    return None
