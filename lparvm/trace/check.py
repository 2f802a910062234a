"""The proof of a run, from its trace alone: every rule, and what they say of the patent's steps and claims.

Nothing of the machine is used: a trace of another implementation is checked in the same way. What a checker can't
follow breaks its rule; an event whose insides are malformed is told as a problem of the file and left out.
"""

from typing import Any

from attrs import frozen

from lparvm.trace.chains import Chain, Chains, Link
from lparvm.trace.reader import TraceReader
from lparvm.trace.rules import RULES, RuleBook, RuleVerdict, Verdict
from lparvm.trace.rules.base import Event, Violation, place
from lparvm.trace.shapes import shape_problem
from lparvm.trace.vocabulary import Level

STEPS: dict[int, str] = {
    201: "stop", 202: "quiesce", 203: "check", 204: "start addresses", 205: "read key", 206: "move page data",
    207: "set key", 208: "step", 209: "until all is moved", 210: "restart by SIE", 211: "report",
}  # fmt: skip
CLAIMS: dict[tuple[int, ...], str] = {
    (5, 11): "SALE after the pages have moved",
    (6, 13): "move, then expand",
    (7, 14): "exchange",
}
_OPEN_HEAD = "the file begins in the middle of the run; the rules follow a run from its beginning"


@frozen
class Found:
    """What breaks a rule, and how it came to that.

    Attributes:
        text: what is wrong, when and by whom.
        seq: number of the event; None where only the end of the run shows it.
        line: its line in the file, from 1; None where there is none, or it isn't known.
        chain: its causes, back to the operator's command.
    """

    text: str
    seq: int | None = None
    line: int | None = None
    chain: Chain | None = None


@frozen
class RuleResult:
    """A rule's verdict, with its first violations placed in the file."""

    verdict: RuleVerdict
    found: tuple[Found, ...] = ()

    @property
    def name(self) -> str:
        """The rule's name."""
        return self.verdict.rule


@frozen
class Part:
    """A step or claim of the patent, and the rules that stand for it.

    Attributes:
        kind: step | claims | more (rules about what the patent leaves open).
        numbers: of the step, or of the claims.
        title: what it is.
        verdict: `broken` where one of the rules is; `held` where all are held and anything was looked at.
        checked: how many things the rules looked at, together.
        rules: their names.
    """

    kind: str
    numbers: tuple[int, ...]
    title: str
    verdict: Verdict
    checked: int
    rules: tuple[str, ...]


@frozen
class CheckReport:
    """What checking a trace came to.

    Attributes:
        header: the file's.
        trailer: the file's; None: it was cut off.
        events: how many were read.
        level: what the file holds.
        rules: all of them.
        parts: the patent's steps and claims, then the rest.
        damage: what guests found damaged; the first ones.
        damage_count: how much.
        problem_count: what is wrong with the file.
        headless: the file begins in the middle of the run: no rule was checked.
    """

    header: Event
    trailer: Event | None
    events: int
    level: Level
    rules: tuple[RuleResult, ...]
    parts: tuple[Part, ...]
    damage: tuple[Found, ...] = ()
    damage_count: int = 0
    problem_count: int = 0
    headless: bool = False

    @property
    def exit_code(self) -> int:
        """0: all that could be checked holds, in a whole file."""
        return int(self.verdict not in {"held", "unchecked"} or self.headless)

    @property
    def verdict(self) -> str:
        """`damaged` (guests' data), `broken` (a rule), `problems` (the file), `held`, or `unchecked`: nothing was."""
        verdicts = [rule.verdict.verdict for rule in self.rules]
        if self.damage_count:
            return "damaged"
        if Verdict.BROKEN in verdicts:
            return "broken"
        if self.problem_count or self.trailer is None:
            return "problems"
        return "held" if Verdict.HELD in verdicts else "unchecked"

    def as_json(self) -> dict[str, Any]:
        """The object that `lparvm trace check --json` prints; every key is always there."""
        told = None if self.trailer is None else self.trailer.get("verdict")
        return {
            "verdict": self.verdict,
            "told_verdict": told,
            "level": self.level.name.lower(),
            "events": self.events,
            "cut_off": self.trailer is None,
            "begins_in_the_middle": self.headless,
            "problems": self.problem_count,
            "rules": [_rule_json(rule) for rule in self.rules],
            "patent": [
                {
                    "kind": part.kind,
                    "numbers": part.numbers,
                    "title": part.title,
                    "verdict": part.verdict.value,
                    "checked": part.checked,
                    "rules": part.rules,
                }
                for part in self.parts
            ],
            "damage": [_found_json(found) for found in self.damage],
            "damage_count": self.damage_count,
        }


def _rule_json(rule: RuleResult) -> dict[str, Any]:
    verdict = rule.verdict
    return {
        "rule": verdict.rule,
        "verdict": verdict.verdict.value,
        "checked": verdict.checked,
        "reason": verdict.reason,
        "violations": verdict.violations,
        "first": [_found_json(found) for found in rule.found],
    }


def _found_json(found: Found) -> dict[str, Any]:
    chain = found.chain
    command = None if chain is None else chain.command
    return {
        "text": found.text,
        "seq": found.seq,
        "line": found.line,
        "command": None if command is None or chain is None else {**_link_json(command), "text": chain.text},
        "causes": [] if chain is None else [_link_json(one) for one in chain.links[:-1]],
        "causes_left_out": 0 if chain is None else chain.left_out,
    }


def _link_json(link: Link) -> dict[str, Any]:
    return {
        "seq": link.seq, "line": link.line or None, "t_ns": link.t_ns, "actor": link.actor, "event": link.event,
        "op": link.op,
    }  # fmt: skip


def check_trace(reader: TraceReader) -> CheckReport:
    """Read a trace to its end and judge it; what is wrong with the file is noted at the reader.

    Args:
        reader: a trace that was just opened.
    """
    pass_ = _Pass(reader)
    for event in reader:
        pass_.take(event)
    return pass_.report()


class _Pass:
    """One reading of the trace: all rules, the causes, the guests' damage."""

    def __init__(self, reader: TraceReader) -> None:
        self._reader = reader
        self._chains = Chains()
        # Where the header doesn't say whether checksums are taken, their lack is no violation.
        proof = reader.header.get("proof") is True
        self._book = RuleBook(proof=proof, level=reader.level, trusted=False)
        first_seq = reader.header.get("first_seq")
        self._headless = type(first_seq) is int and first_seq > 1
        self._damage: list[Violation] = []
        self._damage_count = 0

    def take(self, event: Event) -> None:
        """Judge one event."""
        problem = shape_problem(event)
        if problem is not None:
            self._reader.note(problem)
            return
        self._chains.note(event, self._reader.lines.number)
        if event["event"] in _DAMAGE and (text := _damage_text(event)):
            self._damage_count += 1
            if len(self._damage) < _DAMAGE_TOLD_MAX:
                self._damage.append(Violation(f"{place(event)}: {text}", event))
        if not self._headless:
            self._book.feed(event)

    def report(self) -> CheckReport:
        """The verdicts, after the last event."""
        reader = self._reader
        verdicts = self._book.finish()
        if self._headless:
            verdicts = tuple(
                RuleVerdict(one.rule, Verdict.UNCHECKED, 0, reason=_OPEN_HEAD) for one in verdicts
            )
        rules = tuple(RuleResult(one, tuple(map(self._placed, one.told))) for one in verdicts)
        return CheckReport(
            header=reader.header, trailer=reader.trailer, events=reader.events, level=reader.level, rules=rules,
            parts=_parts(verdicts), damage=tuple(map(self._placed, self._damage)),
            damage_count=self._damage_count, problem_count=reader.problem_count,
            headless=self._headless,
        )  # fmt: skip

    def _placed(self, violation: Violation) -> Found:
        if violation.event is None:
            return Found(violation.text)
        chain = self._chains.chain(violation.event)
        return Found(violation.text, violation.seq, chain.links[-1].line or None, chain)


_DAMAGE = frozenset(("guest.damaged", "guest.verified"))
_DAMAGE_TOLD_MAX = 3


def _damage_text(event: Event) -> str:
    """What a guest found damaged, in words; empty where it is well."""
    if event["event"] == "guest.verified":
        return f"{event['damage']} words of {event['lpar']} damaged" if event["damage"] else ""
    where = f"{event['lpar']} at guest absolute {event['address']:#x}"
    return f"{where}: expected {event['expected']}, found {event['found']}"


def _parts(verdicts: tuple[RuleVerdict, ...]) -> tuple[Part, ...]:
    """The verdicts by the patent's steps and claims."""
    pairs = tuple(zip(RULES, verdicts, strict=True))
    parts = [
        _part("step", (step,), title, tuple(verdict for rule, verdict in pairs if step in rule.steps))
        for step, title in STEPS.items()
    ]
    parts += [
        _part("claims", claims, title, tuple(one for rule, one in pairs if set(claims) & set(rule.claims)))
        for claims, title in CLAIMS.items()
    ]
    rest = tuple(verdict for rule, verdict in pairs if not rule.steps and not rule.claims)
    return (*parts, _part("more", (), "what the patent leaves open", rest))


def _part(kind: str, numbers: tuple[int, ...], title: str, rules: tuple[RuleVerdict, ...]) -> Part:
    found = [rule.verdict for rule in rules]
    checked = sum(rule.checked for rule in rules)
    verdict = Verdict.HELD
    if Verdict.BROKEN in found:
        verdict = Verdict.BROKEN
    elif Verdict.UNCHECKED in found or not checked:
        verdict = Verdict.UNCHECKED
    return Part(kind, numbers, title, verdict, checked, tuple(rule.rule for rule in rules))
