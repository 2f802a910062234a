"""Machines with guests of the swarm: run with some commands and seed until the guests have finished; their records."""

from typing import Any

import trio
import trio.testing
from attrs import define

from lparvm.dst.deterministic import deterministic_scheduling
from lparvm.machine import Machine, Options, Parts, open_machine
from lparvm.report import RunReport
from lparvm.scenario import parse_scenario
from lparvm.stress.guests.witness import Witness
from lparvm.stress.oracles.witness import WitnessRecord, record

WITNESS = "lparvm.stress.guests.witness:Witness"
SHARED = "lparvm.stress.guests.shared:Shared"
PULSE = "lparvm.stress.guests.pulse:Pulse"
_ROUNDS_MAX = 400


@define
class GuestRun:
    """What a run came to.

    Attributes:
        results: of the commands.
        records: of each witness, when all had finished.
        guests: by LPAR, as they were then.
        report: of the run.
    """

    results: list[str]
    records: dict[str, WitnessRecord]
    guests: dict[str, Any]
    report: RunReport


def run_guests(
    text: str, *commands: str, seed: int = 0, parts: Parts | None = None, proof: bool = True, ms: int = 0
) -> GuestRun:
    """Run a scenario under the virtual clock until its guests have finished, and so many ms at least.

    Commands are given one after the other, 1 ms apart.
    """

    async def main() -> GuestRun:
        options = Options(seed=seed, parts=parts or Parts(), proof=proof)
        async with open_machine(parse_scenario(text), options) as machine:
            results = []
            for command in commands:
                results.append((await machine.svp.execute(command)).result.name)
                await machine.clock.sleep_ns(1_000_000)
            await machine.clock.sleep_until_ns(ms * 1_000_000)
            await _finish(machine)
            guests, states = machine.assembly.guests, machine.assembly.states
            records = {
                name: record(guest, states[name], machine.storage)
                for name, guest in guests.items()
                if isinstance(guest, Witness)
            }
        assert machine.report is not None
        return GuestRun(results, records, dict(guests), machine.report)

    with deterministic_scheduling(seed):
        return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


async def _finish(machine: Machine) -> None:
    ending = [guest for guest in machine.assembly.guests.values() if hasattr(guest, "finished")]
    for _ in range(_ROUNDS_MAX):
        failed = any(control.failed for control in machine.assembly.lip_controls.values())
        if failed or all(guest.finished for guest in ending):
            return
        await machine.clock.sleep_ns(5_000_000)
