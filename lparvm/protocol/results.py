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
        code: message id; None: that of the result. The catalogue has several for COMPLETED.
    """

    result: Result
    values: dict[str, object] = Factory(dict)
    lips: tuple[LipStop, ...] = ()
    pages: int = 0
    busy_devices: tuple[BusyDevice, ...] = ()
    _code: str | None = None

    @property
    def code(self) -> str:
        """Message id."""
        if self._code is not None:
            return self._code
        # A command that completed without moving anything says so by its own text.
        if self.result is Result.COMPLETED and "text" in self.values:
            return "LVM011I"
        return BY_RESULT[self.result].code

    @property
    def message(self) -> str:
        """The message's text, without its id."""
        return BY_CODE[self.code].text.format_map(_Values(self.values))


@frozen
class Totals:
    """What several operations of one command came to together.

    A LIP whose guest stood in more than one of them has one entry: the sum, in all and by phase.
    """

    lips: tuple[LipStop, ...] = ()
    pages: int = 0
    busy_devices: tuple[BusyDevice, ...] = ()

    def plus(self, outcome: Outcome) -> "Totals":
        """With one more operation."""
        stops = {(stop.lpar, stop.lip): stop for stop in self.lips}
        for stop in outcome.lips:
            before = stops.get((stop.lpar, stop.lip), LipStop(stop.lpar, stop.lip, 0))
            phases_ns = dict(before.phases_ns)
            for phase, duration_ns in stop.phases_ns.items():
                phases_ns[phase] = phases_ns.get(phase, 0) + duration_ns
            stopped_ns = before.stopped_ns + stop.stopped_ns
            stops[stop.lpar, stop.lip] = LipStop(stop.lpar, stop.lip, stopped_ns, phases_ns)
        busy = {device.key: device for device in (*self.busy_devices, *outcome.busy_devices)}
        return Totals(tuple(stops.values()), self.pages + outcome.pages, tuple(busy.values()))

    def outcome(self, result: Result, values: dict[str, object], code: str | None = None) -> Outcome:
        """The answer of all of them."""
        return Outcome(result, values, self.lips, self.pages, self.busy_devices, code=code)


class _Values(dict[str, object]):
    """Missing values show as `?`: a message must never fail to be written."""

    def __missing__(self, key: str) -> str:
        return "?"


def message_text(code: str, **values: object) -> str:
    """The text of a catalogue message, filled in, without its id."""
    return BY_CODE[code].text.format_map(_Values(values))


__all__ = ["LipStop", "Outcome", "Result", "Totals", "message_text"]
