"""The patent's steps."""

import enum


class Step(enum.IntEnum):
    """The patent's steps (Fig. 2)."""

    STOP = 201
    QUIESCE = 202
    CHECK = 203
    START_ADDRESSES = 204
    READ_KEY = 205
    MOVE_DATA = 206
    SET_KEY = 207
    STEP_ADDRESSES = 208
    MOVED = 209
    RESTART = 210
    REPORT = 211
