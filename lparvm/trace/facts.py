"""The facts that actors tell: the part of the vocabulary that is not derived from messages.

Those of I/O stand in `io_facts`, those of LPARs' coming, going and changing in `map_facts`.
"""

from lparvm.protocol.messages import Step
from lparvm.trace.event_type import EventType, Level
from lparvm.trace.io_facts import IO_FACTS, SPAN
from lparvm.trace.map_facts import MAP_FACTS

_NAME = "str"
_FRAME = "int, host absolute frame"
_FRAMES = "int, frames"
_PAGE = "int, page of the zone"
_PAGES = "int, pages"
_TIME = "int, ns"
_COUNT = "int, count"
_HOST = "int, host absolute address, or null"
_ZONE = {"origin_frame": _FRAME, "extent_frames": _FRAMES}
_LPAR_LIP = {"lpar": _NAME, "lip": _NAME}

FACTS: tuple[EventType, ...] = (
    # The machine.
    EventType(
        "machine.started",
        Level.PROTOCOL,
        {
            "seed": "int, number",
            "main_storage_frames": _FRAMES,
            "lpars": "list of str",
            "lips": "list of str",
            "iops": "list of str",
        },
        "the first event: the machine begins, storage is still empty",
    ),
    EventType("machine.ended", Level.PROTOCOL, {"interrupted": "bool"}, "all actors have ended"),
    EventType(
        "lpar.activated",
        Level.PROTOCOL,
        {
            "lpar": _NAME,
            **_ZONE,
            "guest": _NAME,
            "lips": "list of str",
            "iops": "list of str",
            "expanded_first_block": "int, block of expanded storage; 0 where there are none",
            "expanded_blocks": "int, blocks of 4 KiB; no relocation moves them",
        },
        "an LPAR owns its zone, cleared, and its expanded storage; SALE stands; no guest is loaded yet",
    ),
    # The map: one owner a frame.
    EventType(
        "area.reserved",
        Level.PROTOCOL,
        {
            "lpar": _NAME,
            **_ZONE,
            "partners": "list of str: other LPARs of the operation, with which frames may be shared until the commit",
        },
        "the resource manager holds an area for an LPAR: a move's target, or what its zone is to grow by",
        Step.CHECK,
    ),
    EventType(
        "zone.moved",
        Level.PROTOCOL,
        {
            "lpar": _NAME,
            **_ZONE,
            "from_frame": _FRAME,
        },
        "the map's entry of the LPAR is the target now: the commit",
    ),
    EventType(
        "area.released",
        Level.PROTOCOL,
        {"lpar": _NAME, **_ZONE},
        "frames held for the LPAR beside its zone are free",
    ),
    EventType(
        "area.poisoned",
        Level.PROTOCOL,
        {"lpar": _NAME, **_ZONE, "poisoned_frames": _FRAMES},
        "vacated frames hold the poison pattern; frames never touched stay uncommitted",
    ),
    # The operator.
    EventType("command.received", Level.PROTOCOL, {"text": "str"}, "the service processor took a command"),
    EventType(
        "command.answered",
        Level.PROTOCOL,
        {
            "text": "str",
            "result": _NAME,
            "code": "str, message id",
            "message": "str",
        },
        "the service processor answered it",
        Step.REPORT,
    ),
    EventType(
        "operator.messaged",
        Level.PROTOCOL,
        {"code": "str, message id", "message": "str"},
        "a message to the operator",
    ),
    # The relocation.
    EventType(
        "phase.entered",
        Level.PROTOCOL,
        {"lpar": _NAME, "phase": _NAME, "state": _NAME},
        "the relocation entered a phase; step is the phase's",
    ),
    EventType(
        "target.prepared",
        Level.PROTOCOL,
        {"lpar": _NAME, **_ZONE},
        "the target's frames were touched beforehand",
    ),
    EventType(
        "move.started",
        Level.PROTOCOL,
        {
            # A move back has the source and target of the move that it undoes, exchanged.
            "lpar": _NAME,
            "source_frame": _FRAME + ": page 0's, where pages come from",
            "target_frame": _FRAME + ": page 0's, where pages go to",
            "pages": _PAGES,
            "direction": "str, 'descending' (from the end) or 'ascending'",
            "inverse": "bool, a move back",
            "first_page": _PAGE + ": lowest page of the part to be moved",
        },
        "start addresses were set",
        Step.START_ADDRESSES,
    ),
    EventType(
        "chunk.moved",
        Level.PROTOCOL,
        {
            "lpar": _NAME,
            "first_page": _PAGE,
            "pages": _PAGES,
            "keys_read": "int, step 205",
            "keys_set": "int, step 207",
            "steps": "int, step 208",
            "pages_across": "int, the cursor after it",
            "inverse": "bool",
        },
        "a chunk of pages was moved with its keys",
        Step.MOVE_DATA,
    ),
    EventType(
        "move.ended",
        Level.PROTOCOL,
        {
            "lpar": _NAME,
            "pages_across": "int, the cursor",
            "outcome": "str, moved | interrupted | fault | failed",
            "fault_frame": "int, host absolute frame, or null",
            "inverse": "bool",
        },
        "the area is moved, or the move stopped",
        Step.MOVED,
    ),
    EventType(
        "custody.recorded",
        Level.PROTOCOL,
        {
            "lpar": _NAME,
            **_ZONE,
            "pages": _PAGES,
            "data_digest": "str, hex",
            "key_digest": "str, hex",
        },
        "checksums of every page and key of the quiesced zone, before the move",
    ),
    EventType(
        "custody.verified",
        Level.PROTOCOL,
        {
            "lpar": _NAME,
            **_ZONE,
            "pages": _PAGES,
            "keys": "int, keys that landed",
            "lost": _PAGES,
            "duplicated": _PAGES,
            "stale": _PAGES,
            "keys_wrong": _COUNT,
            "data_digest": "str, hex",
            "key_digest": "str, hex",
        },
        "the same after the move, page by page; at the source where it was backed out",
    ),
    EventType(
        "guest.stood",
        Level.PROTOCOL,
        {
            **_LPAR_LIP,
            "stopped_ns": _TIME,
            "phases_ns": "dict of phase name to ns; the parts add up",
        },
        "how long a LIP's guest stood still",
        Step.REPORT,
    ),
    # LIPs and guests.
    EventType(
        "lip.stopped",
        Level.PROTOCOL,
        {**_LPAR_LIP, "left_sie_ns": _TIME},
        "the LIP left SIE for a stop, or was not in it",
        Step.STOP,
    ),
    EventType(
        "sie.issued",
        Level.PROTOCOL,
        {**_LPAR_LIP, **_ZONE},
        "the LIP runs the guest, at this zone",
        Step.RESTART,
    ),
    EventType(
        "zone.noted",
        Level.PROTOCOL,
        {**_LPAR_LIP, **_ZONE},
        "the LIP set the zone in the state description of a guest that failed, and doesn't run it",
        Step.RESTART,
    ),
    EventType(
        "slice.ended",
        Level.IO,
        {
            **_LPAR_LIP,
            **SPAN,
            "instructions": "int, instructions",
            "interception": _NAME,
        },
        "one time slice of a guest on a LIP: what it touched",
    ),
    EventType(
        "storage.accessed",
        Level.STORAGE,
        {
            **_LPAR_LIP,
            "access": "str, fetch | store | key",
            "address": "int, guest absolute address",
            "host": _HOST,
            "bytes": "int, bytes",
        },
        "one access of a guest",
    ),
    EventType(
        "guest.ended",
        Level.PROTOCOL,
        {
            **_LPAR_LIP,
            "reason": "str, 'program ended', or why it failed: then the LPAR is stopped for good",
        },
        "a guest processor has no more to do",
    ),
    EventType(
        "guest.damaged",
        Level.PROTOCOL,
        {
            "lpar": _NAME,
            "lip": "str or null",
            "address": "int, guest absolute address",
            "expected": "str",
            "found": "str",
        },
        "a guest found its data damaged",
    ),
    EventType(
        "guest.verified",
        Level.PROTOCOL,
        {
            "lpar": _NAME,
            "guest": _NAME,
            "steps": _COUNT,
            "damage": _COUNT,
        },
        "a guest's own check at the end",
    ),
    EventType("storage.failed", Level.PROTOCOL, {"frame": _FRAME}, "a frame was made faulty by the scenario"),
    EventType(
        "fault.injected",
        Level.PROTOCOL,
        {"kind": _NAME, "target": _NAME},
        "another fault of the scenario struck",
    ),
    *IO_FACTS,
    *MAP_FACTS,
)
