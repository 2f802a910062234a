"""What a command's answer tells: its result, filled into the message of the catalogue."""

from attrs import Factory, frozen

from lparvm.protocol.busy_devices import BusyDevice
from lparvm.protocol.catalogue import BY_CODE, BY_RESULT, Result


@frozen
class LipStop:
    """How long one LIP's guest stood still, and in which phases; the parts add up to the whole."""

    lpar: str
    lip: str
    stopped_ns: int
    phases_ns: dict[str, int] = Factory(dict)


@frozen
class Outcome:
    """What a command's answer tells.

    Attributes:
        result: the result code.
        values: what fills the message's text.
        lips: stopped time a LIP; empty where no guest was stopped.
        pages: pages that were moved to the target and stayed there.
        busy_devices: every device that 202 waited for, in the order first reported, as last reported.
    """

    result: Result
    values: dict[str, object] = Factory(dict)
    lips: tuple[LipStop, ...] = ()
    pages: int = 0
    busy_devices: tuple[BusyDevice, ...] = ()

    @property
    def code(self) -> str:
        """Message id."""
        # A command that completed without moving anything says so by its own text.
        if self.result is Result.COMPLETED and "text" in self.values:
            return "LVM011I"
        return BY_RESULT[self.result].code

    @property
    def message(self) -> str:
        """The message's text, without its id."""
        return BY_CODE[self.code].text.format_map(_Values(self.values))


class _Values(dict[str, object]):
    """Missing values show as `?`: a message must never fail to be written."""

    def __missing__(self, key: str) -> str:
        return "?"


def message_text(code: str, **values: object) -> str:
    """The text of a catalogue message, filled in, without its id."""
    return BY_CODE[code].text.format_map(_Values(values))


__all__ = ["LipStop", "Outcome", "Result", "message_text"]
