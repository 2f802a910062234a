"""`lparvm trace VERB FILE`: the commands that read traces. Each module adds its commands to the group."""

from lparvm.trace_cli import (
    export,
    lnav,
    look,
    look_causes,
    look_custody,
    look_diff,
    look_summary,
    pictures,
    proof,
    query,
    words,
)
from lparvm.trace_cli.common import trace

__all__ = [
    "export", "lnav", "look", "look_causes", "look_custody", "look_diff", "look_summary", "pictures", "proof", "query",
    "trace", "words",
]  # fmt: skip
