"""The facts about LPARs' coming and going, exchange, resizing, faulty frames, and control parts that die."""

from lparvm.protocol.messages import Step
from lparvm.trace.event_type import EventType, Level

_NAME = "str"
_FRAME = "int, host absolute frame"
_PAGES = "int, pages"
_TIME = "int, ns"
_ZONE = {"origin_frame": _FRAME, "extent_frames": "int, frames"}

MAP_FACTS: tuple[EventType, ...] = (
    # Coming and going. An LPAR is activated (it owns a zone), its guest is loaded, once or more often, and at
    # last it is deactivated.
    EventType(
        "lpar.defined",
        Level.PROTOCOL,
        {"lpar": _NAME, "extent_frames": "int, frames", "guest": _NAME, "lips": "list of str"},
        "an LPAR that is not active was defined, or defined anew",
    ),
    EventType(
        "guest.loaded",
        Level.PROTOCOL,
        {"lpar": _NAME, "guest": _NAME, **_ZONE},
        "IPL: the zone was cleared and holds the guest's initial contents; a new life of the guest begins",
    ),
    EventType(
        "lpar.reset",
        Level.PROTOCOL,
        {"lpar": _NAME, "iop": _NAME, "cleared": "int, starts that were cleared"},
        "system reset at an IOP: no start of the LPAR is active, waiting or held there, and none may come "
        "from before",
    ),
    EventType(
        "lpar.deactivated",
        Level.PROTOCOL,
        {"lpar": _NAME, **_ZONE},
        "an LPAR owns nothing any more; its frames are free",
    ),
    EventType(
        "guest.held",
        Level.PROTOCOL,
        {"lpar": _NAME, "held": "bool, by STOP; false: by START no more"},
        "the operator stopped the guest, or started it again; between them no operation starts it",
    ),
    # Resizing.
    EventType(
        "area.cleared",
        Level.PROTOCOL,
        {"lpar": _NAME, **_ZONE},
        "data and keys of frames that were reserved for an LPAR are zero",
    ),
    EventType(
        "zone.resized",
        Level.PROTOCOL,
        {"lpar": _NAME, **_ZONE, "from_frames": "int, frames: the extent before"},
        "the map's entry has a new extent; what a zone lost is held beside it until it is released",
    ),
    EventType(
        "extent.set",
        Level.PROTOCOL,
        {"lpar": _NAME, "lip": _NAME, **_ZONE},
        "a LIP has the new extent in the state description of a guest that may be running: between slices",
    ),
    EventType(
        "guest.signalled",
        Level.PROTOCOL,
        {"lpar": _NAME, "lip": _NAME, "signal": "str, StorageGrown | StorageWanted", "extent_frames": "int, frames"},
        "a service signal is pending for the guest: storage has grown, or is wanted back",
    ),
    EventType(
        "guest.answered",
        Level.PROTOCOL,
        {"lpar": _NAME, "lip": _NAME, "answer": "str, StorageUsed | StorageGivenUp | StorageKept",
         "extent_frames": "int, frames; 0 where it keeps its storage"},
        "the guest answered a service signal",
    ),
    # Exchange. The lower of the two zones is told as `lower`, by where they were before the exchange.
    EventType(
        "exchange.started",
        Level.PROTOCOL,
        {
            "lower": _NAME,
            "upper": _NAME,
            "lower_source_frame": _FRAME,
            "lower_frames": "int, frames: extent of the lower zone",
            "lower_target_frame": _FRAME,
            "upper_source_frame": _FRAME,
            "upper_frames": "int, frames: extent of the upper zone",
            "upper_target_frame": _FRAME,
            "steps": "int, page steps from the first to the last of the whole exchange",
            "steps_done": "int, the cursor at this start",
            "inverse": "bool, an exchange back: from the cursor to 0",
        },
        "start addresses of an exchange were set, or it goes on from its cursor",
        Step.START_ADDRESSES,
    ),
    EventType(
        "chunk.exchanged",
        Level.PROTOCOL,
        {
            "lower": _NAME,
            "upper": _NAME,
            "runs": "list of [kind, first_frame, second_frame, pages] in the order done: 'swap' exchanges the "
                    "contents of two disjoint areas, 'shift' moves the first area to the second",
            "keys_read": "int, step 205",
            "keys_set": "int, step 207",
            "steps_done": "int, the cursor after it",
            "inverse": "bool",
        },
        "a chunk of pages was exchanged with their keys",
        Step.MOVE_DATA,
    ),
    EventType(
        "exchange.ended",
        Level.PROTOCOL,
        {
            "lower": _NAME,
            "upper": _NAME,
            "steps_done": "int, the cursor",
            "outcome": "str, moved | interrupted | fault | failed",
            "fault_frame": "int, host absolute frame, or null",
            "inverse": "bool",
        },
        "the areas are exchanged, or the exchange stopped",
        Step.MOVED,
    ),
    # Faults, and parts that die.
    EventType(
        "frame.retired",
        Level.PROTOCOL,
        {"frame": _FRAME, "lpar": "str, whose zone it lies in, or null"},
        "the map has a faulty frame as out of use; in a zone it stays in use until it is freed",
    ),
    EventType(
        "part.failed",
        Level.PROTOCOL,
        {"part": _NAME, "message": "str, the message in hand, or null"},
        "a control part died; messages to it wait",
    ),
    EventType(
        "part.restarted",
        Level.PROTOCOL,
        {"part": _NAME, "operations": "list of str, under way"},
        "its supervisor started it again; it goes on from its records",
    ),
    # Prediction.
    EventType(
        "stop.predicted",
        Level.PROTOCOL,
        {"lpar": _NAME, "low_ns": _TIME, "expected_ns": _TIME, "high_ns": _TIME, "samples": "int, count"},
        "how long the guest should stand still, by the machine's own history",
    ),
    EventType(
        "prediction.scored",
        Level.PROTOCOL,
        {"lpar": _NAME, "expected_ns": _TIME, "stopped_ns": _TIME, "within": "bool, inside the interval"},
        "what came of a prediction",
        Step.REPORT,
    ),
)  # fmt: skip
