"""The values of an event one by one, whatever is nested in them; without recursion, so no depth is too deep."""

from collections.abc import Iterable, Iterator
from typing import Any

Leaf = tuple[str, Any]


def leaves(event: dict[str, Any]) -> Iterator[Leaf]:
    """(path, value) of each value that holds no other, in the event's order: `placements[0].zone.origin`.

    An empty list or object is such a value itself.
    """
    open_: list[Iterator[Leaf]] = [iter(event.items())]
    while open_:
        for path, value in open_[-1]:
            kind = type(value)
            if (kind is dict or kind is list) and value:
                open_.append(_inside(path, value))
                break
            yield path, value
        else:
            open_.pop()


def _inside(path: str, value: Any) -> Iterator[Leaf]:
    if type(value) is dict:
        return ((f"{path}.{name}", one) for name, one in value.items())
    return ((f"{path}[{index}]", one) for index, one in enumerate(value))


def texts(values: Iterable[Any]) -> Iterator[str]:
    """Every string among values and in them."""
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        kind = type(value)
        if kind is str:
            yield value
        elif kind is dict:
            waiting.extend(value.values())
        elif kind is list:
            waiting.extend(value)


def name_of(path: str) -> str:
    """The name that a path ends in, without its place in lists: `zone.origin` is `origin`."""
    return path.rpartition(".")[2].partition("[")[0]
