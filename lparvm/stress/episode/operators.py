"""The operators of a stress run: each gives its commands one after the other, and cancels some of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import trio
from attrs import evolve, frozen

from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.dst.probes import sometimes
from lparvm.errors import CommandError
from lparvm.machine import Machine
from lparvm.stress.swarm.machine import COMMON_DISKS
from lparvm.stress.swarm.plan import Order, Plan, Role
from lparvm.trace.writer import Event
from lparvm.units import seconds

_TWICE = ("MVSTOR", "EXPAND", "SHRINK", "STOP")
_LIVES = ("DEACTIVATE", "DEFINE", "ACTIVATE", "IPL", "VARY")
"""Commands that an LPAR's guest sees the end of, or at least notices."""


@frozen
class Given:
    """A command that was given.

    Attributes:
        op: its operation.
        text: the command.
        cancel: the operation of its CANCEL; None: there was none.
    """

    op: str
    text: str
    cancel: str | None = None


_IMPATIENT_NS, _PATIENT_NS = 40_000_000, 1_500_000_000
CANCELS_MAX = 3


class Operators:
    """All operators of a run.

    Attributes:
        given: the commands that were given.
        asked: operations and LPARs that somebody wanted to have cancelled.
        late: commands that took longer than they may, by their own words.
    """

    def __init__(self, machine: Machine, plan: Plan) -> None:
        """They begin with `work`."""
        self._machine, self._plan = machine, plan
        self.given: list[Given] = []
        self.late: list[str] = []
        self._phases: dict[tuple[str, str], trio.Event] = {}
        self.asked: set[str] = set()
        self._texts: Mapping[str, Callable[[Order, str], str | None]] = {
            "MVSTOR": self._move, "MVSTOR-EXPAND": self._move_and_expand, "TEST": self._test,
            "XCHSTOR": self._exchange, "EXPAND": self._expand, "SHRINK": self._shrink,
            "PLAN-FREE": self._plan_free, "PLAN-EXPAND": self._plan_expand, "DEFINE": self._define,
            "IPL": self._ipl, "VARY": self._vary, "DISPLAY": self._display, "CANCEL": self._cancel,
        }  # fmt: skip

    async def work(self) -> None:
        """Until everybody is done and every command was answered."""
        async with trio.open_nursery() as nursery:
            for number, orders in enumerate(self._plan.operators):
                nursery.start_soon(self._follow, orders, name=f"operator {number + 1}")

    async def _follow(self, orders: Sequence[Order]) -> None:
        for order in orders:
            await self._machine.clock.sleep_ns(order.wait_ns)
            text = self._text(order)
            if text is None:
                continue
            async with trio.open_nursery() as nursery:
                if order.twice and order.verb in _TWICE:
                    nursery.start_soon(self._again, order)
                await self._give(text, order)

    async def _again(self, order: Order) -> None:
        """The same for another LPAR, while the first is under way."""
        text = self._text(evolve(order, lpar=order.lpar + 1, place=order.place + 1, twice=False))
        if text is not None:
            await self._give(text, order)

    async def _give(self, text: str, order: Order) -> None:
        svp = self._machine.svp
        try:
            op = svp.submit(text)
        except CommandError as error:
            raise AssertionError(f"an operator gave no command: {error}") from error
        place = len(self.given)
        if order.verb == "CANCEL":
            self.asked.add(text.split()[1])
        self.given.append(Given(op, text))
        if order.cancel_ns is None:
            await self._wait_for(op, _PATIENT_NS if _is_bounded(text) else _IMPATIENT_NS)
            return
        await self._until(op, order)
        if op in svp.results:
            sometimes("a CANCEL came when its command was answered already")
        target = text.split()[1] if order.cancel_by_lpar else op
        self.asked.add(target)
        cancel = svp.submit(f"CANCEL {target}")
        self.given[place] = Given(op, text, None if order.cancel_by_lpar else cancel)
        await self._wait_for(cancel, _IMPATIENT_NS)
        await self._wait_for(op, _IMPATIENT_NS)

    async def _until(self, op: str, order: Order) -> None:
        """When the CANCEL is due."""
        assert order.cancel_ns is not None, "there is one"
        if not order.cancel_in:
            await self._machine.clock.sleep_ns(order.cancel_ns)
            return
        entered = self._phases[op, order.cancel_in] = trio.Event()
        with trio.move_on_after(seconds(order.cancel_ns)):
            await entered.wait()

    def watch(self, told: Event) -> None:
        """A listener: who waits for a phase is told that it was entered."""
        if told["event"] == "phase.entered":
            waits = self._phases.pop((told["op"], told["phase"]), None)
            if waits is not None:
                waits.set()

    async def _wait_for(self, op: str, patience_ns: int) -> None:
        """Wait for an answer; who waits too long gives a CANCEL, and may have to give it again."""
        svp = self._machine.svp
        for _ in range(CANCELS_MAX):
            with trio.move_on_after(seconds(patience_ns)):
                await svp.answer(op)
                return
            self.asked.add(op)
            if patience_ns == _PATIENT_NS:
                self.late.append(self._machine.svp.text_of(op))
            patience_ns = _IMPATIENT_NS
            with trio.move_on_after(seconds(patience_ns)):
                await svp.execute(f"CANCEL {op}")

    # --- what is there now --------------------------------------------------------------------------------

    def _zones(self) -> dict[str, Zone]:
        zones = self._machine.assembly.zones
        return {row.name: zones.zone_of(row.name) for row in self._machine.rows()}

    def _lpars(self, verb: str) -> list[str]:
        """The LPARs that a command may be for."""
        names = list(self._machine.assembly.records.lpars)
        roles = self._plan.roles
        if verb in _LIVES:
            names = [name for name in names if roles.get(name, Role.PULSE) not in (Role.WITNESS, Role.SHARED)]
            names = [name for name in names if roles.get(name) is Role.SHARER] or names
        return [*names, *(("E",) if verb in _LIVES and "E" not in names else ())]

    def _text(self, order: Order) -> str | None:
        """The command as it is given now; None: there is nothing that it could be for."""
        names = self._lpars(order.verb)
        if not names:
            return None
        lpar = names[order.lpar % len(names)]
        return self._texts[order.verb](order, lpar) if order.verb in self._texts else f"{order.verb} {lpar}"

    def _other(self, order: Order, lpar: str) -> str:
        """Another LPAR, if there is one."""
        names = [name for name in self._machine.assembly.records.lpars if name != lpar] or [lpar]
        return names[order.other % len(names)]

    def _resized(self, order: Order, lpar: str) -> str | None:
        names = [name for name in self._lpars("EXPAND") if name != lpar]
        return names[order.other % len(names)] if names else None

    def _extent(self, lpar: str) -> int:
        zones = self._zones()
        return zones[lpar].extent if lpar in zones else 2

    def _target(self, order: Order, lpar: str) -> str:
        """Where to: an end of what is free without this LPAR, beside another one, the end, or anywhere."""
        frames, zones = self._plan.scenario.main_storage_frames, self._zones()
        extent = self._extent(lpar)
        match order.place:
            case 23:
                return "END"
            case 22 | 21:
                return f"{('BEFORE', 'AFTER')[order.place % 2]}={self._other(order, lpar)}"
            case 20:
                return f"HSA={_kib(order.size * 3 % frames)}"
        taken = sorted(zone for name, zone in zones.items() if name != lpar)
        edges = [edge for gap in _gaps(taken, frames) for edge in _places(gap, extent)]
        own = zones[lpar].origin if lpar in zones else None
        edges = [edge for edge in dict.fromkeys(edges) if edge != own] or [0]
        return f"HSA={_kib(edges[order.place % len(edges)])}"

    # --- commands -----------------------------------------------------------------------------------------

    def _move(self, order: Order, lpar: str) -> str:
        return " ".join(("MVSTOR", lpar, self._target(order, lpar), *order.words))

    def _move_and_expand(self, order: Order, lpar: str) -> str | None:
        other = self._resized(order, lpar)
        if other is None:
            return None
        size = f",SIZE={_kib(self._extent(other) + order.size)}" if order.size else ""
        return " ".join(("MVSTOR", lpar, self._target(order, lpar), f"EXPAND={other}{size}", *order.words))

    def _test(self, order: Order, lpar: str) -> str:
        return f"{self._move(order, lpar)} TEST"

    def _exchange(self, order: Order, lpar: str) -> str:
        words = [word for word in order.words if not word.startswith("STOP")]
        return " ".join(("XCHSTOR", lpar, self._other(order, lpar), *words))

    def _expand(self, order: Order, lpar: str) -> str:
        return f"EXPAND {lpar} SIZE={_kib(self._extent(lpar) + order.size)}"

    def _shrink(self, order: Order, lpar: str) -> str:
        return f"SHRINK {lpar} SIZE={_kib(max(1, self._extent(lpar) - order.size))}"

    def _plan_free(self, order: Order, _lpar: str) -> str:
        return f"PLAN FREE {_kib(4 + order.place)} GO"

    def _plan_expand(self, order: Order, lpar: str) -> str:
        return f"PLAN EXPAND {lpar} SIZE={_kib(self._extent(lpar) + order.size + 1)} GO"

    def _define(self, order: Order, lpar: str) -> str:
        lips = ("", " LIPS=LIP1", " LIPS=2")[order.place % 3]
        return f"DEFINE {lpar} SIZE={_kib(1 + order.size)}{lips} GUEST=lparvm.stress.guests.pulse:Pulse"

    def _ipl(self, order: Order, lpar: str) -> str:
        other = " GUEST=lparvm.stress.guests.pulse:Pulse" if order.place % 2 else ""
        return f"IPL {lpar}{other}"

    def _vary(self, order: Order, _lpar: str) -> str | None:
        own = {
            number
            for lpar in self._plan.scenario.lpars
            if self._plan.roles[lpar.name] in (Role.PULSE, Role.HAMMER)
            for number in lpar.devices
        }
        devices = [
            device
            for device in self._plan.scenario.devices
            # Of a common disk one path stays: its guests know of no other way.
            if device.number in own or (device.number in COMMON_DISKS and len(device.iops) > 1)
        ]
        if not devices:
            return None
        common = [device for device in devices if device.number in COMMON_DISKS]
        devices = common or devices
        device = devices[order.other % len(devices)]
        iop = device.iops[0 if device.number in COMMON_DISKS else order.lpar % len(device.iops)]
        return f"VARY PATH {iop}.{device.number:04X} {('ON', 'OFF')[order.place % 2]}"

    def _display(self, order: Order, _lpar: str) -> str:
        return f"DISPLAY {('FRAME', 'STORAGE', 'DEVICES', 'OPERATIONS', 'CALIBRATION')[order.place % 5]}"

    def _cancel(self, order: Order, lpar: str) -> str:
        pending = self._machine.svp.pending
        return f"CANCEL {pending[order.place % len(pending)] if pending and order.size % 2 else lpar}"


def _is_bounded(text: str) -> bool:
    """Whether the command itself says how long it may take, and that is far less than a patient operator waits."""
    verb, _, rest = text.partition(" ")
    return (
        verb in ("MVSTOR", "XCHSTOR") and "QUIESCE=" in rest and "WAIT" not in rest and "EXPAND" not in rest
    )


def _kib(frames: int) -> str:
    return f"{frames * PAGE_BYTES // 1024}K"


def _gaps(taken: Sequence[Zone], frames: int) -> Iterator[Zone]:
    """What is between zones."""
    end = 0
    for zone in taken:
        if zone.origin > end:
            yield Zone(end, zone.origin - end)
        end = max(end, zone.end)
    if end < frames:
        yield Zone(end, frames - end)


def _places(gap: Zone, extent: int) -> Iterator[int]:
    """Origins in a gap: at its ends, and a frame beside them."""
    if gap.extent >= extent:
        yield gap.origin
        yield gap.end - extent
        if gap.extent > extent:
            yield gap.origin + 1
