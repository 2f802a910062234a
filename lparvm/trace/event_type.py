"""What an event of the trace is: its name, level, fields and step."""

import enum

from attrs import field, frozen


class Level(enum.IntEnum):
    """How much a trace file holds. Each level includes those before it."""

    OFF = 0
    PROTOCOL = 1
    IO = 2
    STORAGE = 3


@frozen
class EventType:
    """One word of the vocabulary.

    Attributes:
        name: `noun.verb_past`, or a message's class name.
        level: the lowest trace level at which a file holds it. Checkers in process see facts at each level.
        fields: field name -> type and unit.
        step: the patent's step, or None.
        meaning: one sentence.
        since: version of the trace format.
        message: whether it stands for a message sent.
    """

    name: str
    level: Level
    fields: dict[str, str]
    meaning: str
    step: int | None = None
    since: int = 1
    message: bool = field(default=False)
