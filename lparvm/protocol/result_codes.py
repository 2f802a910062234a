"""Result codes of commands, and what a message of the catalogue is."""

import enum

from attrs import frozen


class Result(enum.StrEnum):
    """How a command ended."""

    COMPLETED = "COMPLETED"
    TARGET_OCCUPIED = "TARGET_OCCUPIED"
    TARGET_TAKEN = "TARGET_TAKEN"
    OUTSIDE_STORAGE = "OUTSIDE_STORAGE"
    NOT_ON_PAGE = "NOT_ON_PAGE"
    ALREADY_THERE = "ALREADY_THERE"
    UNKNOWN_LPAR = "UNKNOWN_LPAR"
    UNKNOWN_OPERATION = "UNKNOWN_OPERATION"
    LPAR_IN_OPERATION = "LPAR_IN_OPERATION"
    LPAR_CHECK_STOPPED = "LPAR_CHECK_STOPPED"
    TOO_MANY_OPERATIONS = "TOO_MANY_OPERATIONS"
    STOP_TIMED_OUT = "STOP_TIMED_OUT"
    QUIESCE_TIMED_OUT = "QUIESCE_TIMED_OUT"
    SALE_REFUSED = "SALE_REFUSED"
    STORAGE_FAULT = "STORAGE_FAULT"
    CHECK_STOPPED = "CHECK_STOPPED"
    CANCELLED = "CANCELLED"
    NOT_CANCELLABLE = "NOT_CANCELLABLE"
    UNKNOWN_PATH = "UNKNOWN_PATH"
    NO_CONSOLE = "NO_CONSOLE"
    LINE_REFUSED = "LINE_REFUSED"
    MOVED_NOT_EXPANDED = "MOVED_NOT_EXPANDED"
    TARGET_FAULTY = "TARGET_FAULTY"
    ZONE_FAULTY = "ZONE_FAULTY"
    ZONE_IN_THE_WAY = "ZONE_IN_THE_WAY"
    MOVE_FAILED = "MOVE_FAILED"
    NO_ROOM = "NO_ROOM"
    WRONG_SIZE = "WRONG_SIZE"
    GUEST_REFUSED = "GUEST_REFUSED"
    STORAGE_IN_USE = "STORAGE_IN_USE"
    SAME_LPAR = "SAME_LPAR"
    WRONG_STATE = "WRONG_STATE"
    CANNOT_DEFINE = "CANNOT_DEFINE"
    IPL_FAILED = "IPL_FAILED"
    NO_PLAN = "NO_PLAN"
    PLAN_STOPPED = "PLAN_STOPPED"
    INTERRUPTED = "INTERRUPTED"


@frozen
class MessageType:
    """An entry of the catalogue.

    Attributes:
        code: message id.
        text: format string; names in braces are filled in when the message is written.
        cause: why it appears.
        action: what to do.
        result: the command result it tells, or None.
    """

    code: str
    text: str
    cause: str
    action: str
    result: Result | None = None
