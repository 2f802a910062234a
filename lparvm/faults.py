"""Faults of a scenario: what fails, when, and how the operator is told.

A fault comes due at a time, or at a moment of an operation (see `moments`). In the second case what it does is
synchronous and tells nothing; that it struck is told a moment later by a task of its own.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import trio
from attrs import Factory, define, evolve

from lparvm.arch.address import PAGE_BYTES
from lparvm.protocol.phases import Phase
from lparvm.scenario.model import FaultConfig, FaultKind
from lparvm.units import format_duration

if TYPE_CHECKING:
    from lparvm.machine import Machine

Strike = Callable[["Machine", FaultConfig], str]
"""Does the fault to the machine; returns what the operator is told."""


def _storage(machine: "Machine", fault: FaultConfig) -> str:
    frame = fault.address // PAGE_BYTES
    machine.storage.fail_frame(frame)
    return f"frame {frame} is faulty"


def _sale_refused(machine: "Machine", fault: FaultConfig) -> str:
    machine.assembly.iops[fault.target].refuse_next_sale()
    return f"{fault.target} refuses the next SALE"


def _mover(machine: "Machine", fault: FaultConfig) -> str:
    assert fault.when is not None, "it says after how many pages"
    page = machine.assembly.work.fail_at = fault.when.page
    return f"the page mover fails after {page} pages"


def _control_dies(machine: "Machine", _fault: FaultConfig) -> str:
    machine.assembly.records.fuse = 0
    return "LPAR control dies"


def _lip_stuck(machine: "Machine", fault: FaultConfig) -> str:
    lip = next(lip for lip in machine.assembly.lips if lip.name == fault.target)
    lip.hang(fault.duration_ns)
    return f"{fault.target} hangs for {format_duration(fault.duration_ns)}"


STRIKES: Mapping[FaultKind, Strike] = {
    FaultKind.STORAGE: _storage,
    FaultKind.SALE_REFUSED: _sale_refused,
    FaultKind.MOVER: _mover,
    FaultKind.CONTROL_DIES: _control_dies,
    FaultKind.LIP_STUCK: _lip_stuck,
}


@define(eq=False)
class _Waiting:
    """A fault that waits for its moment."""

    fault: FaultConfig
    struck: trio.Event = Factory(trio.Event)
    text: str = ""


class Faults:
    """The faults of a scenario, for one machine."""

    def __init__(self, machine: "Machine") -> None:
        """Nothing fails yet."""
        self._machine = machine
        self._timed = [fault for fault in machine.scenario.faults if fault.at_ns is not None]
        self._waiting = [_Waiting(fault) for fault in machine.scenario.faults if fault.at_ns is None]

    def start(self, nursery: trio.Nursery) -> None:
        """Wait for each fault's time or moment."""
        for fault in self._timed:
            nursery.start_soon(self._inject, fault)
        for waiting in self._waiting:
            self._await(waiting)
            nursery.start_soon(self._announce, waiting)

    def _await(self, waiting: _Waiting) -> None:
        fault = waiting.fault
        assert fault.when is not None, "it has a time or a moment"
        moment = fault.when
        if fault.kind is FaultKind.MOVER:
            # The mover must know before it begins.
            moment = evolve(moment, phase=moment.phase or Phase.MOVING, page=None)

        def strike() -> None:
            waiting.text = STRIKES[fault.kind](self._machine, fault)
            waiting.struck.set()

        self._machine.moments.at(moment, strike)

    async def _inject(self, fault: FaultConfig) -> None:
        assert fault.at_ns is not None, "it has a time"
        await self._machine.clock.sleep_until_ns(fault.at_ns)
        self._machine.strike(fault)

    async def _announce(self, waiting: _Waiting) -> None:
        await waiting.struck.wait()
        self._machine.tell_fault(waiting.fault, waiting.text)
