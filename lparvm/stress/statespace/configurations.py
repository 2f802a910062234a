"""The configurations that are explored, by name: from a move of one LPAR to all that two of them may get into."""

from collections.abc import Mapping
from types import MappingProxyType

from attrs import evolve

from lparvm.arch.address import Zone
from lparvm.errors import UsageError
from lparvm.stress.statespace.configuration import Configuration, Io, Lpar

_ONE, _TWO = ("IOP1",), ("IOP1", "IOP2")
_LIPS = ("LIP1", "LIP2")
_A = Lpar("A", Zone(0, 2), ("LIP1",))
_A_IO = evolve(_A, iops=_ONE)
_B = Lpar("B", Zone(4, 1), ("LIP2",))
_B_SHARED = evolve(_B, lips=("LIP1",))  # the same LIP as A
_ASKED = evolve(_A, takes_signals=True)
_MOVE = "MVSTOR A HSA=4K"  # up by one frame: source and target overlap


def _one(name: str, title: str, lpar: Lpar, *commands: str, **more: object) -> Configuration:
    """Of A alone, with free frames behind it."""
    return Configuration(name, title, 5, (lpar,), commands, **more)  # type: ignore[arg-type]


def _both(name: str, title: str, lpars: tuple[Lpar, Lpar], *commands: str, **more: object) -> Configuration:
    """Of A [0, 2) and B [4, 5), in six frames."""
    return Configuration(name, title, 6, lpars, commands, **more)  # type: ignore[arg-type]


_MOVES = (
    _one("test", "MVSTOR with TEST", _A_IO, f"{_MOVE} TEST", "CANCEL A"),
    _one("move", "MVSTOR, no I/O", _A, _MOVE),
    _one("move-io", "MVSTOR, I/O that ends at any time", _A_IO, _MOVE),
    _one("move-stuck", "MVSTOR, I/O that never ends", _A_IO, _MOVE, io=Io.NEVER),
    _one("move-cancel", "MVSTOR and CANCEL", _A_IO, _MOVE, "CANCEL op.1"),
    _one(
        "move-down", "MVSTOR down, over its own frames", evolve(_A, zone=Zone(2, 3)), _MOVE, "CANCEL A",
        frame_faults=1, mover_failures=1,
    ),
    _one("move-again", "two MVSTORs of one LPAR", _A_IO, "MVSTOR A HSA=12K", _MOVE),
    _one("move-outside", "MVSTOR past the end of storage", _A_IO, "MVSTOR A HSA=16K", "CANCEL A"),
    _one("cancel-twice", "MVSTOR and two CANCELs", _A, _MOVE, "CANCEL A", "CANCEL A"),
    _one("two-lips", "MVSTOR and CANCEL, two LIPs", evolve(_A_IO, lips=_LIPS), _MOVE, "CANCEL A"),
    _one("two-iops", "MVSTOR, two IOPs", evolve(_A, iops=_TWO), _MOVE, large=True),
    _one("two-and-two", "MVSTOR, two LIPs, two IOPs", evolve(_A, iops=_TWO, lips=_LIPS), _MOVE, large=True),
    _one("two-iops-cancel", "MVSTOR and CANCEL, two IOPs", evolve(_A, iops=_TWO), _MOVE, "CANCEL A", large=True),
)  # fmt: skip
_BUSY = (
    _one("wait", "BUSY=WAIT and CANCEL", _A_IO, f"{_MOVE} BUSY=WAIT", "CANCEL A"),
    _one("wait-stuck", "BUSY=WAIT, I/O that never ends", _A_IO, f"{_MOVE} BUSY=WAIT", "CANCEL op.1",
         io=Io.NEVER),
    _one("halt", "BUSY=HALT and CANCEL", _A_IO, f"{_MOVE} BUSY=HALT", "CANCEL A"),
    _one("halt-hears", "BUSY=HALT, I/O that ends for it", _A_IO, f"{_MOVE} BUSY=HALT", "CANCEL A", io=Io.HEARS),
    _one("halt-stuck", "BUSY=HALT, I/O that never ends", _A_IO, f"{_MOVE} BUSY=HALT", "CANCEL A", io=Io.NEVER),
    _one("halt-cancel-twice", "BUSY=HALT and two CANCELs", _A_IO, f"{_MOVE} BUSY=HALT", "CANCEL op.1", "CANCEL op.1",
         io=Io.NEVER),
    _one("two-devices", "MVSTOR, two devices on one IOP", _A_IO, _MOVE, devices=2),
    _one("suspend", "MVSTOR, a channel program that suspends itself", _A_IO, _MOVE, suspends=True),
    _one("suspend-halt", "BUSY=HALT and CANCEL, the same", _A_IO, f"{_MOVE} BUSY=HALT", "CANCEL A", suspends=True,
         io=Io.HEARS, large=True),
    _one(
        "halt-two-iops", "BUSY=HALT, two IOPs", evolve(_A, iops=_TWO), f"{_MOVE} BUSY=HALT", io=Io.HEARS, large=True
    ),
)  # fmt: skip
_FAULTS = (
    _one("sale-refused", "SALE refused again and again", _A_IO, _MOVE, sale_refusals=4),
    _one(
        "sale-refused-two-iops", "SALE refused by two IOPs", evolve(_A, iops=_TWO), _MOVE, sale_refusals=2,
        io=Io.NEVER, large=True,
    ),
    _one("mover-fails", "faulty frames and a mover that fails", _A_IO, _MOVE, frame_faults=2, mover_failures=1),
    _one("control-dies", "LPAR control dies twice", _A_IO, _MOVE, control_deaths=2),
    _one("lip-hangs", "a LIP hangs for ever", evolve(_A, lips=_LIPS, iops=_ONE), _MOVE, may_hang=("LIP2",)),
    _one("guest-fails", "guest processors fail", evolve(_A, lips=_LIPS), _MOVE, "CANCEL A", guest_failures=1),
    _one(
        "all-faults", "all of these, and CANCEL", _A_IO, _MOVE, "CANCEL A", sale_refusals=4, frame_faults=1,
        mover_failures=1, control_deaths=1, large=True,
    ),
    _one("stop-start", "STOP, START and MVSTOR", _A_IO, _MOVE, "STOP A", "START A", large=True),
    _one("stop-dies", "the same, and LPAR control dies", _A, _MOVE, "STOP A", "START A", "CANCEL A", control_deaths=1),
)  # fmt: skip
_RESIZING = (
    _one("expand", "EXPAND and CANCEL, SALE refused", evolve(_ASKED, iops=_ONE), "EXPAND A SIZE=12K", "CANCEL A",
         sale_refusals=4),
    _one("expand-deaf", "EXPAND and two CANCELs, a guest that takes no signals", _A, "EXPAND A SIZE=12K", "CANCEL A",
         "CANCEL A", sale_refusals=3),
    _one("shrink", "SHRINK and CANCEL of a guest that is asked", _ASKED, "SHRINK A SIZE=4K", "CANCEL A"),
    _one("shrink-refused", "SHRINK and CANCEL, SALE refused", evolve(_ASKED, iops=_ONE), "SHRINK A SIZE=4K",
         "CANCEL op.1", sale_refusals=4, large=True),
    _one("shrink-deaf", "SHRINK and CANCEL of a guest that takes no signals", _A_IO, "SHRINK A SIZE=4K", "CANCEL A",
         sale_refusals=3, large=True),
    _one("shrink-cancel-twice", "SHRINK and two CANCELs", _ASKED, "SHRINK A SIZE=4K", "CANCEL op.1", "CANCEL op.1"),
    _one("shrink-fails", "SHRINK of a guest that fails", _ASKED, "SHRINK A SIZE=4K", "CANCEL A", guest_failures=1),
    _one("shrink-dies", "SHRINK, LPAR control dies", _ASKED, "SHRINK A SIZE=4K", "CANCEL A", control_deaths=1),
    _one("expand-shrink", "EXPAND and SHRINK", _ASKED, "EXPAND A SIZE=12K", "SHRINK A SIZE=4K"),
    _one("shrink-move", "SHRINK and MVSTOR", _ASKED, "SHRINK A SIZE=4K", "MVSTOR A HSA=8K"),
)  # fmt: skip
_PAIRS = (
    _both("exchange", "XCHSTOR of unequal zones, and CANCEL", (_A, _B), "XCHSTOR A B", "CANCEL B"),
    _both("exchange-faults", "XCHSTOR, faults of all kinds", (_A, _B), "XCHSTOR A B", "CANCEL A",
          frame_faults=1, mover_failures=1, control_deaths=1, large=True),
    _both("exchange-io", "XCHSTOR of two LPARs with a LIP in common, I/O and CANCEL", (_A_IO, _B_SHARED),
          "XCHSTOR A B", "CANCEL B", large=True),
    _both("exchange-two-iops", "XCHSTOR, an IOP each", (_A_IO, evolve(_B, iops=("IOP2",))), "XCHSTOR A B",
          io=Io.NEVER, large=True),
    _both("exchange-refused", "XCHSTOR, one IOP that refuses SALE", (_A_IO, evolve(_B_SHARED, iops=_ONE)),
          "XCHSTOR A B", sale_refusals=4, io=Io.NEVER, large=True),
    _both("conflict", "two MVSTORs that want the same frames", (_A, _B), "MVSTOR A HSA=8K", "MVSTOR B HSA=8K"),
    _both("conflict-shared", "the same, a LIP in common", (_A, _B_SHARED), "MVSTOR A HSA=8K", "MVSTOR B HSA=12K"),
    _both("conflict-cancel", "the same, and CANCEL of both", (_A, _B_SHARED), "MVSTOR A HSA=8K", "MVSTOR B HSA=8K",
          "CANCEL A", "CANCEL B", large=True),
    _both("side-by-side", "two MVSTORs that do not meet, one with I/O", (_A_IO, _B), _MOVE, "MVSTOR B END",
          large=True),
    _both("expand-conflict", "EXPAND and MVSTOR that want the same frames, and CANCEL", (_ASKED, _B),
          "EXPAND A SIZE=12K", "MVSTOR B HSA=8K", "CANCEL A"),
    _both("exchange-conflict", "XCHSTOR and MVSTOR of one of the LPARs", (_A, _B), "XCHSTOR A B", "MVSTOR B HSA=8K"),
)  # fmt: skip
_ORDERS = (
    _one("pairwise-move", "messages overtake others from elsewhere: MVSTOR", evolve(_A_IO, lips=_LIPS), _MOVE,
         "CANCEL A", pairwise=True, large=True),
    _one("pairwise-halt", "the same: BUSY=HALT", _A_IO, f"{_MOVE} BUSY=HALT", "CANCEL A", pairwise=True, large=True),
    _one("pairwise-suspend", "the same: MVSTOR, a channel program that suspends itself", _A_IO, _MOVE, suspends=True,
         pairwise=True, large=True),
    _one("pairwise-expand", "the same: EXPAND", evolve(_ASKED, iops=_ONE), "EXPAND A SIZE=12K", "CANCEL A",
         sale_refusals=3, pairwise=True),
    _one("pairwise-shrink", "the same: SHRINK", evolve(_ASKED, iops=_ONE), "SHRINK A SIZE=4K", "CANCEL A",
         pairwise=True, large=True),
    _both("pairwise-conflict", "the same: two MVSTORs that want the same frames", (_A, _B_SHARED),
          "MVSTOR A HSA=8K", "MVSTOR B HSA=8K", pairwise=True, large=True),
)  # fmt: skip

CONFIGURATIONS: Mapping[str, Configuration] = MappingProxyType(
    {one.name: one for group in (_MOVES, _BUSY, _FAULTS, _RESIZING, _PAIRS, _ORDERS) for one in group}
)
"""By name."""


def find_configuration(name: str) -> Configuration:
    """The configuration of a name.

    Raises:
        UsageError: there is none; it names those that there are.
    """
    found = CONFIGURATIONS.get(name)
    if found is None:
        raise UsageError(f"there is no configuration '{name}'; expected one of {', '.join(CONFIGURATIONS)}")
    return found
