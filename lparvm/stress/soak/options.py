"""How a soak is run, and how far one is."""

from collections.abc import Callable
from pathlib import Path

from attrs import Factory, frozen

from lparvm import config
from lparvm.arch.address import PAGE_BYTES
from lparvm.assembly import Parts
from lparvm.errors import UsageError
from lparvm.units import format_duration, format_size


@frozen
class SoakOptions:
    """How a soak is run.

    Attributes:
        seed: draws the machine, the guests, and each operator's commands.
        duration_ns: how long commands are given; it ends when the last one is answered.
        storage_bytes: size of main storage; a bit more than half of it is the LPARs'.
        operators: how many commands are under way at once, CANCELs not counted.
        trace: where the last events are written when it fails; None: nowhere.
        answer_ns: how long a command may take to its answer.
        stall_ns: how long a guest that should run may do nothing.
        parts: what the machine is built from.
    """

    seed: int = 0
    duration_ns: int = config.SOAK_NS_DEFAULT
    storage_bytes: int = config.SOAK_STORAGE_BYTES_DEFAULT
    operators: int = config.SOAK_OPERATORS_DEFAULT
    trace: Path | None = None
    answer_ns: int = config.SOAK_ANSWER_NS_MAX
    stall_ns: int = config.SOAK_STALL_NS_MAX
    parts: Parts = Factory(Parts)

    def __attrs_post_init__(self) -> None:
        """Check the ranges.

        Raises:
            UsageError: something is out of range.
        """
        storage_most = config.MAIN_STORAGE_FRAMES_MAX * PAGE_BYTES
        self._check("duration", self.duration_ns, config.SOAK_NS_MIN, config.RUN_NS_MAX, format_duration)
        self._check(
            "main storage", self.storage_bytes, config.SOAK_STORAGE_BYTES_MIN, storage_most, format_size
        )
        self._check("number of operators", self.operators, 1, config.SOAK_OPERATORS_MAX, str)

    @staticmethod
    def _check(name: str, value: int, least: int, most: int, show: Callable[[int], str]) -> None:
        if not least <= value <= most:
            raise UsageError(f"soak: a {name} of {show(value)}; expected {show(least)} to {show(most)}")


@frozen
class SoakProgress:
    """How far a soak is.

    Attributes:
        elapsed_ns: of `duration_ns`.
        commands: answered until now.
        relocations: moves and exchanges that were committed.
        moved_bytes: of pages that were moved and stayed.
        own_bytes: of memory, without what the guests' storage holds.
        problems: found until now.
    """

    elapsed_ns: int
    duration_ns: int
    commands: int
    relocations: int
    moved_bytes: int
    own_bytes: int
    problems: int
