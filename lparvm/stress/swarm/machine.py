"""Draws a machine: storage, LPARs, LIPs shared or not, IOPs, devices, guests. Small: a run costs milliseconds."""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from lparvm.arch.address import Zone
from lparvm.dst.tape import Stream, Tape
from lparvm.scenario.model import DeviceConfig, LparConfig, RunConfig, Scenario, Timing
from lparvm.stress.swarm.plan import Role

LPARS_MAX = {"small": 2, "mixed": 4}
LIPS_MAX = 4
_GUESTS = {
    Role.WITNESS: "lparvm.stress.guests.witness:Witness",
    Role.SHARED: "lparvm.stress.guests.shared:Shared",
    Role.SHARER: "sharer",
    Role.PULSE: "lparvm.stress.guests.pulse:Pulse",
    Role.HAMMER: "hammer",
}
_FRAMES_MIN = {Role.WITNESS: 4, Role.SHARED: 2, Role.PULSE: 1, Role.HAMMER: 4, Role.SHARER: 12}
_US, _MS = 1_000, 1_000_000
_LATENCIES_NS = (100 * _US, 500 * _US, 2 * _MS, 8 * _MS)
_MISBEHAVIOURS = (
    "delay 3ms", "late-end 2ms", "slow 300us", "disconnect 1ms", "late-transfer 8ms", "unit-check", "late-end 12ms",
)  # fmt: skip
_DEADLY = ("no-end", "stop")
_DISK = "64K"
COMMON_DISKS = (0x1F0, 0x1F1)


@frozen
class _Io:
    """IOPs and devices.

    Attributes:
        iops: names.
        devices: what there is.
        of: device numbers of each LPAR.
    """

    iops: tuple[str, ...]
    devices: tuple[DeviceConfig, ...]
    of: Mapping[str, tuple[int, ...]]


def draw_machine(tape: Tape, size: str) -> tuple[Scenario, dict[str, Role]]:
    """A machine without commands, and what each guest is there for.

    Args:
        tape: from its streams `machine`, `lpar.NAME` and `device.NUMBER`.
        size: `small` or `mixed`.
    """
    machine = tape.stream("machine")
    names = "ABCD"[: machine.between(1, LPARS_MAX[size])]
    roles = {name: _role(tape.stream(f"lpar.{name}")) for name in names}
    iops = tuple(f"IOP{number + 1}" for number in range(machine.weighted(((0, 1), (1, 5), (2, 4)))))
    if machine.chance(1, 3) and len(names) > 1 and iops:
        roles |= dict.fromkeys(names[-2:], Role.SHARER)
    io = _draw_io(tape, iops, names, roles)
    lip_count = machine.between(1, LIPS_MAX)
    lpars, end = [], 0
    for name in names:
        lpar = _draw_lpar(tape.stream(f"lpar.{name}"), name, roles[name], end, lip_count, io.of[name], size)
        lpars.append(lpar)
        end = lpar.zone.end
    frames = end + machine.between(2, 24)
    lips = tuple(sorted({lip for lpar in lpars for lip in lpar.lips}))
    timing = Timing(
        lip_mips=machine.choice((0.5, 1.0, 0.05)),
        transfer_rate=machine.choice((400 << 20, 40 << 20, 4 << 20)),
    )
    scenario = Scenario(
        "stress", "", frames, timing, io.iops, io.devices, tuple(lpars), lips, (), (), RunConfig(0),
        dict.fromkeys(io.iops),
    )  # fmt: skip
    return scenario, roles


def _role(stream: Stream) -> Role:
    return stream.weighted(((Role.PULSE, 8), (Role.WITNESS, 8), (Role.SHARED, 3), (Role.HAMMER, 1)))


def _draw_io(tape: Tape, iops: tuple[str, ...], names: str, roles: Mapping[str, Role]) -> _Io:
    devices, of = [], {}
    for place, name in enumerate(names):
        stream = tape.stream(f"device.{name}")
        wanted = stream.weighted(((0, 2), (1, 6), (2, 4)))
        for number in range(2):
            paths = iops if stream.chance(1, 4) else (*iops[stream.draw(2) :], *iops)[:1]
            device = _draw_device(stream, 0x190 + 16 * place + number, paths, roles[name])
            devices += [device] if iops and number < wanted else []
        of[name] = tuple(device.number for device in devices if device.number >> 4 == 0x19 + place)
        if roles[name] is Role.SHARER:
            of[name] = COMMON_DISKS
    devices = [device for device in devices if any(device.number in numbers for numbers in of.values())]
    for number in COMMON_DISKS if Role.SHARER in roles.values() else ():
        latency_ns = tape.stream("device.common").choice(_LATENCIES_NS[:3])
        devices.append(DeviceConfig(number, "disk", iops, latency_ns, {"size": _DISK}))
    return _Io(iops, tuple(devices), of)


def _draw_device(stream: Stream, number: int, paths: tuple[str, ...], role: Role) -> DeviceConfig:
    latency_ns = stream.choice(_LATENCIES_NS)
    bad, deadly = stream.chance(1, 3), stream.chance(1, 2)
    chances = {text: stream.draw(4) / 25 for text in _MISBEHAVIOURS}
    options: dict[str, Any] = {"size": _DISK}
    # Who must come to an end gets no device that never does.
    deadly = deadly and role not in (Role.WITNESS, Role.SHARED)
    stuck = stream.draw(4)
    if deadly and stuck:
        return DeviceConfig(number, "stuck", paths, latency_ns, {"deaf": stuck == 1})
    if bad:
        ends = dict.fromkeys(_DEADLY, 0.03) if deadly else {}
        options["probability"] = {**{text: one for text, one in chances.items() if one}, **ends}
    return DeviceConfig(number, "fault" if bad else "disk", paths, latency_ns, options)


def _draw_lpar(
    stream: Stream, name: str, role: Role, end: int, lip_count: int, devices: tuple[int, ...], size: str
) -> LparConfig:
    gap, more = stream.draw(5), stream.draw(6)
    first, second = stream.draw(lip_count), stream.draw(lip_count)
    seed = stream.draw(1 << 20)
    busy = stream.draw(4)
    lips = tuple(dict.fromkeys((first, second)))
    options: dict[str, Any] = {"seed": seed}
    match role:
        case Role.WITNESS:
            pause = ("20us", "100us", "200us", "400us")[busy]
            options |= {"operations": 10 + 5 * stream.draw(2 if size == "small" else 10), "pause": pause}
            options["io"] = stream.choice((20, 50, 80))
        case Role.SHARED:
            options |= {"operations": 10 + 5 * stream.draw(6)}
        case Role.SHARER:
            options["every"] = ("1ms", "100us", "300us", "500us")[busy]
        case Role.PULSE:
            options |= {"pause": ("5ms", "500us", "2ms", "1ms")[busy]}
            if devices and stream.chance(2, 3):
                options["suspend"] = True
    return LparConfig(
        name, Zone(end + gap, _FRAMES_MIN[role] + more), tuple(f"LIP{lip + 1}" for lip in lips), _GUESTS[role],
        options, devices,
    )  # fmt: skip
