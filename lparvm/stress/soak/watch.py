"""What must hold at every moment of a soak, as far as it is seen from outside of the machine.

Checked:
- a command is answered in time, and by a result that can come about without a fault;
- zones don't overlap, lie in main storage, and are never empty; no gap is wider than what is between them;
- a guest that should run does something, within some time; none fails;
- no guest tells damage, and no rule of the trace is broken: the trace's last events are those that led there.

Not checked: where pages and keys are (custody does, and the rules of the trace, at the end); whether a refusal was
right (the random commands of the tests do, against a model).
"""

from collections.abc import Callable, Mapping, Sequence

from attrs import define

from lparvm.config import SOAK_REASONS_MAX
from lparvm.guests.base import Guest
from lparvm.machine import Machine
from lparvm.protocol.lpar_entry import LparState
from lparvm.protocol.messages import FrameRow
from lparvm.protocol.news import CommandResult, News, OperatorMessage
from lparvm.protocol.results import Result
from lparvm.stress.soak.counts import verb_of
from lparvm.units import format_duration

R = Result
_REFUSALS = frozenset({R.COMPLETED, R.LPAR_IN_OPERATION, R.WRONG_STATE})
_MOVES = _REFUSALS | {
    R.TARGET_OCCUPIED, R.TARGET_TAKEN, R.OUTSIDE_STORAGE, R.QUIESCE_TIMED_OUT, R.SAME_LPAR, R.CANCELLED,
}  # fmt: skip
EXPECTED: Mapping[str, frozenset[Result]] = {
    "MVSTOR": _MOVES | {R.ALREADY_THERE, R.MOVED_NOT_EXPANDED, R.WRONG_SIZE, R.NO_ROOM},
    "XCHSTOR": _MOVES | {R.ZONE_IN_THE_WAY},
    "EXPAND": _REFUSALS | {R.NO_ROOM, R.WRONG_SIZE, R.CANCELLED},
    "SHRINK": _REFUSALS | {R.GUEST_REFUSED, R.STORAGE_IN_USE, R.WRONG_SIZE, R.CANCELLED},
    "PLAN": _REFUSALS | {R.NO_PLAN, R.WRONG_SIZE, R.CANCELLED},
    "PLAN GO": _REFUSALS | {R.NO_PLAN, R.PLAN_STOPPED, R.WRONG_SIZE, R.CANCELLED},
    "STOP": _REFUSALS | {R.CANCELLED},
    "START": _REFUSALS | {R.CANCELLED},
    "DEACTIVATE": _REFUSALS | {R.CANCELLED},
    "DEFINE": _REFUSALS | {R.CANCELLED},
    "ACTIVATE": _REFUSALS | {R.NO_ROOM, R.TARGET_OCCUPIED, R.TARGET_TAKEN, R.CANCELLED},
    "IPL": _REFUSALS | {R.CANCELLED},
    "CANCEL": frozenset({R.COMPLETED, R.NOT_CANCELLABLE, R.UNKNOWN_OPERATION}),
    "REPLY": frozenset({R.COMPLETED, R.LINE_REFUSED, R.NO_CONSOLE}),
    "VARY": frozenset({R.COMPLETED}),
    "DISPLAY": frozenset({R.COMPLETED}),
}
"""Verb -> the results that can come about while nothing fails."""
_FAILURES = ("LVM070E", "LVM071E")


def result_problem(result: CommandResult) -> str | None:
    """Why a command should not have been answered so; None: it may."""
    if result.result in EXPECTED[verb_of(result.text)]:
        return None
    return f"{result.text}: {result.result}, though nothing was made to fail: {result.code} {result.message}"


def map_problem(rows: Sequence[FrameRow], frames: int) -> str | None:
    """What is wrong with the LPAR frame, by origin; None: nothing."""
    at, last = 0, "the beginning of storage"
    for number, row in enumerate(rows):
        end = row.origin + row.size
        following = rows[number + 1].origin if number + 1 < len(rows) else frames
        if row.size <= 0:
            return f"the map: {row.name} has {row.size} frames"
        if row.origin < at:
            return f"the map: {row.name} begins at frame {row.origin}, and {last} ends at frame {at}"
        if end > frames:
            return f"the map: {row.name} ends at frame {end}, and main storage at frame {frames}"
        if end <= following and not 0 <= row.gap <= following - end:
            return f"the map: behind {row.name} a gap of {row.gap} frames is told, of {following - end}"
        at, last = end, row.name
    return None


@define
class _Seen:
    """A guest, how far it was, since when it is no further, and whether it ever went on."""

    guest: Guest
    work: tuple[int, int, int]
    since_ns: int
    went_on: bool = False


class Watch:
    """Looks at a machine, and keeps what is wrong.

    Attributes:
        problems: what was found, in the order in which it was.
        found: how much in all.
    """

    def __init__(self, machine: Machine, stall_ns: int, on_problem: Callable[[], None]) -> None:
        """Begin.

        Args:
            machine: that is looked at.
            stall_ns: how long a guest that should run may do nothing.
            on_problem: called with the first problem.
        """
        self._machine, self._stall_ns, self._on_problem = machine, stall_ns, on_problem
        self._seen: dict[str, _Seen] = {}
        self.problems: list[str] = []
        self.found = 0

    def tell(self, problem: str | None) -> None:
        """Keep a problem, if it is one."""
        if problem is None:
            return
        self.found += 1
        if len(self.problems) < SOAK_REASONS_MAX:
            self.problems.append(problem)
        if self.found == 1:
            self._on_problem()

    def hear(self, news: News) -> None:
        """A listener of the service processor: guests that fail."""
        if isinstance(news, OperatorMessage) and news.code in _FAILURES:
            self.tell(f"{news.code} {news.text}")

    def judge(self, result: CommandResult) -> None:
        """A command was answered: how, and what the map is now."""
        self.tell(result_problem(result))
        machine = self._machine
        self.tell(map_problem(machine.rows(), machine.scenario.main_storage_frames))

    def look(self) -> bool:
        """Look at every guest; whether each that should run has gone on since it was first looked at."""
        machine, now_ns = self._machine, self._machine.clock.now_ns()
        for broken in machine.broken_rules:
            if broken not in self.problems:
                self.tell(broken)
        guests = machine.assembly.guests
        for name, entry in machine.assembly.records.lpars.items():
            guest = guests.get(name)
            if guest is None or entry.state is not LparState.ACTIVE:
                self._seen.pop(name, None)
                continue
            work = guest.steps, guest.stores, guest.fetches
            seen = self._seen.get(name)
            if seen is None or seen.guest is not guest:
                self._seen[name] = _Seen(guest, work, now_ns)
            elif seen.work != work:
                seen.work, seen.since_ns, seen.went_on = work, now_ns, True
            elif now_ns - seen.since_ns > self._stall_ns:
                self.tell(self._stalled(name, now_ns - seen.since_ns))
                seen.since_ns = now_ns  # told once
        return not self.standing

    @property
    def standing(self) -> tuple[str, ...]:
        """LPARs that should run, and whose guests have not gone on since they were first looked at."""
        return tuple(name for name, seen in self._seen.items() if not seen.went_on)

    def forget(self) -> None:
        """Begin anew: `look` tells of what is done from here on."""
        self._seen.clear()

    def _stalled(self, name: str, stood_ns: int) -> str:
        by = [view.op for view in self._machine.svp.operations() if name in view.lpars]
        held = f"held by {', '.join(by)}" if by else "and no operation holds it"
        return f"{name}: its guest has done nothing for {format_duration(stood_ns)}, {held}"
