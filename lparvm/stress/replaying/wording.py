"""The parts of a story, as lines: the machine, its faults, its commands."""

from collections.abc import Iterator, Sequence
from typing import Any

from attrs import fields

from lparvm.config import STRESS_STORY_LINES_MAX
from lparvm.scenario.model import DeviceConfig, LparConfig
from lparvm.stress.episode.machine import Findings
from lparvm.stress.swarm.plan import Blow, Pace, Plan, StressFault
from lparvm.trace.causes import shorten
from lparvm.trace.pictures.operations import Operation
from lparvm.trace.wording import bytes_text, event_text, frames_text, printable, time_text, who_text
from lparvm.units import format_duration

_INDENT_MAX = 20


def machine_lines(plan: Plan) -> Iterator[str]:
    """What the machine is made of."""
    scenario = plan.scenario
    storage = (
        f"{scenario.main_storage_frames} frames ({bytes_text(scenario.main_storage_frames)}) of main storage"
    )
    timing = (
        f"{scenario.timing.lip_mips:g} MIPS a LIP, {scenario.timing.transfer_rate >> 20} MiB/s for the mover"
    )
    yield f"{storage}; {', '.join((*scenario.lips, *scenario.iops))}; {timing}"
    for lpar in scenario.lpars:
        yield _lpar_text(plan, lpar)
    for device in scenario.devices:
        yield _device_text(device)
    yield from _pace_lines(plan)


def _lpar_text(plan: Plan, lpar: LparConfig) -> str:
    guest, role = lpar.guest.rpartition(":")[2].lower(), plan.roles[lpar.name]
    told = ", ".join((guest, *(f"{name} {value}" for name, value in lpar.options.items())))
    kept = "" if guest == role else f" ({role})"
    devices = f"; device {', '.join(f'{number:04X}' for number in lpar.devices)}" if lpar.devices else ""
    zone = frames_text(lpar.zone.origin, lpar.zone.extent)
    return f"LPAR {lpar.name}: {zone}; {', '.join(lpar.lips)}; guest {told}{kept}{devices}"


def _device_text(device: DeviceConfig) -> str:
    misbehaves = dict(device.options.get("probability") or {})
    told = ", ".join(f"{text} in {100 * chance:g} %" for text, chance in misbehaves.items())
    latency = format_duration(device.latency_ns)
    return (
        f"device {device.number:04X}: disk at {' and '.join(device.iops)}, {latency}{'; ' * bool(told)}{told}"
    )


def _pace_lines(plan: Plan) -> Iterator[str]:
    """How finely work is cut up, where it isn't left whole."""
    whole = Pace()
    told = [
        f"{one.name.replace('_', ' ')} {getattr(plan.pace, one.name)}"
        for one in fields(Pace)
        if getattr(plan.pace, one.name) != getattr(whole, one.name)
    ]
    told += [f"{name} in {percent} % of the windows" for name, percent in _chaos(plan) if percent]
    if told:
        yield f"cut up: {', '.join(told)}"


def _chaos(plan: Plan) -> tuple[tuple[str, int], ...]:
    return ("jumps of the clock", plan.jumps), ("frozen tasks", plan.freezes)


def command_lines(operations: Sequence[Operation]) -> Iterator[str]:
    """Commands with their times and results, in the order in which they were given."""
    lines = []
    for one in operations:
        took = f" after {format_duration(one.ended_ns - one.begun_ns)}" if one.ended_ns is not None else ""
        result = f"{one.result} {one.code}{took}" if took else "never answered"
        lines.append(f"{time_text(one.begun_ns):>11}  {one.op:<7} {one.command}  ->  {result}")
    yield from shortened(lines)


def fault_lines(plan: Plan, findings: Findings) -> Iterator[str]:
    """The faults that struck: of a kind the first ones, as none strikes any more when the operators are done."""
    left, lines = dict(findings.struck), []
    for blow in sorted(plan.blows, key=lambda blow: (blow.at_ns, blow.kind)):
        if left.get(blow.kind, 0):
            left[blow.kind] -= 1
            lines.append(f"{time_text(blow.at_ns):>11}  {_blow_text(plan, blow)}")
    yield from shortened(lines)


def _blow_text(plan: Plan, blow: Blow) -> str:
    scenario, number = plan.scenario, blow.number

    def one_of(names: Sequence[Any]) -> Any:
        return names[number % len(names)] if names else "none"

    match blow.kind:
        case StressFault.FRAME:
            return f"frame {number % scenario.main_storage_frames} becomes faulty"
        case StressFault.MOVER:
            return f"the mover will fail after {number % 8} pages"
        case StressFault.CONTROL_DIES:
            return f"LPAR control dies {number} messages later, and is started again"
        case StressFault.LIP_STUCK:
            return f"{one_of(scenario.lips)} hangs for {format_duration(blow.duration_ns)}"
        case StressFault.SALE_REFUSED:
            return f"{one_of(scenario.iops)} will refuse SALE"
        case StressFault.DUPLICATE_ENDING:
            device = one_of(scenario.devices)
            return f"device {getattr(device, 'number', 0):04X} signals an ending that nobody waits for"


def chain_lines(events: Sequence[Any]) -> Iterator[str]:
    """Events, each the cause of the next."""
    lines = []
    for depth, event in enumerate(events):
        op = "" if event["op"] is None else printable(event["op"])
        indent = " " * min(depth, _INDENT_MAX)
        told = f"{indent}{who_text(event)}: {event_text(event)}"
        lines.append(f"{event['seq']:>7} {time_text(event['t']):>11} {op:<7} {told}")
    yield from shortened(lines)


def shortened(lines: Sequence[str]) -> Iterator[str]:
    """The first and last ones, where there are too many."""
    beginning, left_out, end = shorten(tuple(range(len(lines))), STRESS_STORY_LINES_MAX)
    yield from (lines[place] for place in beginning)
    if left_out:
        yield f"{'':>11}  ... {left_out} more"
    yield from (lines[place] for place in end)
