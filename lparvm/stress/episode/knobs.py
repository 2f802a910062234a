"""Times that production code fixes for people and machines of real size, shortened for machines that live milliseconds.

Otherwise what comes after them would hardly ever be seen: nobody waits for a second of grace in a run of ten.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from lparvm.protocol import resizing_rules, standstill
from lparvm.stress.mutants import Patch

KNOBS = (
    Patch(standstill, "HALT_GRACE_NS", 3_000_000),
    Patch(standstill, "BUSY_REMINDER_NS", 4_000_000),
    Patch(resizing_rules, "SHRINK_ANSWER_NS", 15_000_000),
)


@contextmanager
def turned() -> Iterator[None]:
    """Within it the times are short."""
    with ExitStack() as stack:
        for patch in KNOBS:
            stack.enter_context(patch.applied())
        yield
