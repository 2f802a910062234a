"""Machines that a test drives itself: a scenario in a few words, and a machine that runs, with all its events."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from attrs import define, field

from lparvm.actors.service_processor import CommandResult
from lparvm.machine import Machine, Options, open_machine
from lparvm.scenario import parse_scenario
from machines import story

K, M = 1 << 10, 1 << 20
Event = dict[str, Any]


def lpar(name: str, origin: str, *, size: str = "256K", guest: str = "hammer", **more: object) -> str:
    """An `[[lpar]]`; what else is given stands there as TOML writes it, such as `lips=2`."""
    lines = [f'name = "{name}"', f'origin = "{origin}"', f'size = "{size}"', f'guest = "{guest}"']
    lines += [f"{key} = {_toml(value)}" for key, value in more.items()]
    return "\n".join(["[[lpar]]", *lines])


def device(
    number: str, *, iop: str | list[str] = "IOP1", kind: str = "disk", latency: str = "1ms", **options: object
) -> str:
    """A `[[device]]`."""
    if kind == "disk":
        options = {"size": "256K", **options}
    lines = [f'number = "{number}"', f'kind = "{kind}"', f"iop = {_toml(iop)}", f'latency = "{latency}"']
    return "\n".join(["[[device]]", *lines, f"options = {_toml(options)}"])


def command(at: str, text: str, expect: str = "COMPLETED") -> str:
    """A `[[command]]`."""
    return f'[[command]]\nat = "{at}"\ntext = "{text}"\nexpect = "{expect}"'


def fault(at: str, kind: str, target: str) -> str:
    """A `[[fault]]`."""
    return f'[[fault]]\nat = "{at}"\nkind = "{kind}"\ntarget = "{target}"'


def scenario(
    *parts: str, main_storage: str = "4M", rate: str = "20M", duration: str = "100ms", iops: int = 1
) -> str:
    """A scenario; with its `rate` a page takes 195 us under the virtual clock."""
    head = f'[machine]\nmain_storage = "{main_storage}"\n[timing]\ntransfer_rate = "{rate}"'
    iop = [f'[[iop]]\nname = "IOP{number + 1}"' for number in range(iops)]
    return "\n".join([head, *iop, *parts, f'[run]\nduration = "{duration}"'])


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }"
    return json.dumps(value)


TWO = scenario(lpar("A", "0"), lpar("B", "1M", lips=2))
"""Two LPARs that hammer; B has two LIPs."""


@define
class Trial:
    """A machine that runs, and what it told so far."""

    machine: Machine = field(init=False)
    events: list[Event] = field(factory=list, repr=False)
    _awaited: list[tuple[str, Event, Callable[[Event], object]]] = field(factory=list, repr=False)
    _always: list[tuple[Event, Callable[[Event], object]]] = field(factory=list, repr=False)

    def of(self, event: str, **fields: object) -> list[Event]:
        return [
            one
            for one in self.events
            if one["event"] == event and all(one.get(name) == value for name, value in fields.items())
        ]

    async def give(self, text: str) -> CommandResult:
        return await self.machine.svp.execute(text)

    async def sleep_ms(self, duration_ms: float) -> None:
        """Let virtual time pass."""
        await self.machine.clock.sleep_ns(round(duration_ms * 1_000_000))

    def origins(self) -> dict[str, int]:
        """Origin of each LPAR's zone, in bytes."""
        return {row.name: row.origin * 4096 for row in self.machine.rows()}

    def steps(self, lpar: str) -> int:
        """Verified steps of a guest so far."""
        return self.machine.assembly.guests[lpar].steps

    async def works(self, *lpars: str) -> None:
        """Every one of these guests does verified steps now."""
        before = {name: self.steps(name) for name in lpars}
        await self.sleep_ms(100)
        idle = [name for name in lpars if self.steps(name) == before[name]]
        assert not idle, f"{idle} did no verified step in 100 ms"

    def when(self, event: str, then: Callable[[Event], object], **fields: object) -> None:
        """Call `then` once, at the next such event."""
        self._awaited.append((event, fields, then))

    def always(self, then: Callable[[Event], object], **fields: object) -> None:
        """Call `then` at each event with these fields, until `forget`."""
        self._always.append((fields, then))

    def forget(self) -> None:
        """Await nothing any more."""
        self._awaited.clear()
        self._always.clear()

    def feed(self, told: Event) -> None:
        """Take an event from the trace."""
        self.events.append(dict(told))
        for fields, then in self._always:
            if all(told.get(name) == value for name, value in fields.items()):
                then(told)
        for one in self._awaited:
            event, fields, then = one
            if told["event"] == event and all(told.get(name) == value for name, value in fields.items()):
                self._awaited.remove(one)
                then(told)
                return


@asynccontextmanager
async def trial_of(text: str = TWO, *, verdict: str = "intact", **options: Any) -> AsyncIterator[Trial]:
    """Run a machine; at its end the verdict must be this one."""
    trial = Trial()
    listeners = (trial.feed, *options.pop("listeners", ()))
    async with open_machine(parse_scenario(text), Options(listeners=listeners, **options)) as machine:
        trial.machine = machine
        yield trial
    assert machine.report is not None
    assert machine.report.verdict == verdict, story(machine.report)
