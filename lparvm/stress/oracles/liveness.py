"""Liveness: when the trouble is over, everybody runs again within a bounded virtual time."""

from collections.abc import Callable, Iterator

import trio

from lparvm.machine import Machine
from lparvm.protocol.lpar_entry import LparState
from lparvm.protocol.results import Result
from lparvm.stress.oracles.ending import backlog
from lparvm.stress.oracles.problem import Problem
from lparvm.units import seconds

RUNS_AGAIN_NS = 2_000_000_000
"""In so much virtual time every guest that should run has done a step, and every control part has read its messages."""
FINISHES_NS = 20_000_000_000
"""In so much every guest that comes to an end has come to it."""
_LOOK_NS = 500_000
_LOOKS_FAST = 40


async def runs_again(machine: Machine) -> list[Problem]:
    """Every guest that should run takes a step, and no message is left unread."""
    before = _steps(machine)
    if await _comes_about(machine, RUNS_AGAIN_NS, lambda: not _standing(machine, before)):
        idle: list[str] = []
    else:
        idle = _standing(machine, before)
    problems = [
        Problem("liveness", f"{lpar} stood still for {RUNS_AGAIN_NS} ns after all trouble") for lpar in idle
    ]
    if not await _comes_about(machine, RUNS_AGAIN_NS, lambda: not backlog(machine)):
        problems.append(Problem("leak", f"unread messages at {', '.join(backlog(machine))}"))
    return problems


async def obeys(machine: Machine) -> list[Problem]:
    """Every guest that runs can be stopped and started."""
    problems = []
    for lpar in tuple(_running(machine)):
        for verb in ("STOP", "START"):
            with trio.move_on_after(seconds(RUNS_AGAIN_NS)):
                result = await machine.svp.execute(f"{verb} {lpar}")
                if result.result is Result.COMPLETED:
                    continue
                problems.append(
                    Problem("liveness", f"after all trouble {verb} {lpar} came to {result.result}")
                )
                break
            problems.append(Problem("liveness", f"after all trouble {verb} {lpar} was not answered"))
            break
    return problems


async def finishes(machine: Machine) -> list[Problem]:
    """Every witness that is active comes to its end."""
    if await _comes_about(machine, FINISHES_NS, lambda: not _unfinished(machine)):
        return []
    return [
        Problem("liveness", f"{lpar} did not come to its end in {FINISHES_NS} ns")
        for lpar in _unfinished(machine)
    ]


async def _comes_about(machine: Machine, limit_ns: int, condition: Callable[[], bool]) -> bool:
    """Wait until it holds; often at first, then less so."""
    end_ns, looks = machine.clock.now_ns() + limit_ns, 0
    while not condition():
        if machine.clock.now_ns() >= end_ns:
            return False
        looks += 1
        await machine.clock.sleep_ns(_LOOK_NS * max(1, looks // _LOOKS_FAST))
    return True


def _steps(machine: Machine) -> dict[str, int]:
    return {lpar: guest.steps for lpar, guest in machine.assembly.guests.items()}


def _running(machine: Machine) -> Iterator[str]:
    """LPARs whose guests should run."""
    assembly = machine.assembly
    for lpar, entry in assembly.records.lpars.items():
        if entry.state is LparState.ACTIVE and not assembly.lip_controls[lpar].failed:
            yield lpar


def _standing(machine: Machine, before: dict[str, int]) -> list[str]:
    """Of those the ones that have done nothing since, and have something to do."""
    guests = machine.assembly.guests
    return [
        lpar
        for lpar in _running(machine)
        if guests[lpar].steps == before.get(lpar, 0) and not getattr(guests[lpar], "finished", False)
    ]


def _unfinished(machine: Machine) -> list[str]:
    guests = machine.assembly.guests
    return [lpar for lpar in _running(machine) if not getattr(guests[lpar], "finished", True)]
