"""What a device is to the channel that runs its commands.

A device knows its medium and where it stands on it. It knows nothing of guest storage, CCWs or IOPs: it takes
and gives bytes through a `DataArea`, which the channel makes of the CCWs. A command is a synchronous generator
that yields what it waits for; whoever drives the channel program sleeps.

Several LPARs may use one device, by several IOPs: it runs one channel program at a time (`connect`), and may be
reserved for one LPAR. Sense data are kept for each LPAR.

RESERVE keeps the device for the LPAR that gave it, from one start to the next, until that LPAR gives RELEASE or is
reset. Starts of other LPARs wait meanwhile, whatever their commands: a device cannot look into a channel program
before it begins. So UNCONDITIONAL RESERVE comes through for the holder only, or where there is none, and is then a
RESERVE; none of the three gives data.
"""

import enum
import random
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping
from typing import Any, ClassVar, Protocol

from attrs import frozen

from lparvm.arch.channel import ENDED, SENSE_BYTES, Command, DeviceStatus
from lparvm.errors import UsageError
from lparvm.options import Option, parse_options
from lparvm.units import stream_seed

_COMMON = frozenset(int(command) for command in Command)


class Sense(enum.IntFlag):
    """Why a command ended in unit check: byte 0 of the sense data."""

    COMMAND_REJECT = 0x80
    INTERVENTION_REQUIRED = 0x40
    BUS_OUT_CHECK = 0x20
    EQUIPMENT_CHECK = 0x10
    DATA_CHECK = 0x08
    OVERRUN = 0x04


class DeviceCheck(Exception):  # noqa: N818 - the architecture's word; it becomes unit check
    """The device cannot do what it was told: unit check.

    Attributes:
        sense: byte 0 of what SENSE tells of it.
        detail: the bytes after that one, up to `SENSE_BYTES` - 1; what is missing is zeros.
    """

    def __init__(self, sense: Sense, problem: str, detail: bytes = b"") -> None:
        """Keep the sense; the text is for people."""
        self.sense = sense
        self.detail = detail
        super().__init__(problem)


@frozen
class Deaf:
    """A wait in which the device does not hear HALT: it is told to end, and goes on all the same.

    Attributes:
        duration_ns: how long.
    """

    duration_ns: int


Waits = Generator[int | Deaf, None, DeviceStatus]
"""A command under way: yields times to wait in ns, returns the device status of its end."""


class DataArea(Protocol):
    """The data of one command, as its device moves them; data chaining and indirect addressing are inside.

    Bytes come in the order in which the medium passes: of a READ BACKWARD the record's last byte is the first
    given, and the channel stores it at the highest address.
    """

    def take(self, most: int) -> bytes | memoryview:
        """The next bytes of an output command: `most`, or fewer where the program's count is used up.

        A memoryview is of guest storage: to be used before the next wait, and not kept.

        Raises:
            ChannelCheck: the channel program is wrong; it ends the program, so let it pass.
        """

    def give(self, data: bytes | bytearray | memoryview) -> int:
        """Bytes of an input command; returns how many the program's count took.

        Raises:
            ChannelCheck: as for `take`.
        """


class Device(ABC):
    """A device.

    Attributes:
        number: device number.
        latency_ns: time that an operation on the medium takes.
        seed: of its random choices; `rng` is seeded by it and the number.
        reserved_by: the LPAR for which it is reserved; None: for none.
        user: the LPAR whose channel program it runs; None: it is free.
    """

    OPTIONS: ClassVar[tuple[Option, ...]] = ()
    KIND: ClassVar[str] = ""
    IDENTITY: ClassVar[bytes] = bytes.fromhex("FF 0000 00 0000 00")
    """Answer to SENSE ID: X'FF', control-unit type and model, device type and model."""
    COMMANDS: ClassVar[Mapping[int, str]] = {}
    """The names of its own commands, for people, by command code."""
    ANY_LENGTH: ClassVar[frozenset[int]] = frozenset()
    """Commands without a length of their own: that they take or give more than the program's count is how they
    find its end, and no incorrect length."""

    def __init__(self, number: int, latency_ns: int, options: Mapping[str, Any], seed: int = 0) -> None:
        """Check the options.

        Args:
            number: device number.
            latency_ns: time of each operation, 0 or more.
            options: as the scenario gives them.
            seed: of the run.

        Raises:
            UsageError: an option is unknown, or its value wrong.
        """
        self.number = number
        self.latency_ns = latency_ns
        self.name = f"device {number:04X} ({self.KIND})"
        self.options = parse_options(self.OPTIONS, options, self.name)
        self.rng = random.Random(stream_seed(seed, "device", number))
        self.reserved_by: str | None = None
        self.user: str | None = None
        self._sense: dict[str, bytes] = {}

    @classmethod
    def summary(cls) -> str:
        """One sentence."""
        return (cls.__doc__ or "").strip().splitlines()[0]

    def option_error(self, option: str, problem: str, expected: str) -> UsageError:
        """The error of an option whose value cannot be used."""
        return UsageError(f"{self.name}: option '{option}': {problem}; expected {expected}")

    # --- one channel program after another ----------------------------------------------------------------

    def available(self, user: str) -> bool:
        """Whether a channel program of this LPAR can begin now."""
        return self.user is None and self.reserved_by in (None, user)

    def connect(self, user: str) -> None:
        """A channel program of this LPAR begins; only where it is `available`."""
        assert self.available(user), f"{self.name} is not available to {user}"
        self.user = user

    def disconnect(self) -> None:
        """The channel program has ended, in whatever way. Idempotent."""
        self.user = None

    def reset(self, user: str) -> None:
        """System reset of an LPAR: its reservation and its sense data are gone."""
        self._sense.pop(user, None)
        if self.reserved_by == user:
            self.reserved_by = None

    def begin_chain(self) -> None:  # noqa: B027 - most devices keep nothing from one command to the next
        """The first command of a start follows: forget what commands left for those chained to them."""

    # --- commands -----------------------------------------------------------------------------------------

    def operation(self, command: int) -> str:
        """The name of a command, for people."""
        if command in self.COMMANDS:
            return self.COMMANDS[command]
        try:
            return Command(command).name
        except ValueError:
            return f"command {command:02X}"

    def perform(self, command: int, data: DataArea, *, chained: bool) -> Waits:
        """Perform a command; the device is connected.

        Args:
            command: command code, of a valid direction; any, also one that it doesn't know.
            data: the CCW's data.
            chained: by command chaining: not the first command of its start.

        Raises:
            DeviceCheck: it can't; `note_check` then keeps the sense.
            ChannelCheck: out of `data`.
        """
        if not chained:
            self.begin_chain()
        if command not in _COMMON:
            self._sense.pop(self._connected, None)
            return (yield from self.execute(command, data, chained=chained))
        if command == Command.SENSE:
            data.give(self._sense.get(self._connected, b"").ljust(SENSE_BYTES, b"\0"))
            return ENDED
        if command == Command.NO_OPERATION:
            return ENDED
        self._sense.pop(self._connected, None)
        match command:
            case Command.SENSE_ID:
                data.give(self.IDENTITY)
            case Command.RESERVE | Command.UNCONDITIONAL_RESERVE:
                self.reserved_by = self._connected
            case Command.RELEASE:
                self.reserved_by = None
            case _:  # a TRANSFER IN CHANNEL is for the channel
                raise self.reject(command)
        return ENDED

    @abstractmethod
    def execute(self, command: int, data: DataArea, *, chained: bool) -> Waits:
        """Perform a command of its own; see `perform`. An unknown one: `raise self.reject(command)`."""

    def reject(self, command: int) -> DeviceCheck:
        """The device doesn't know a command."""
        return DeviceCheck(Sense.COMMAND_REJECT, f"command {command:02X}; expected one it knows")

    def note_check(self, check: DeviceCheck) -> None:
        """Keep the sense of a unit check for the LPAR that is connected."""
        self._sense[self._connected] = (bytes((check.sense,)) + check.detail)[:SENSE_BYTES]

    @property
    def _connected(self) -> str:
        assert self.user is not None, f"{self.name} is not connected"
        return self.user

    # --- what it does by itself ---------------------------------------------------------------------------

    def alone(self) -> Iterator[tuple[int, DeviceStatus]]:
        """What it does unasked: (ns to wait, status then offered to each LPAR that uses it), one by one."""
        return iter(())

    def enter(self, line: str, lpar: str | None = None) -> None:  # noqa: ARG002 - for those that take it
        """A line typed at it, for an LPAR or for whichever reads first; ATTENTION is then to be offered.

        Raises:
            UsageError: it has no keyboard, or does not take the line.
        """
        raise UsageError(f"{self.name} takes no lines from '{lpar or 'anyone'}'; expected a console")

    def take_output(self) -> tuple[tuple[str, str], ...]:
        """Lines written for people since the last call, each as (LPAR, text)."""
        return ()

    def close(self) -> None:  # noqa: B027 - most devices hold nothing
        """Write out what is held back and let go of files. Idempotent."""
