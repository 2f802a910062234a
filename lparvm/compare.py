"""The same workload moved twice: by MVSTOR, and the conventional way (patent, prior art): deactivate, define, IPL.

`conventional` turns a scenario into its conventional counterpart and is pure. `compare` runs both and measures what
the guests see: how long each LPAR's guest was out, and the work that it had done and lost.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from attrs import define, evolve, field, frozen

from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.arch.exchange_geometry import exchange_targets
from lparvm.errors import UsageError
from lparvm.machine import Machine, Options
from lparvm.protocol import commands as c
from lparvm.protocol.command_parser import parse
from lparvm.protocol.results import Result
from lparvm.protocol.targets import After, Before, Hsa
from lparvm.report import INTACT, RunReport
from lparvm.runner import Clock, run
from lparvm.scenario import CommandConfig, Scenario, load_scenario
from lparvm.units import format_size, seconds

Event = Mapping[str, Any]


# --- the conventional way -----------------------------------------------------------------------------------


def conventional(scenario: Scenario) -> tuple[Scenario, tuple[str, ...]]:
    """A scenario whose moves are done by DEACTIVATE, DEFINE, ACTIVATE and IPL, each when the one before is answered.

    Only a MVSTOR that is to complete is replaced: the others of the commands stay. Where a move is to go, is
    worked out from the commands before it, as if each of them completed. EXPAND= becomes a command of its own; what
    is given at a moment of an operation, not at a time, stays, and may never be given.

    Returns:
        the scenario, and the LPARs that it moves so, in the order of their first move.
    """
    zones = {lpar.name: lpar.zone for lpar in scenario.lpars}
    commands = list(scenario.commands)
    moved: dict[str, None] = {}
    timed = [
        (one.at_ns, position, one) for position, one in enumerate(scenario.commands) if one.at_ns is not None
    ]
    for at_ns, position, command in sorted(timed, key=lambda one: one[:2]):
        if command.expect is not Result.COMPLETED:
            continue
        match parse(command.text):
            case c.MoveStor(lpar=lpar, test=False) as move if lpar in zones:
                zone = zones[lpar] = _target(move, zones, scenario.main_storage_frames)
                commands[position] = _sequence(at_ns, lpar, zone)
                moved[lpar] = None
                if move.expand is not None and move.expand.lpar in zones:
                    expand = _expand(move.expand, zones, scenario.main_storage_frames)
                    commands[position] = _followed(commands[position], expand)
            case c.ExchangeStor(first=first, second=second, test=False) if {first, second} <= zones.keys():
                zones[first], zones[second] = exchange_targets(zones[first], zones[second])
            case c.Resize(lpar=lpar, size_bytes=size_bytes) if lpar in zones:
                zones[lpar] = Zone(zones[lpar].origin, size_bytes // PAGE_BYTES)
    return evolve(scenario, commands=tuple(commands)), tuple(moved)


def _target(move: c.MoveStor, zones: Mapping[str, Zone], frames: int) -> Zone:
    extent = zones[move.lpar].extent
    match move.target:
        case Hsa(origin_bytes=origin_bytes):
            origin = origin_bytes // PAGE_BYTES
        case Before(lpar=other) if other in zones:
            origin = zones[other].origin - extent
        case After(lpar=other) if other in zones:
            origin = zones[other].end
        case _:
            origin = frames - extent
    return Zone(max(0, origin), extent)


def _sequence(at_ns: int, lpar: str, zone: Zone) -> CommandConfig:
    size, origin = format_size(zone.extent_bytes), format_size(zone.origin_bytes)
    define = f"DEFINE {lpar} SIZE={size} ORIGIN={origin}"
    return CommandConfig(at_ns, f"DEACTIVATE {lpar}", then=(define, f"ACTIVATE {lpar}", f"IPL {lpar}"))


def _expand(expansion: c.Expansion, zones: dict[str, Zone], frames: int) -> str:
    """The command that expands a neighbour; `zones` has it afterwards."""
    zone = zones[expansion.lpar]
    above = [other.origin for other in zones.values() if other.origin >= zone.end]
    size_bytes = expansion.size_bytes or (min(above, default=frames) - zone.origin) * PAGE_BYTES
    zones[expansion.lpar] = Zone(zone.origin, size_bytes // PAGE_BYTES)
    return f"EXPAND {expansion.lpar} SIZE={format_size(size_bytes)}"


def _followed(command: CommandConfig, text: str) -> CommandConfig:
    return evolve(command, then=(*command.then, text))


# --- what is measured ---------------------------------------------------------------------------------------


@frozen
class Way:
    """What one way of moving did to an LPAR. Times are of the run clock.

    Attributes:
        commands: the commands that moved it, and other commands that named it.
        outage_ns: how long the guest was out: the LIP that was out longest, from leaving SIE to SIE again, of all
            its moves together.
        checking_ns: how much of it the emulator took to check the storage of the guest that was given up; none under
            the virtual clock, and nothing that a real machine does.
        back: whether it ran again.
        steps_lost: verified steps of work that the guest had done since its IPL, and that are gone.
        regain_ns: how long the new guest ran until it had done as many steps again; None: there was nothing to
            regain, or no way to tell.
        regained: whether it has; else `regain_ns` is an estimate from its pace.
        steps: verified steps at the end of the run that are not lost.
    """

    commands: tuple[str, ...]
    outage_ns: int
    checking_ns: int
    back: bool
    steps_lost: int
    regain_ns: int | None
    regained: bool
    steps: int

    def as_json(self) -> dict[str, Any]:
        """Times in seconds."""
        return {
            "commands": list(self.commands),
            "outage_s": seconds(self.outage_ns),
            "checking_s": seconds(self.checking_ns),
            "back": self.back,
            "steps_lost": self.steps_lost,
            "regain_s": None if self.regain_ns is None else seconds(self.regain_ns),
            "regained": self.regained,
            "steps": self.steps,
        }


@frozen
class Compared:
    """An LPAR that was moved, both ways."""

    lpar: str
    relocated: Way
    conventional: Way


@frozen
class Comparison:
    """Both runs."""

    lpars: tuple[Compared, ...]
    relocated: RunReport
    conventional: RunReport

    @property
    def exit_code(self) -> int:
        """0 when both runs were intact."""
        return 0 if self.relocated.verdict == self.conventional.verdict == INTACT else 1

    def as_json(self) -> dict[str, Any]:
        """The object that `lparvm compare --json` prints."""
        report = self.relocated
        return {
            "scenario": report.scenario,
            "seed": report.seed,
            "clock": report.clock,
            "lpars": [
                {
                    "lpar": one.lpar,
                    "mvstor": one.relocated.as_json(),
                    "conventional": one.conventional.as_json(),
                }
                for one in self.lpars
            ],
            "verdicts": {"mvstor": report.verdict, "conventional": self.conventional.verdict},
            "digests": {"mvstor": report.digest, "conventional": self.conventional.digest},
        }


@define
class _Account:
    """What is known of an LPAR while the run goes on; `out` is LIP -> since when, of those that are out."""

    out: dict[str, int] = field(factory=dict)
    outages: dict[str, int] = field(factory=dict)
    lost: int = 0
    to_regain: int = 0
    since_ns: int = 0
    regain_ns: int = 0


class _Watch:
    """Looks at the trace of one run."""

    def __init__(self, lpars: tuple[str, ...]) -> None:
        self._accounts = {lpar: _Account() for lpar in lpars}
        self._machine: Machine | None = None
        self._ended_ns = 0

    def attach(self, machine: Machine) -> None:
        """The machine that runs."""
        self._machine = machine

    def __call__(self, event: Event) -> None:
        """An event of the trace."""
        if event["event"] == "machine.ended":
            self._ended_ns = event["t"]
        account = self._accounts.get(event.get("lpar", ""))
        if account is not None and not self._ended_ns:
            self._note(account, event)

    def _note(self, account: _Account, event: Event) -> None:
        match event["event"]:
            case "slice.ended":
                if account.to_regain:
                    self._look(event["lpar"], account, event["t"])
            case "lip.stopped" if event["op"] is not None:
                account.out.setdefault(event["lip"], event["left_sie_ns"])
            case "sie.issued":
                self._back(account, event)
            case "guest.verified":
                account.lost += event["steps"]
                account.to_regain = event["steps"]

    @staticmethod
    def _back(account: _Account, event: Event) -> None:
        lip, at_ns = event["lip"], event["t"]
        if lip in account.out:
            out_ns = at_ns - account.out.pop(lip)
            account.outages[lip] = account.outages.get(lip, 0) + out_ns
            account.since_ns = at_ns

    def _look(self, lpar: str, account: _Account, now_ns: int) -> None:
        """Has the new guest done as much as the old one had?"""
        assert self._machine is not None, "it runs"
        guest = self._machine.assembly.guests.get(lpar)
        if guest is not None and guest.steps >= account.to_regain:
            account.regain_ns += now_ns - account.since_ns
            account.to_regain = 0

    def way(self, lpar: str, report: RunReport) -> Way:
        """What came of it."""
        account = self._accounts[lpar]
        for lip, since_ns in account.out.items():
            account.outages[lip] = account.outages.get(lip, 0) + self._ended_ns - since_ns
        guest = next(guest for guest in report.guests if guest.lpar == lpar)
        steps, checking_ns = guest.steps, sum(life.checked_ns for life in guest.lives)
        regain_ns: int | None = account.regain_ns or None
        if account.to_regain:
            ran_ns = self._ended_ns - account.since_ns
            left_ns = account.to_regain * ran_ns // steps if steps and not account.out else None
            regain_ns = None if left_ns is None else account.regain_ns + left_ns
        given = tuple(one.text for one in report.commands if lpar in one.text.upper().split())
        return Way(
            given, max(account.outages.values(), default=0), checking_ns, not account.out, account.lost, regain_ns,
            not account.to_regain, steps if not account.out else 0,
        )  # fmt: skip


def compare(
    scenario: Scenario | str | Path, *, clock: Clock = "virtual", options: Options | None = None
) -> Comparison:
    """Run a scenario both ways.

    Args:
        scenario: a built-in name, a file, or a scenario.
        clock: of both runs. Under the virtual one IPL takes as long as to move so many bytes.
        options: of both runs.

    Raises:
        UsageError: the scenario is wrong, or moves nothing.
    """
    if not isinstance(scenario, Scenario):
        scenario = load_scenario(str(scenario))
    other, lpars = conventional(scenario)
    if not lpars:
        raise UsageError(f"{scenario.name}: there is no MVSTOR that completes; expected one to compare")
    relocated, moved = _measure(scenario, lpars, clock, options or Options())
    loaded_anew, given = _measure(other, lpars, clock, options or Options())
    compared = tuple(
        Compared(lpar, moved.way(lpar, relocated), given.way(lpar, loaded_anew)) for lpar in lpars
    )
    return Comparison(compared, relocated, loaded_anew)


def _measure(
    scenario: Scenario, lpars: tuple[str, ...], clock: Literal["real", "virtual"], options: Options
) -> tuple[RunReport, _Watch]:
    watch = _Watch(lpars)
    options = evolve(options, listeners=(*options.listeners, watch))
    return run(scenario, clock=clock, options=options, on_machine=watch.attach, signals=True), watch
