"""Command codes of tapes, consoles and clocks; those of disks are in `fixed_block`.

Guests build channel programs of them, and devices take them. The codes are those of the 3480 (GA32-0042) and the
3215 (GA24-3550); the clock is none of IBM's.
"""

import enum


class TapeCommand(enum.IntEnum):
    """A tape's own command codes."""

    WRITE = 0x01
    READ_FORWARD = 0x02
    REWIND = 0x07
    READ_BACKWARD = 0x0C
    REWIND_UNLOAD = 0x0F
    ERASE_GAP = 0x17
    WRITE_TAPE_MARK = 0x1F
    BACKSPACE_BLOCK = 0x27
    BACKSPACE_FILE = 0x2F
    FORWARD_SPACE_BLOCK = 0x37
    FORWARD_SPACE_FILE = 0x3F


class ConsoleCommand(enum.IntEnum):
    """A console's own command codes."""

    WRITE = 0x01
    WRITE_LINE = 0x09
    READ_INQUIRY = 0x0A
    SOUND_ALARM = 0x0B


class ClockCommand(enum.IntEnum):
    """A clock's own command code: READ gives the ticks so far, 8 bytes big-endian."""

    READ = 0x02


TAPE_RECORD_BYTES_MAX = 65_535
"""Longest record of a tape."""
