"""The machine that `lpar_model` models: how it is built, how it is told commands, how both are compared."""

from typing import Any

from lpar_model import Command, LparModel, Model
from lparvm.arch.address import HoldingKind
from trials import Trial, device, lpar, scenario

FRAMES = 64
DEVICES = {("IOP1",): "0190", ("IOP1", "IOP2"): "0191", ("IOP2",): "0192"}
MACHINE = scenario(
    *(device(number, iop=list(iops), latency="500us") for iops, number in DEVICES.items()),
    lpar("A", "0", size="48K", lips=["LIP1", "LIP2"], devices=["0190"]),
    lpar("B", "64K", size="32K", lips=["LIP3"], guest="model_guests:Reading", devices=["0191"]),
    lpar("C", "120K", size="40K", lips=["LIP3"], guest="model_guests:Giving"),
    main_storage=f"{FRAMES * 4}K", rate="40M", iops=2,
).replace("[timing]", "[timing]\nlip_mips = 1.0")  # fmt: skip
"""A, B and C with free frames behind each; a page takes 98 us to move. B and C share a LIP."""


def first_model() -> Model:
    """The model of `MACHINE`."""
    lpars = {
        "A": LparModel(12, 0, "hammer", ("IOP1",), range(12)),
        "B": LparModel(8, 16, "Reading", ("IOP1", "IOP2"), range(16, 24)),
        "C": LparModel(10, 30, "Giving", (), range(30, 40)),
    }
    for one in lpars.values():
        one.load(one.guest)
    return Model(FRAMES, lpars, refusals={"IOP1": 0, "IOP2": 0})


def text_of(command: Command) -> str:
    """The command as the operator gives it."""
    words = [command.verb, command.lpar]
    if command.verb == "MVSTOR":
        keyword, value = command.target
        words.append({"END": "END", "HSA": f"HSA={_size(value)}"}.get(keyword, f"{keyword}={value}"))
        if command.other:
            size = "" if command.size is None else f",SIZE={_size(command.size)}"
            words.append(f"EXPAND={command.other}{size}")
    elif command.other:
        words.append(command.other)
    elif command.size is not None:
        words.append(f"SIZE={_size(command.size)}")
    if command.origin is not None:
        words.append(f"ORIGIN={_size(command.origin)}")
    if command.guest is not None:
        module = {"hammer": "", "nosuch": ""}.get(command.guest, "model_guests:")
        words.append(f"GUEST={module}{command.guest}")
    if command.iops is not None:
        words.append(f"DEVICES={DEVICES[command.iops]}")
    return " ".join((*words, *(["TEST"] if command.test else [])))


def _size(frames: Any) -> str:
    return f"{4 * (frames or 0)}K"


def observed(trial: Trial) -> dict[str, Any]:
    """What `Model.summary` tells, of the machine itself."""
    assembly = trial.machine.assembly
    lpars: dict[str, Any] = {entry.name: (range(0), frozenset(), "defined") for entry in assembly.defined()}
    holdings = assembly.zones.holdings()
    for row in trial.machine.rows():
        beside = [one.zone for one in holdings if one.lpar == row.name and one.kind is not HoldingKind.ZONE]
        held = frozenset(frame for zone in beside for frame in range(zone.origin, zone.end))
        lpars[row.name] = (range(row.origin, row.origin + row.size), held, str(row.state))
    return {
        "lpars": lpars, "retired": set(assembly.zones.retired), "mover": assembly.work.fail_at,
        "refusals": {name: iop._sale_refusals for name, iop in assembly.iops.items()},
    }  # fmt: skip


def check_frames(trial: Trial, model: Model) -> None:
    """No frame is lost or has two owners, and nothing is held when nothing is under way."""
    assembly = trial.machine.assembly
    assert not assembly.records.operations, "every operation was answered"
    areas = assembly.zones.free_areas()
    free = [frame for area in areas for frame in range(area.origin, area.end)]
    assert free == model.free(), "every frame is in a zone, out of use or free"
    beside = {one.lpar for one in assembly.zones.holdings() if one.kind is not HoldingKind.ZONE}
    lost = {name for name, one in model.lpars.items() if one.held}
    assert beside == lost, "only LPARs whose storage is lost hold frames beside their zones"


def check_agreement(trial: Trial, model: Model) -> None:
    """Map, LPAR control, LIP control, IOPs and state descriptions say one zone of each guest."""
    assembly = trial.machine.assembly
    for name, states in assembly.states.items():
        if model.lpars[name].state == "check-stopped":
            continue
        entry, zone = assembly.records.lpars[name], assembly.zones.zone_of(name)
        said = {"LPAR control": entry.zone, "LIP control": assembly.lip_controls[name]._control.zone}
        said |= {state.lip: state.zone for state in states}
        said |= {iop: assembly.iops[iop].zone_of(name) for iop in entry.iops}
        assert all(one == zone for one in said.values()), f"{name} is at {zone}: {said}"


async def check_guests(trial: Trial, model: Model) -> None:
    """Every guest that may run does verified steps, no other one does any, and none is damaged."""
    guests = trial.machine.assembly.guests
    before = {name: guest.steps for name, guest in guests.items()}
    running = {name for name, one in model.lpars.items() if one.state == "active"}
    idle = running
    for _ in range(40):
        await trial.sleep_ms(0.5)
        idle = {name for name in running if guests[name].steps == before[name]}
        if not idle:
            break
    assert not idle, f"{idle} did no verified step in 20 ms"
    moved = {name for name, guest in guests.items() if guest.steps != before[name]}
    assert moved == running, f"{moved - running} ran, though they should stand"
    damaged = {name: guest.damage for name, guest in guests.items() if guest.damage_count}
    assert not damaged, f"guests are damaged: {damaged}"


async def check(trial: Trial, model: Model) -> None:
    """All of that, once the operation is over for everybody."""
    await check_guests(trial, model)
    assert observed(trial) == model.summary(), "nothing changes by itself"
    check_frames(trial, model)
    check_agreement(trial, model)
