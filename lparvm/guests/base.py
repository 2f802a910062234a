"""What a LIP sees of a guest: the contract that engines of every sort implement.

A LIP's SIE is `Guest.run`: it runs one guest processor for about a budget of instructions and returns why
it left. The guest knows its zone only by the state description that it is given with each run; a relocation
happens between two runs, and no view of storage may be kept from one to the next.

A guest verifies itself: it knows what its storage must hold, tells each difference once as `Damage`, and
goes on. Its own Python exceptions are interceptions, never tracebacks in a LIP.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NoReturn

from attrs import Factory, field, frozen

from lparvm import config
from lparvm.arch.interception import GuestError, Interception, ProgramCheck
from lparvm.arch.state_description import StateDescription
from lparvm.errors import UsageError
from lparvm.options import SEED, Option, parse_options
from lparvm.storage.access import Span
from lparvm.storage.expanded_storage import ExpandedStorage
from lparvm.storage.main_storage import MainStorage
from lparvm.storage.view import Observer


@frozen
class Damage:
    """One place where a guest found other data than it had stored.

    Attributes:
        address: guest absolute address.
        expected: what should be there, for people.
        found: what is there.
        lip: name of the LIP that found it; None: the final check.
    """

    address: int
    expected: str
    found: str
    lip: str | None


@frozen
class GuestSetup:
    """What a guest is made from.

    Attributes:
        lpar: name of the LPAR.
        lips: names of its LIPs; the guest has one processor for each.
        seed: seed of the run; the guest mixes in the LPAR and its option `seed`.
        options: the scenario's options for this guest, not yet checked.
        devices: numbers of the LPAR's devices.
        storage: main storage.
        expanded: expanded storage; None: the machine has none.
    """

    lpar: str
    lips: tuple[str, ...]
    seed: int
    options: dict[str, Any] = Factory(dict)
    devices: tuple[int, ...] = ()
    storage: MainStorage = field(kw_only=True, repr=False)
    expanded: ExpandedStorage | None = field(default=None, kw_only=True, repr=False)


class Guest(ABC):
    """The operating system of an LPAR, as its LIPs run it.

    Attributes:
        OPTIONS: the options it takes besides `seed`.
        setup: what it was made from.
        options: the values of all options.
        damage: the damage found, the first `config.DAMAGE_RECORDS_MAX` in detail.
        damage_count: how much was found in all.
    """

    OPTIONS: ClassVar[tuple[Option, ...]] = ()

    def __init__(self, setup: GuestSetup) -> None:
        """Check the options.

        Raises:
            UsageError: an option is unknown, or its value wrong.
        """
        self.setup = setup
        self.options = parse_options((*self.OPTIONS, SEED), setup.options, f"guest {type(self).__name__}")
        self.damage: list[Damage] = []
        self.damage_count = 0
        self._damage_known: set[tuple[int, str, str]] = set()
        self._damage_taken = 0

    @abstractmethod
    def load(self, states: Sequence[StateDescription]) -> GuestError | ProgramCheck | None:
        """IPL: put the initial contents into the zone, which was cleared.

        Called once, before the first `run`.

        Args:
            states: the state description of each processor, in the order of their `cpu_address`.

        Returns:
            None where the guest can run; else what its own code did wrong, which its first `run` returns too.
        """

    @abstractmethod
    def run(self, state: StateDescription, budget: int) -> Interception:
        """SIE: run one processor for about `budget` instructions, to an instruction boundary.

        `state.reply` is taken as the reply to the request that the last run returned; `state.instructions`
        grows by the instructions used. A processor that ended returns the same interception again.
        Where `can_take_signal`, a pending `state.service_signal` is taken before anything else is run.
        """

    def can_take_signal(self, state: StateDescription) -> bool:
        """Whether a service signal that is put into this state description will be taken, and answered.

        A processor that ended is then run for it, and returns `ProgramEnded` again when its handler has ended.
        An engine that knows of no service signals can't.
        """
        del state
        return False

    @abstractmethod
    def take_span(self, state: StateDescription) -> Span:
        """What this processor touched since the last call, in host absolute addresses."""

    @abstractmethod
    def observe(self, observer: Observer | None) -> None:
        """Have each access of all processors told to `observer`; None: to nobody."""

    @abstractmethod
    def verify(self, states: Sequence[StateDescription]) -> GuestError | ProgramCheck | None:
        """The final check of all storage, after all processors stopped; damage shows in `take_damage`.

        Its time is bounded also for huge zones.

        Returns:
            None where the check was made; else why it could not be, and what it found until then counts.
        """

    @property
    @abstractmethod
    def steps(self) -> int:
        """Steps of work that were done and verified, over all processors."""

    @property
    @abstractmethod
    def fetches(self) -> int:
        """Words fetched by all processors, without IPL and final check."""

    @property
    @abstractmethod
    def stores(self) -> int:
        """Words stored by all processors, without IPL and final check."""

    def refuse_option(self, name: str, expected: str) -> NoReturn:
        """Refuse the value of an option, for a guest whose options depend on each other.

        Raises:
            UsageError: always; it says what was expected.
        """
        guest = type(self).__name__
        raise UsageError(f"guest {guest}: option '{name}': {self.options[name]!r}; expected {expected}")

    def add_damage(self, damage: Damage) -> None:
        """Count damage, unless it is known already, and keep its detail, unless there is too much."""
        known = damage.address, damage.expected, damage.found
        if known in self._damage_known:
            return
        self.damage_count += 1
        if len(self.damage) < config.DAMAGE_RECORDS_MAX:
            self._damage_known.add(known)
            self.damage.append(damage)

    def take_damage(self) -> list[Damage]:
        """The damage found since the last call, as far as it is kept in detail."""
        new = self.damage[self._damage_taken :]
        self._damage_taken = len(self.damage)
        return new
