"""What a seed draws before its machine starts: plain data, small, and every choice 0 is the simplest.

Storage in frames, times in ns of virtual time.
"""

import enum
from collections.abc import Mapping

from attrs import Factory, frozen

from lparvm.scenario.model import Scenario


class Role(enum.StrEnum):
    """What a guest is there for."""

    WITNESS = "witness"  # does a fixed number of operations; is compared with a run without relocations
    SHARER = "sharer"  # the built-in guest that adds to counters on a disk that another LPAR uses too
    SHARED = "shared"  # words that LIPs and I/O share; its history is judged
    PULSE = "pulse"  # works for ever
    HAMMER = "hammer"  # the built-in guest


@frozen
class Order:
    """Something an operator will do. Numbers without a unit are resolved when it is done, by what is there then.

    Attributes:
        verb: of the command, as in `orders.VERBS`.
        lpar: number of the LPAR, modulo how many there are.
        other: number of a second one.
        place: which of the places that come into question.
        size: frames more or less.
        wait_ns: how long the operator waits before.
        cancel_ns: a CANCEL so long after; None: none.
        cancel_in: that CANCEL comes when the operation enters this phase, or after that time; empty: after that time.
        cancel_by_lpar: whether that names the LPAR instead of the operation.
        twice: the same is done to another LPAR at the same moment.
        words: further words of the command, such as QUIESCE=1ms.
    """

    verb: str
    lpar: int = 0
    other: int = 0
    place: int = 0
    size: int = 0
    wait_ns: int = 0
    cancel_ns: int | None = None
    cancel_in: str = ""
    cancel_by_lpar: bool = False
    words: tuple[str, ...] = ()
    twice: bool = False


class StressFault(enum.StrEnum):
    """What fails in a stress run, beside what devices do."""

    FRAME = "frame"
    MOVER = "mover"
    CONTROL_DIES = "control-dies"
    LIP_STUCK = "lip-stuck"
    SALE_REFUSED = "sale-refused"
    DUPLICATE_ENDING = "duplicate-ending"


@frozen
class Blow:
    """A fault that strikes.

    Attributes:
        kind: what fails.
        at_ns: when.
        number: which frame, LIP, IOP or device, modulo how many there are; or after how many pages or messages.
        duration_ns: for how long, where it ends by itself.
        phase: LPAR control dies a few messages after an operation has entered this phase, or a LIP of its LPAR hangs
            there; empty: at that time.
    """

    kind: StressFault
    at_ns: int
    number: int = 0
    duration_ns: int = 0
    phase: str = ""


@frozen
class Pace:
    """How finely work is cut up.

    Attributes:
        slice_max: instructions of a guest's slice at most.
        chunk_pages_max: pages of the mover's chunk at most.
        points: in so many of 100 storage points others may run.
        blocks_at_once: blocks that a disk moves between two storage points; None: all.
        delays: in so many of 1000 a message is delayed.
        echoes: in so many of 100 the end of a start is told again, a while later.
    """

    slice_max: int = 200
    chunk_pages_max: int = 4096
    points: int = 0
    blocks_at_once: int | None = None
    delays: int = 0
    echoes: int = 0


@frozen
class Plan:
    """All of it.

    Attributes:
        scenario: the machine; its commands and faults are empty.
        roles: of each LPAR.
        operators: what each operator does, one after the other; the operators work side by side.
        blows: faults.
        pace: how finely work is cut up.
        jumps: of the clock, see `dst.Chaos`.
        freezes: of tasks.
    """

    scenario: Scenario
    roles: Mapping[str, Role]
    operators: tuple[tuple[Order, ...], ...] = ()
    blows: tuple[Blow, ...] = ()
    pace: Pace = Factory(Pace)
    jumps: int = 0
    freezes: int = 0

    @property
    def witnesses(self) -> tuple[str, ...]:
        """LPARs whose guests must not notice relocations."""
        return tuple(name for name, role in self.roles.items() if role is Role.WITNESS)
