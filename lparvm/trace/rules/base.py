"""What all rule checkers have in common: events in, one verdict out.

A checker sees facts, in the order in which they were told, and nothing else: not the actors, not the
protocol's tables, not another checker. That is what makes it a witness. Its state is bounded by the number
of LPARs, LIPs, IOPs, devices, operations and starts in flight, never by the length of the run.

A fact is fed to the checkers as the dict that stands in the trace file: `seq, t, actor, event, op, cause,
step` and its own fields (see `trace.vocabulary`).
"""

import enum
import sys
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from attrs import field, frozen

from lparvm.config import RULE_VIOLATIONS_TOLD_MAX
from lparvm.trace.vocabulary import Level

Event = Mapping[str, Any]
Handler = Callable[[Event], None]


class Verdict(enum.StrEnum):
    """What a checker has found."""

    HELD = "held"
    BROKEN = "broken"
    UNCHECKED = "unchecked"


@frozen
class Violation:
    """What broke a rule.

    Attributes:
        text: time, actor, event, and what is wrong.
        event: the event; None where only the end of the run shows it.
    """

    text: str
    event: Event | None = field(default=None, eq=False, repr=False)

    @property
    def seq(self) -> int | None:
        """The event's number; None where there is no event, or it has none."""
        return None if self.event is None else self.event["seq"]


@frozen
class RuleVerdict:
    """A rule's verdict over a run.

    Attributes:
        rule: name of the rule.
        verdict: `held`, `broken`, or `unchecked`: what was fed leaves (part of) the rule undecided.
        checked: how many things were looked at (slices, transfers, pages, commands: see the checker).
        violation: the first violation: time, actor, event, and what is wrong. None unless broken.
        reason: why `unchecked`, else None.
        violations: how many there were.
        told: the first of them, as many as `RULE_VIOLATIONS_TOLD_MAX`.
    """

    rule: str
    verdict: Verdict
    checked: int
    violation: str | None = None
    reason: str | None = None
    violations: int = 0
    told: tuple[Violation, ...] = ()


@frozen
class Explanation:
    """What a rule is about, in words: the parts of its module's docstring.

    Attributes:
        law: what holds.
        checks: what is looked at.
        not_checked: what the rule leaves to others, or to nobody.
        counts: what `checked` counts.
    """

    law: str
    checks: str
    not_checked: str
    counts: str


class Checker:
    """Base of the checkers. A subclass lists its `handlers` and calls `violate`.

    Attributes:
        name: the rule's name.
        steps: the patent's steps that it stands for, 201 to 211; none for a rule about what the patent leaves open.
        claims: the patent's claims that it stands for.
        needs: the lowest level at which all facts that the rule needs are told.
        undecided: what stays open below that level.
        proof: whether the run was made with custody checksums.
        checked: how many things were looked at.
        handlers: event name -> what handles it.
    """

    name: ClassVar[str]
    steps: ClassVar[tuple[int, ...]] = ()
    claims: ClassVar[tuple[int, ...]] = ()
    needs: ClassVar[Level] = Level.PROTOCOL
    undecided: ClassVar[str] = "no facts are told at this level"

    def __init__(self, *, proof: bool = True) -> None:
        self.proof = proof
        self.checked = 0
        self.handlers: Mapping[str, Handler] = self.listen()
        self._first_ones: list[Violation] = []
        self._violations = 0
        self._finished = False

    def listen(self) -> Mapping[str, Handler]:
        """Event name -> handler, for each event that the rule is about."""
        raise NotImplementedError

    def end(self) -> None:
        """Judge what only the end of the run can tell."""

    def undecided_reason(self) -> str | None:
        """Why the rule is undecided even where every fact was told; None: it is decided."""
        return None

    @property
    def wants(self) -> frozenset[str]:
        """Names of the events that the rule is about."""
        return frozenset(self.handlers)

    def feed(self, event: Event) -> None:
        """Look at one event."""
        handler = self.handlers.get(event["event"])
        if handler is not None:
            handler(event)

    def violate(self, event: Event | None, text: str) -> None:
        """Note a violation: the first ones in words, the others by number."""
        self._violations += 1
        if len(self._first_ones) < RULE_VIOLATIONS_TOLD_MAX:
            where = place(event) if event is not None else "at the end"
            self._first_ones.append(Violation(f"{where}: {text}", event))

    @property
    def violation(self) -> Violation | None:
        """The first violation so far; None: the rule holds until now."""
        return self._first_ones[0] if self._first_ones else None

    def finish(self, level: Level = Level.STORAGE) -> RuleVerdict:
        """The verdict, after the last event; asking again gives the same.

        Args:
            level: the level of what was fed.
        """
        if not self._finished:
            self._finished = True
            self.end()
        told = tuple(self._first_ones)
        if told:
            verdict, reason = Verdict.BROKEN, None
        else:
            reason = self.undecided if level < self.needs else self.undecided_reason()
            verdict = Verdict.UNCHECKED if reason else Verdict.HELD
        first = told[0].text if told else None
        return RuleVerdict(self.name, verdict, self.checked, first, reason, self._violations, told)

    @classmethod
    def explained(cls) -> Explanation:
        """What the rule's module says of it, at its head; empty where Python was told to leave docstrings out."""
        text = (sys.modules[cls.__module__].__doc__ or "").strip()
        law, _, rest = text.removeprefix(f"{cls.name}: ").partition("\n\n")
        checks, _, rest = rest.partition("\nNot checked: ")
        not_checked, _, counts = rest.partition("\n`checked` counts ")
        return Explanation(_joined(law), checks.strip(), _joined(not_checked), _joined(counts))


def _joined(text: str) -> str:
    return " ".join(text.split())


def place(event: Event) -> str:
    """Which event, when, by whom: the beginning of each violation's text."""
    number = "" if event["seq"] is None else f" (seq {event['seq']})"
    operation = "" if event["op"] is None else f", {event['op']}"
    return f"at {event['t']} ns, {event['actor']}, {event['event']}{number}{operation}"


def zone_of(event: Event) -> tuple[int, int]:
    """The zone of an event, as `[origin, end)` in host absolute frames."""
    origin: int = event["origin_frame"]
    return origin, origin + event["extent_frames"]


def zone_text(zone: tuple[int, int] | None) -> str:
    """A zone for people."""
    return "none" if zone is None else f"frames [{zone[0]}, {zone[1]})"
