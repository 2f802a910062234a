"""Looking at hand-made event streams, spoiling them, and what the rules say of them."""

from collections.abc import Callable, Iterable
from typing import Any

from lparvm.trace.rules import RuleVerdict, check_events
from lparvm.trace.vocabulary import Level

Event = dict[str, Any]


def having(name: str, **fields: Any) -> Callable[[Event], bool]:
    """Whether an event has that name and those fields."""
    return lambda event: event["event"] == name and all(event[key] == value for key, value in fields.items())


def find(events: list[Event], name: str, nth: int = 0, **fields: Any) -> int:
    """Index of the nth event like that; negative from the end."""
    return [index for index, event in enumerate(events) if having(name, **fields)(event)][nth]


def without(events: list[Event], name: str, **fields: Any) -> list[Event]:
    """All events but those like that."""
    kept = [event for event in events if not having(name, **fields)(event)]
    assert len(kept) < len(events), f"no {name} with {fields} to leave out"
    return kept


def edited(
    events: list[Event], name: str, nth: int = 0, *, like: dict[str, Any] | None = None, **new: Any
) -> list[Event]:
    """The nth event like that with other fields."""
    index = find(events, name, nth, **(like or {}))
    return [*events[:index], {**events[index], **new}, *events[index + 1 :]]


def shifted(events: list[Event], index: int, to: int) -> list[Event]:
    """The event at `index` comes at the place of the event at `to`, at its time."""
    event = {**events[index], "t": events[to]["t"]}
    rest = [*events[:index], *events[index + 1 :]]
    place = to if to < index else to - 1
    return [*rest[:place], event, *rest[place:]]


def inserted(events: list[Event], before: int, event: Event, **new: Any) -> list[Event]:
    """A further event, like an existing one, at the time of what it is put before."""
    time = events[before]["t"]
    times = {key: time for key in ("first_ns", "last_ns") if key in event}
    return [*events[:before], {**event, "t": time, **times, **new}, *events[before:]]


def numbers(events: list[Event], name: str, **fields: Any) -> list[int]:
    """Numbers of the starts, or interruptions, of events like that."""
    return [event.get("start", event.get("number")) for event in events if having(name, **fields)(event)]


def of_start(events: list[Event], number: int, name: str, nth: int = 0, lpar: str = "LPAR2") -> int:
    """Index of a start's fact."""
    return find(events, f"start.{name}", nth, lpar=lpar, start=number)


def later(events: list[Event], ns: int) -> list[Event]:
    """The machine ends so much later."""
    return [*events[:-1], {**events[-1], "t": events[-1]["t"] + ns}]


def verdicts(
    events: Iterable[Event], *, level: Level = Level.STORAGE, proof: bool = True
) -> dict[str, RuleVerdict]:
    """Rule -> verdict."""
    return {verdict.rule: verdict for verdict in check_events(events, level=level, proof=proof)}


def broken(events: Iterable[Event], **options: Any) -> dict[str, str]:
    """Broken rule -> its first violation."""
    return {
        rule: verdict.violation
        for rule, verdict in verdicts(events, **options).items()
        if verdict.violation is not None
    }
