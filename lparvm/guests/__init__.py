"""Guest programs: the contract (`base`), guests in Python (`python_guest`), the built-in ones, the registry.

What a guest's author needs is here. A guest that does I/O puts its channel programs into its own storage, as
`Ccw(...).encode()`, and runs them by `yield from run_program(device, Orb(address))`; `program_page` lays whole programs
for disks, `records` has areas with guards, and `driver` makes starts again that were halted.
"""

from lparvm.arch.channel import Ccw, CcwFlag, Command, DeviceStatus, SubchannelStatus
from lparvm.arch.device_commands import ClockCommand, ConsoleCommand, TapeCommand
from lparvm.arch.fixed_block import DiskCommand, Operation, define_extent, locate
from lparvm.arch.interception import (
    ClearSubchannel,
    HaltSubchannel,
    ModifySubchannel,
    ResumeSubchannel,
    ServiceCall,
    SetAddressLimit,
    StartSubchannel,
    Stored,
    StoreSubchannel,
    Tested,
    TestPendingInterruption,
    TestSubchannel,
    WaitForInterruption,
)
from lparvm.arch.interruption import IoInterruption, ProgramCode, ProgramInterruption
from lparvm.arch.service_signal import (
    ServiceSignal,
    StorageGivenUp,
    StorageGrown,
    StorageKept,
    StorageUsed,
    StorageWanted,
)
from lparvm.arch.subchannel import Function, Irb, Orb, Pmcw, Schib, Scsw, Status
from lparvm.guests.base import Damage, Guest, GuestSetup
from lparvm.guests.channel_io import await_end, await_status, run_program
from lparvm.guests.processor import Processor
from lparvm.guests.python_guest import Program, PythonGuest
from lparvm.options import Kind, Option, boolean, choice, duration, integer, list_of, size

__all__ = [
    "Ccw",
    "CcwFlag",
    "ClearSubchannel",
    "ClockCommand",
    "Command",
    "ConsoleCommand",
    "Damage",
    "DeviceStatus",
    "DiskCommand",
    "Function",
    "Guest",
    "GuestSetup",
    "HaltSubchannel",
    "IoInterruption",
    "Irb",
    "Kind",
    "ModifySubchannel",
    "Operation",
    "Option",
    "Orb",
    "Pmcw",
    "Processor",
    "Program",
    "ProgramCode",
    "ProgramInterruption",
    "PythonGuest",
    "ResumeSubchannel",
    "Schib",
    "Scsw",
    "ServiceCall",
    "ServiceSignal",
    "SetAddressLimit",
    "StartSubchannel",
    "Status",
    "StorageGivenUp",
    "StorageGrown",
    "StorageKept",
    "StorageUsed",
    "StorageWanted",
    "StoreSubchannel",
    "Stored",
    "SubchannelStatus",
    "TapeCommand",
    "TestPendingInterruption",
    "TestSubchannel",
    "Tested",
    "WaitForInterruption",
    "await_end",
    "await_status",
    "boolean",
    "choice",
    "define_extent",
    "duration",
    "integer",
    "list_of",
    "locate",
    "run_program",
    "size",
]
