"""Keys of states: equal values, of whatever classes, have equal keys, and a key can be hashed."""

import enum
from collections import deque
from collections.abc import Hashable, Mapping
from typing import Any

import attrs

_LEAVES = (type(None), int, str, enum.Enum, type)


def freeze(value: Any) -> Hashable:
    """The key of a value made of attrs classes, sequences, mappings and sets.

    Two mappings with the same items in another order are the same: nothing in `protocol/` depends on the order in
    which a mapping was filled (it goes by names and numbers, or by tuples that keep the order of arrival).

    Raises:
        TypeError: something in it is none of those; it might change, or have no value.
    """
    if isinstance(value, _LEAVES):
        return value
    if isinstance(value, tuple | list | deque):
        return tuple([freeze(one) for one in value])
    if isinstance(value, Mapping):
        return frozenset([(freeze(name), freeze(one)) for name, one in value.items()])
    if isinstance(value, frozenset | set):
        return frozenset([freeze(one) for one in value])
    if attrs.has(type(value)):
        fields = attrs.fields(type(value))
        return (type(value), *[freeze(getattr(value, one.name)) for one in fields])
    raise TypeError(f"{value!r:.80} is of {type(value).__name__}, which has no key")
