"""What a scenario says, as the machine uses it: storage in frames, times in ns, names in upper case."""

import enum
from collections.abc import Mapping
from typing import Any

from attrs import Factory, frozen

from lparvm.arch.address import Zone
from lparvm.config import LIP_MIPS_DEFAULT, TRANSFER_RATE_BYTES_S_DEFAULT
from lparvm.protocol.results import Result


@frozen
class Timing:
    """What work costs under the virtual clock.

    Attributes:
        lip_mips: speed of a LIP, in million guest instructions a second.
        transfer_rate: of the page mover, in bytes a second.
    """

    lip_mips: float = LIP_MIPS_DEFAULT
    transfer_rate: int = TRANSFER_RATE_BYTES_S_DEFAULT


@frozen
class DeviceConfig:
    """A device.

    Attributes:
        number: device number, 0 to 0xFFFF.
        kind: what `devices.registry.make_device` calls it.
        iops: the IOPs it is attached to, a path each, in the order of the paths.
        latency_ns: time of each operation.
        options: what else its kind takes.
    """

    number: int
    kind: str
    iops: tuple[str, ...]
    latency_ns: int
    options: Mapping[str, Any] = Factory(dict)


@frozen
class LparConfig:
    """An LPAR.

    Attributes:
        zone: its frames, host absolute.
        lips: the LIPs that run it, in the order of the guest's processors.
        guest: a built-in name, or `package.module:Class`.
        options: the guest's options.
        devices: numbers of its devices, in the order in which the guest counts them.
        expanded_blocks: its expanded storage, in blocks of 4 KiB.
    """

    name: str
    zone: Zone
    lips: tuple[str, ...]
    guest: str
    options: Mapping[str, Any] = Factory(dict)
    devices: tuple[int, ...] = ()
    expanded_blocks: int = 0


@frozen
class Moment:
    """How far an operation is.

    Attributes:
        lpar: an operation on this LPAR; None: on any.
        phase: it is in this phase; with no page: it enters it.
        page: it has moved so many pages (of an exchange: page steps).
    """

    lpar: str | None = None
    phase: str | None = None
    page: int | None = None


@frozen
class CommandConfig:
    """A command, given to the service processor at a time or a moment, and the result it should have.

    Attributes:
        at_ns: time from the start; None: at the moment `when`.
        text: the command.
        expect: the result.
        when: the moment; None: there is a time.
        then: commands that follow, each given when the one before it was answered; each should complete.
    """

    at_ns: int | None
    text: str
    expect: Result = Result.COMPLETED
    when: Moment | None = None
    then: tuple[str, ...] = ()


class FaultKind(enum.StrEnum):
    """What can fail."""

    STORAGE = "storage"  # a frame: the page mover has a machine check there
    SALE_REFUSED = "sale-refused"  # an IOP refuses the next SALE
    MOVER = "mover"  # the page mover itself
    CONTROL_DIES = "control-dies"  # LPAR control; its supervisor starts it again
    LIP_STUCK = "lip-stuck"  # a LIP neither runs nor answers for a while


@frozen
class FaultConfig:
    """A fault, at a time from the start, or when an operation is so far.

    Attributes:
        kind: what fails.
        target: the IOP's or LIP's name; of `storage` the address as it was written; else empty.
        at_ns: time from the start; None: at the moment `when`.
        when: the moment; of `mover` its page is where the mover fails.
        address: host absolute address in the frame that fails; 0 for other kinds.
        duration_ns: how long a LIP hangs.
    """

    kind: FaultKind
    target: str = ""
    at_ns: int | None = None
    when: Moment | None = None
    address: int = 0
    duration_ns: int = 0


@frozen
class RunConfig:
    """How long the machine runs; longer where a command is answered later."""

    duration_ns: int


@frozen
class Scenario:
    """All that a run is made from, but for seed and clock.

    Attributes:
        name: the built-in name, or the file as it was named.
        title: one line.
        main_storage_frames: size of main storage.
        iops: names, in the order of the file.
        lips: names of all LIPs, in natural order: LIP2 before LIP10.
        commands: in the order of the file; their times need not be in order.
        iop_rates: of each IOP, what it moves over all its subchannels, in bytes a second; None: no limit.
    """

    name: str
    title: str
    main_storage_frames: int
    timing: Timing
    iops: tuple[str, ...]
    devices: tuple[DeviceConfig, ...]
    lpars: tuple[LparConfig, ...]
    lips: tuple[str, ...]
    commands: tuple[CommandConfig, ...]
    faults: tuple[FaultConfig, ...]
    run: RunConfig
    iop_rates: Mapping[str, int | None] = Factory(dict)

    @property
    def expanded_blocks(self) -> int:
        """The expanded storage of all LPARs, in blocks of 4 KiB."""
        return sum(lpar.expanded_blocks for lpar in self.lpars)
