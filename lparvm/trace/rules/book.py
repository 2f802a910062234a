"""All rules over one run: each event goes to the checkers that want it, and to no other."""

from collections.abc import Callable, Iterable
from functools import partial

from lparvm.trace.rules.agreement import SaleAgrees
from lparvm.trace.rules.base import Checker, Event, Handler, RuleVerdict
from lparvm.trace.rules.commands import CommandsAnswered
from lparvm.trace.rules.custody import PageCustody
from lparvm.trace.rules.direction import DirectionRight
from lparvm.trace.rules.exchange import ExchangeCustody
from lparvm.trace.rules.given_up import GivenUpStorage
from lparvm.trace.rules.held_starts import HeldStartsInOrder
from lparvm.trace.rules.interruptions import InterruptionsOnce
from lparvm.trace.rules.interruptions_kept import InterruptionsAfterSie
from lparvm.trace.rules.io_zone import IoInsideZone
from lparvm.trace.rules.late_transfers import LateTransfersRefused
from lparvm.trace.rules.ownership import OneOwner
from lparvm.trace.rules.parts import PartsInOrder
from lparvm.trace.rules.phases import PhasesInOrder
from lparvm.trace.rules.quiesce import QuiesceHolds
from lparvm.trace.rules.requests import RequestsAnswered
from lparvm.trace.rules.starts import StartsEndOnce
from lparvm.trace.rules.stop import StopHolds
from lparvm.trace.rules.stopped_time import StoppedTime
from lparvm.trace.rules.zone import InsideZone
from lparvm.trace.vocabulary import Level

RULES: tuple[type[Checker], ...] = (
    StopHolds, QuiesceHolds, InsideZone, SaleAgrees, PageCustody, DirectionRight, OneOwner, PhasesInOrder,
    CommandsAnswered, StoppedTime, IoInsideZone, StartsEndOnce, HeldStartsInOrder, InterruptionsOnce,
    InterruptionsAfterSie, LateTransfersRefused, ExchangeCustody, GivenUpStorage, RequestsAnswered,
    PartsInOrder,
)  # fmt: skip


def all_checkers(*, proof: bool = True) -> tuple[Checker, ...]:
    """A fresh checker of each rule, in the order in which verdicts are told."""
    return tuple(rule(proof=proof) for rule in RULES)


class RuleBook:
    """The rules of one run. `feed` is a listener of `trace.writer.Trace`.

    Attributes:
        checkers: one of each rule.
    """

    def __init__(self, *, proof: bool = True, level: Level = Level.STORAGE, trusted: bool = True) -> None:
        """Open the book.

        Args:
            proof: the run takes checksums; moves without them are a violation then, else `unchecked`.
            level: the level of what will be fed. In process every fact is; from a file, what it holds.
            trusted: the events are the machine's own. Of a stranger's, what a checker can't follow (an LPAR that
                nobody activated, a number that can't be) is a violation of its rule; else it is an error here.
        """
        self.level = level
        self.checkers = all_checkers(proof=proof)
        self._trusted = trusted
        self._handlers: dict[str, tuple[Handler, ...]] = {}
        for checker in self.checkers:
            for name, own in checker.handlers.items():
                handler = own if trusted else partial(_follow, checker, own)
                self._handlers[name] = (*self._handlers.get(name, ()), handler)

    def feed(self, event: Event) -> None:
        """Show an event to the checkers that want it."""
        for handler in self._handlers.get(event["event"], ()):
            handler(event)

    def broken(self) -> tuple[str, ...]:
        """What was found until now, a line for each rule that is broken; `finish` may find more."""
        found = ((checker.name, checker.violation) for checker in self.checkers)
        return tuple(f"rule {name}: {one.text}" for name, one in found if one is not None)

    def finish(self) -> tuple[RuleVerdict, ...]:
        """All verdicts, after the last event."""
        if not self._trusted:
            for checker in self.checkers:
                _guard(checker, None, partial(checker.finish, self.level))
        return tuple(checker.finish(self.level) for checker in self.checkers)


def _follow(checker: Checker, handler: Handler, event: Event) -> None:
    """Show a checker a stranger's event."""
    _guard(checker, event, partial(handler, event))


def _guard(checker: Checker, event: Event | None, look: Callable[[], object]) -> None:
    try:
        look()
    except Exception as error:  # noqa: BLE001 - whatever a stranger's event makes of it is told, never raised
        known = f"{error} is not known" if isinstance(error, KeyError) else f"{type(error).__name__}: {error}"
        checker.violate(event, f"it can't be followed: {known}")


def check_events(events: Iterable[Event], *, level: Level, proof: bool = True) -> tuple[RuleVerdict, ...]:
    """The verdicts over a run's events, from its trace.

    Args:
        events: in their order.
        level: the trace's level.
        proof: whether the run took checksums.
    """
    book = RuleBook(proof=proof, level=level)
    for event in events:
        book.feed(event)
    return book.finish()
