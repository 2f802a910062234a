"""Who operates the machine of a soak: each gives one command after the other, without pause.

Most commands are drawn one by one (`commands`). What must be followed by something belongs to one operator for so
long: a STOP by a START, a path that is varied off by its ON, a DEACTIVATE by all that brings the LPAR back.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import trio

from lparvm.arch.address import PAGE_BYTES
from lparvm.config import SOAK_CANCEL_NS_MAX, SOAK_PAUSE_NS_MAX, SOAK_RETRY_NS
from lparvm.machine import Machine
from lparvm.protocol.news import CommandResult
from lparvm.protocol.results import Result
from lparvm.stress.soak.commands import CommandDraw, Situation
from lparvm.stress.soak.counts import Counts
from lparvm.stress.soak.tenants import EXTENT_MIN
from lparvm.stress.soak.watch import Watch
from lparvm.units import format_duration, seconds

_CANCELLED_PERCENT = 20
_CANCELLABLE = ("MVSTOR", "XCHSTOR", "EXPAND", "SHRINK", "PLAN")


class NotAnswered(Exception):  # noqa: N818 - it ends an operator; the watch has told
    """A command had no answer in time."""


class Desk:
    """What operators share.

    Attributes:
        machine: that they operate.
        counts: of what was answered.
        watch: that judges it.
        answer_ns: how long a command may take.
        closed: no further turn begins.
    """

    def __init__(self, machine: Machine, counts: Counts, watch: Watch, answer_ns: int) -> None:
        """Open it."""
        self.machine, self.counts, self.watch, self.answer_ns = machine, counts, watch, answer_ns
        self.closed = False
        self._claimed: list[str] = []

    @property
    def now(self) -> Situation:
        """The machine as it is."""
        machine = self.machine
        return Situation(machine.rows(), machine.scenario.main_storage_frames, machine.assembly.records.lpars)

    async def give(self, text: str, *, cancel_ns: int | None = None) -> CommandResult:
        """Give a command and wait for its answer; CANCEL it after a while, if it is not there by then.

        Raises:
            NotAnswered: it took too long.
        """
        svp = self.machine.svp
        op = svp.submit(text)
        if cancel_ns is not None:
            with trio.move_on_after(seconds(cancel_ns)) as waiting:
                await svp.answer(op)
            if waiting.cancelled_caught:
                await self._answer(svp.submit(f"CANCEL {op}"), f"CANCEL of {text}")
        return await self._answer(op, text)

    async def give_until_taken(self, text: str) -> CommandResult:
        """Give a command again and again, until no other operation has the LPAR.

        Raises:
            NotAnswered: it took too long.
        """
        until_ns = self.machine.clock.now_ns() + self.answer_ns
        while (result := await self.give(text)).result is Result.LPAR_IN_OPERATION:
            if self.machine.clock.now_ns() > until_ns:
                self.watch.tell(f"{text}: refused again and again for {format_duration(self.answer_ns)}")
                raise NotAnswered
            await self.machine.clock.sleep_ns(SOAK_RETRY_NS)
        return result

    @contextmanager
    def claim(self, name: str) -> Iterator[bool]:
        """Have an LPAR or a device for oneself; false: somebody else has it."""
        if name in self._claimed:
            yield False
            return
        self._claimed.append(name)
        try:
            yield True
        finally:
            self._claimed.remove(name)

    async def _answer(self, op: str, text: str) -> CommandResult:
        with trio.move_on_after(seconds(self.answer_ns)):
            result = await self.machine.svp.answer(op)
            self.counts.add(result)
            self.watch.judge(result)
            return result
        self.watch.tell(f"{text} ({op}): not answered in {format_duration(self.answer_ns)}")
        raise NotAnswered


class Operator:
    """One of them."""

    def __init__(self, desk: Desk, draw: CommandDraw) -> None:
        """`draw` decides what is given."""
        self._desk, self._draw = desk, draw

    async def run(self) -> None:
        """Turn after turn, until the desk is closed."""
        try:
            while not self._desk.closed:
                await self._turn()()
        except NotAnswered:
            pass

    def _turn(self) -> Callable[[], Awaitable[None]]:
        for percent, turn in (
            (4, self._stop_and_start), (3, self._vary), (2, self._load), (1, self._come_back),
        ):  # fmt: skip
            if self._draw.chance(percent):
                return turn
        return self._command

    async def _command(self) -> None:
        text = self._draw.command(self._desk.now)
        cancelled = text.startswith(_CANCELLABLE) and self._draw.chance(_CANCELLED_PERCENT)
        await self._desk.give(text, cancel_ns=self._draw.pause_ns(SOAK_CANCEL_NS_MAX) if cancelled else None)

    async def _pause(self) -> None:
        await self._desk.machine.clock.sleep_ns(self._draw.pause_ns(SOAK_PAUSE_NS_MAX))

    async def _stop_and_start(self) -> None:
        """STOP; others may move and resize it meanwhile; START."""
        name = self._draw.lpar(self._desk.now).name
        with self._desk.claim(name) as mine:
            if mine and (await self._desk.give(f"STOP {name}")).result is Result.COMPLETED:
                await self._pause()
                await self._desk.give_until_taken(f"START {name}")

    async def _vary(self) -> None:
        """One of a device's paths; the other stays on."""
        device = self._draw.one_of(self._desk.machine.scenario.devices)
        with self._desk.claim(f"{device.number:04X}") as mine:
            if mine:
                path = f"{self._draw.one_of(device.iops)}.{device.number:04X}"
                await self._desk.give(f"VARY PATH {path} OFF")
                await self._pause()
                await self._desk.give(f"VARY PATH {path} ON")

    async def _load(self) -> None:
        """IPL of what runs there, anew."""
        name = self._draw.lpar(self._desk.now).name
        with self._desk.claim(name) as mine:
            if mine:
                await self._desk.give(f"IPL {name}")

    async def _come_back(self) -> None:
        """DEACTIVATE an LPAR, and bring it back: where it fits, smaller if need be."""
        desk = self._desk
        lpar = self._draw.one_of(desk.machine.scenario.lpars)
        with desk.claim(lpar.name) as mine:
            # An LPAR that has given its expanded storage up can't be defined anew with a guest that needs some.
            if not mine or lpar.expanded_blocks:
                return
            if (await desk.give(f"DEACTIVATE {lpar.name}")).result is not Result.COMPLETED:
                return
            await self._pause()
            extent = lpar.zone.extent
            while True:
                await desk.give_until_taken(f"DEFINE {lpar.name} SIZE={extent * PAGE_BYTES}")
                if (await desk.give_until_taken(f"ACTIVATE {lpar.name}")).result is Result.COMPLETED:
                    break
                extent = max(EXTENT_MIN, extent // 2)
                await desk.machine.clock.sleep_ns(SOAK_RETRY_NS)
            await desk.give_until_taken(f"IPL {lpar.name}")
