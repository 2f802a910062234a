"""Guest programs: the contract (`base`), guests in Python (`python_guest`), the built-in ones, the registry.

What a guest's author needs is here.
"""

from lparvm.arch.interception import StartSubchannel, WaitForInterruption
from lparvm.arch.interruption import IoInterruption, ProgramCode, ProgramInterruption
from lparvm.guests.base import Damage, Guest, GuestSetup
from lparvm.guests.processor import Processor
from lparvm.guests.python_guest import Program, PythonGuest
from lparvm.options import Kind, Option, boolean, duration, integer, size

__all__ = [
    "Damage",
    "Guest",
    "GuestSetup",
    "IoInterruption",
    "Kind",
    "Option",
    "Processor",
    "Program",
    "ProgramCode",
    "ProgramInterruption",
    "PythonGuest",
    "StartSubchannel",
    "WaitForInterruption",
    "boolean",
    "duration",
    "integer",
    "size",
]
