"""`lparvm stress`: stress campaigns from the command line.

command.py       the options; each mode is a function in a module of its own, loaded when it is asked for
campaign.py      the default mode: many seeds
keeping.py       the files that it leaves: tapes of failures, the board
replay.py        a tape again: shrunk, traced, told
audit.py         the same seeds with two hash seeds
progress.py      how it goes, on a terminal or line by line
summary_view.py  what it came to
real.py          the soak under the real clock
"""

from lparvm.stress_cli.command import stress

__all__ = ["stress"]
