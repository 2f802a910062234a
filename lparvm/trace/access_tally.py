"""Accesses to one page or frame, counted between two events of its story; told one by one on demand."""

from typing import Any

from attrs import Factory, define

from lparvm.trace.wording import printable, time_text

Event = dict[str, Any]


@define
class Entry:
    """Something of a story.

    Attributes:
        event: the event that tells it; of several, the first.
        text: what it means for the page or the frame.
    """

    event: Event
    text: str


@define
class _Counts:
    """What one LIP or IOP did."""

    first: Event
    last_ns: int
    counts: dict[str, int] = Factory(dict)


@define
class AccessTally:
    """Collects accesses until something else happens.

    Attributes:
        each: tell each access by itself.
    """

    each: bool = False
    _by_whom: dict[str, _Counts] = Factory(dict)

    def note(self, event: Event, whom: str, kind: str) -> list[Entry]:
        """An access; what is to be told at once."""
        if self.each:
            return [Entry(event, f"{whom}: {kind}")]
        one = self._by_whom.get(whom)
        if one is None:
            one = self._by_whom[whom] = _Counts(event, event["t"])
        one.counts[kind] = one.counts.get(kind, 0) + 1
        one.last_ns = event["t"]
        return []

    def told(self) -> list[Entry]:
        """What was collected; from now on it begins anew."""
        found = [Entry(one.first, _counted(whom, one)) for whom, one in self._by_whom.items()]
        self._by_whom.clear()
        return found


def _counted(whom: str, one: _Counts) -> str:
    counts = ", ".join(f"{count} {kind}" for kind, count in one.counts.items())
    until = f", until {time_text(one.last_ns)}" if one.last_ns > one.first["t"] else ""
    return f"{whom}: {counts}{until}"


def access_kind(event: Event) -> str:
    """`fetch`, `store` or `key access` of a `storage.accessed`."""
    return "key access" if event["access"] == "key" else printable(event["access"])
