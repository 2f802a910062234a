"""Oracles of a machine that has come to rest: every command is answered, everybody agrees, nothing is left behind."""

from collections.abc import Iterator

from lparvm.actors.iop import Iop
from lparvm.arch.address import HoldingKind
from lparvm.guests.sharer import Sharer
from lparvm.machine import Machine
from lparvm.protocol.lpar_entry import LparState
from lparvm.protocol.results import Result
from lparvm.stress.episode.operators import Operators
from lparvm.stress.oracles.problem import Problem

_GRANTED = (Result.CANCELLED, Result.CHECK_STOPPED)
"""What a command may have come to whose CANCEL was granted."""


def unanswered(machine: Machine) -> Iterator[Problem]:
    """Commands without an answer."""
    for op in machine.svp.pending:
        under_way = [view.op for view in machine.svp.operations()]
        yield Problem(
            "unanswered", f"{op} was never answered; under way: {', '.join(under_way) or 'nothing'}"
        )


def late(operators: Operators) -> Iterator[Problem]:
    """Commands whose own words say how long they may take."""
    for text in operators.late:
        yield Problem("timeouts", f"{text} was not answered in its time")


def cancels(machine: Machine, operators: Operators) -> Iterator[Problem]:
    """A CANCEL that was granted cancels, and nothing is cancelled without one."""
    results = machine.svp.results
    for one in operators.given:
        result = results[one.op].result if one.op in results else None
        answer = results[one.cancel].result if one.cancel in results else None
        if answer is Result.COMPLETED and result is not None and result not in _GRANTED:
            if result is Result.MOVED_NOT_EXPANDED or one.text.startswith("PLAN"):
                continue  # of its operations some had completed
            yield Problem("cancel", f"{one.text}: its CANCEL was granted, and it came to {result}")
        if result is Result.CANCELLED and not {one.op, *one.text.split()} & operators.asked:
            yield Problem("cancel", f"{one.text} was cancelled, and nobody asked for it")


def agreement(machine: Machine) -> Iterator[Problem]:
    """Map, LPAR control, LIP control, IOPs and state descriptions say one zone of each guest."""
    assembly = machine.assembly
    for name, entry in assembly.records.lpars.items():
        if not entry.active or entry.check_stopped:
            continue
        zone = assembly.zones.zone_of(name)
        said = {"LPAR control": entry.zone}
        if entry.loaded:
            said["LIP control"] = assembly.lip_controls[name].zone
            said |= {state.lip: state.zone for state in assembly.states.get(name, ())}
        said |= {iop: assembly.iops[iop].zone_of(name) for iop in entry.iops}
        for who, where in said.items():
            if where != zone:
                yield Problem("agreement", f"{name} is at {zone} by the map, and at {where} by {who}")


def leaks(machine: Machine) -> Iterator[Problem]:
    """What is held for nobody any more: frames, operations, starts, messages, reservations."""
    assembly = machine.assembly
    records = assembly.records
    for op in records.operations:
        yield Problem("leak", f"{op} is under way, and every command is answered")
    lost = {name for name, entry in records.lpars.items() if entry.state is LparState.CHECK_STOPPED}
    for holding in assembly.zones.holdings():
        if holding.kind is not HoldingKind.ZONE and holding.lpar not in lost:
            yield Problem("leak", f"{holding.lpar} holds {holding.zone} beside its zone")
    known = {name for name, entry in records.lpars.items() if entry.active}
    owners = {holding.lpar for holding in assembly.zones.holdings()}
    for name in sorted(owners ^ known):
        yield Problem("leak", f"{name}: the map and LPAR control don't agree whether it is active")
    if assembly.resources.sales_under_way:
        yield Problem("leak", "SALE is under way, and every command is answered")
    for iop in assembly.iops.values():
        yield from _held_by(iop, lost)
    for device in assembly.devices.values():
        holder = device.reserved_by
        if holder is not None and not isinstance(assembly.guests.get(holder), Sharer):
            yield Problem(
                "leak", f"device {device.number:04X} is reserved by {holder}, whose guest never did that"
            )


def _held_by(iop: Iop, lost: set[str]) -> Iterator[Problem]:
    for lpar, op in iop.quiescing.items():
        if lpar not in lost:
            yield Problem("leak", f"{iop.name} still holds starts of {lpar} for {op}")


def backlog(machine: Machine) -> list[str]:
    """Mailboxes of control parts that hold messages; at rest each is empty now and then."""
    assembly = machine.assembly
    return [
        actor.name for actor in (assembly.svp, assembly.control, assembly.resources) if len(actor.mailbox)
    ]
