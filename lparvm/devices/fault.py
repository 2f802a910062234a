"""`fault`: a disk in memory that misbehaves, by script or by chance.

It has the commands of `disk`. How a start goes is settled at its first command for the disk itself: by the next
entry of `script`; after the last one by chance, if `probability` says so; otherwise by `then`. A start that only
asks for sense data or the like takes no entry. An entry is one of the following words, and a duration where it says
so (`delay 50ms`; `DEFAULT_NS` where it is left out):

- `ok`: like any disk.
- `delay` (duration): waits before it does anything; it hears HALT meanwhile.
- `stop`: does nothing, ever, and is deaf to HALT: it must be cleared, and is busy for good.
- `unit-check`: equipment check, before it does anything.
- `no-end`: its first READ or WRITE moves all data, and then never ends; deaf to HALT.
- `late-end` (duration): its first READ or WRITE moves all data, and ends so much later; deaf to HALT meanwhile.
- `late-transfer` (duration): its first READ or WRITE is deaf for so long, and then moves its data at once, whether or
  not someone gave up on it. The IOP has to refuse what comes too late.
- `slow` (duration): its READs and WRITEs move block by block, and wait so long before each.
- `disconnect` (duration): its first READ or WRITE moves the first half of the blocks, breaks off for so long, and
  goes on; it hears HALT meanwhile. A single block is moved before.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from attrs import frozen

from lparvm.arch.channel import ENDED
from lparvm.arch.fixed_block import DiskCommand
from lparvm.config import DEVICE_SCRIPT_ENTRIES_MAX, RUN_NS_MAX
from lparvm.devices.base import DataArea, Deaf, DeviceCheck, Sense, Waits
from lparvm.devices.disk import SIZE_OPTION, Disk
from lparvm.devices.stuck import STUCK_WAIT_NS
from lparvm.options import Kind, Option, duration, list_of
from lparvm.units import format_duration

DEFAULT_NS = 10_000_000
"""How long, where an entry doesn't say."""
_TIMED = ("delay", "late-end", "late-transfer", "slow", "disconnect")
_UNTIMED = ("ok", "stop", "unit-check", "no-end")
_DURATION = duration(1, RUN_NS_MAX)


@frozen
class Misbehaviour:
    """How a start goes.

    Attributes:
        word: what the device does.
        duration_ns: for how long; 0 where it has no duration.
    """

    word: str
    duration_ns: int = 0


def _misbehaviour(value: Any) -> Misbehaviour:
    if not isinstance(value, str):
        raise TypeError(value)
    word, _, rest = value.strip().partition(" ")
    if word in _UNTIMED and not rest:
        return Misbehaviour(word)
    if word in _TIMED:
        return Misbehaviour(word, _DURATION.parse(rest.strip()) if rest else DEFAULT_NS)
    raise ValueError(value)


def _show(value: Misbehaviour) -> str:
    length = format_duration(value.duration_ns).replace(" ", "") if value.duration_ns else ""
    return f"{value.word} {length}".rstrip()


def _chances(value: Any) -> tuple[tuple[Misbehaviour, float], ...]:
    if not isinstance(value, Mapping) or len(value) > DEVICE_SCRIPT_ENTRIES_MAX:
        raise TypeError(value)
    chances = []
    for entry, chance in value.items():
        if isinstance(chance, bool) or not isinstance(chance, int | float) or not 0 <= chance <= 1:
            raise ValueError(value)
        chances.append((_misbehaviour(entry), float(chance)))
    # Three times 1/3 in decimals may be a little more than 1.
    if sum(chance for _, chance in chances) > 1 + 1e-9:
        raise ValueError(value)
    return tuple(chances)


_ENTRY = Kind(
    f"one of {', '.join(_UNTIMED)}, or one of {', '.join(_TIMED)} with a duration", _misbehaviour, _show
)
_CHANCES = Kind(
    f"a table of probabilities, together 1 at most, by entry such as 'delay 50ms': {_ENTRY.expected}",
    _chances,
)


class Fault(Disk):
    """A disk in memory that misbehaves, by script or by chance."""

    KIND = "fault"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        SIZE_OPTION,
        Option(
            "script", list_of(_ENTRY, DEVICE_SCRIPT_ENTRIES_MAX), None, "How one start after another goes."
        ),
        Option("then", _ENTRY, Misbehaviour("ok"), "How starts go after the script."),
        Option("probability", _CHANCES, None, "How likely a start after the script goes otherwise."),
    )

    def __init__(self, number: int, latency_ns: int, options: Mapping[str, Any], seed: int = 0) -> None:
        """Check the options."""
        super().__init__(number, latency_ns, options, seed)
        self._script = list(reversed(self.options["script"] or ()))
        self._present: Misbehaviour | None = None

    def begin_chain(self) -> None:
        """Another start, which will go another way."""
        super().begin_chain()
        self._present = None

    def _draw(self) -> Misbehaviour:
        if self._script:
            entry: Misbehaviour = self._script.pop()
            return entry
        then: Misbehaviour = self.options["then"]
        if chances := self.options["probability"]:
            drawn = self.rng.random()
            for likely, chance in chances:
                if drawn < chance:
                    chosen: Misbehaviour = likely
                    return chosen
                drawn -= chance
        return then

    def execute(self, command: int, data: DataArea, *, chained: bool) -> Waits:
        """Perform one of `DiskCommand`, in the way of this start."""
        if self._present is None:
            self._present = present = self._draw()
            match present.word:
                case "delay":
                    yield present.duration_ns
                case "stop":
                    yield from _for_ever()
                case "unit-check":
                    raise DeviceCheck(Sense.EQUIPMENT_CHECK, "as the script says")
        return (yield from super().execute(command, data, chained=chained))

    def transfer(self, command: DiskCommand, data: DataArea) -> Waits:
        """READ or WRITE, in the way of this start."""
        present = self._present or Misbehaviour("ok")
        if present.word == "slow":
            yield self.latency_ns
            more = True
            while more:
                yield present.duration_ns
                more = self.move(command, data, 1)
            return ENDED
        self._present = Misbehaviour("ok")  # all others happen once in a start
        match present.word:
            case "late-transfer":
                yield Deaf(self.latency_ns + present.duration_ns)
                self.move(command, data, self._left)
            case "disconnect":
                yield self.latency_ns
                more = self.move(command, data, (self._left + 1) // 2)
                yield present.duration_ns
                if more:
                    self.move(command, data, self._left)
            case _:
                yield from super().transfer(command, data)
                if present.word == "late-end":
                    yield Deaf(present.duration_ns)
                elif present.word == "no-end":
                    yield from _for_ever()
        return ENDED


def _for_ever() -> Waits:
    while True:
        yield Deaf(STUCK_WAIT_NS)
