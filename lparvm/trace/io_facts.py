"""The facts of input and output: IOPs, channel programs, subchannels, interruptions.

A *start* is named by its LPAR and `start`, a number that LIP control counts up with each START SUBCHANNEL that
it accepts; an *interruption* by its LPAR and `number`, counted up likewise.
"""

from lparvm.protocol.messages import Step
from lparvm.trace.event_type import EventType, Level

_NAME = "str"
_FRAME = "int, host absolute frame"
_TIME = "int, ns"
_COUNT = "int, count"
_HOST = "int, host absolute address, or null"
_DEVICE = "str, device number in hex"
_START = {"lpar": _NAME, "iop": _NAME, "device": _DEVICE, "start": "int, number of the start"}
_INTERRUPTION = {"lpar": _NAME, "device": _DEVICE, "number": "int, number of the interruption"}

SPAN = {
    "first_ns": _TIME,
    "last_ns": _TIME,
    "fetches": _COUNT,
    "stores": _COUNT,
    "lowest_host": _HOST,
    "highest_host": _HOST + ", inclusive",
    "origin_frame": _FRAME + ": the origin used, or null",
}

IO_FACTS: tuple[EventType, ...] = (
    # IOPs: quiesce and SALE.
    EventType(
        "iop.quiesced",
        Level.PROTOCOL,
        {"lpar": _NAME, "iop": _NAME},
        "no I/O of the LPAR is active at this IOP; new starts are held",
        Step.QUIESCE,
    ),
    EventType(
        "sale.set",
        Level.PROTOCOL,
        {"lpar": _NAME, "iop": _NAME, "origin_frame": _FRAME, "extent_frames": "int, frames"},
        "the IOP checks the LPAR's addresses against this zone",
    ),
    EventType(
        "starts.released", Level.PROTOCOL, {"lpar": _NAME, "iop": _NAME, "held": _COUNT}, "held starts begin"
    ),
    # A start, from its acceptance to its end.
    EventType(
        "start.accepted",
        Level.IO,
        {"lpar": _NAME, "device": _DEVICE, "start": "int, number of the start"},
        "START SUBCHANNEL was accepted: condition code 0",
    ),
    EventType("start.held", Level.IO, _START, "a start that has not begun waits while its LPAR is quiescing"),
    EventType(
        "start.deferred",
        Level.IO,
        {**_START, "reason": "str, 'busy' or 'reserved'"},
        "the device runs another LPAR's program, or is reserved for one: the start waits",
    ),
    EventType(
        "resume.held", Level.IO, _START, "a suspended program is to be resumed while its LPAR is quiescing"
    ),
    EventType("start.resumed", Level.IO, _START, "a suspended program goes on"),
    EventType("start.begun", Level.IO, _START, "the start's channel program runs"),
    EventType(
        "start.ended",
        Level.IO,
        {
            "lpar": _NAME,
            "iop": "str or null: no path was left",
            "device": _DEVICE,
            "start": "int, number of the start",
            "function": "str, what ended it: START | HALT | CLEAR",
            "device_status": "int, status byte",
            "subchannel_status": "int, status byte",
        },
        "a start ended, once; also one that never began",
    ),
    EventType(
        "transfer.ended",
        Level.IO,
        {
            **_START,
            **SPAN,
            "bytes": "int, bytes",
            "device_status": "int, status byte",
            "subchannel_status": "int, status byte",
        },
        "a channel program ended, was given up, or goes on under another SALE: what it touched until then",
    ),
    EventType(
        "transfer.refused",
        Level.PROTOCOL,
        {**_START, "address": "int, guest absolute address", "bytes": "int, bytes"},
        "a device that was given up came late: the IOP refused its transfer, nothing was touched",
    ),
    EventType(
        "device.ended",
        Level.PROTOCOL,
        {**_START, "operation": "str, the operation that waited for it", "active_ns": _TIME},
        "a device that step 202 waited for in vain ended after all",
    ),
    # Interruptions.
    EventType("interruption.pending", Level.IO, _INTERRUPTION, "an I/O interruption is pending for the LPAR"),
    EventType(
        "interruption.presented",
        Level.IO,
        {**_INTERRUPTION, "lip": _NAME},
        "a guest processor took the interruption",
    ),
    EventType(
        "interruption.cleared",
        Level.IO,
        {**_INTERRUPTION, "reason": "str, the instruction that cleared it"},
        "the interruption is no longer pending, and was not presented",
    ),
    EventType(
        "interruptions.kept",
        Level.IO,
        {"lpar": _NAME, "numbers": "list of int, numbers of the interruptions"},
        "the guest is in SIE again: what is pending now, before anything is presented",
    ),
    # Paths and consoles.
    EventType(
        "path.varied",
        Level.PROTOCOL,
        {"iop": _NAME, "device": _DEVICE, "online": "bool"},
        "the operator varied a path",
    ),
    EventType(
        "console.written",
        Level.PROTOCOL,
        {"lpar": _NAME, "device": _DEVICE, "text": "str"},
        "a guest wrote a line",
    ),
    EventType(
        "line.entered",
        Level.PROTOCOL,
        {"lpar": "str or null: whoever reads first", "device": _DEVICE, "text": "str"},
        "a line was typed at a console",
    ),
)
