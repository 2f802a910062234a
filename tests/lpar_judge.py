"""What every command must come to, by `lpar_model`: written down from the manual, not from the code.

`judge` gives the outcomes that a command may have: most have one; where a fault or the guest's pace decides, several.
Not modelled: time, devices, what a plan does on its way.
"""

from collections.abc import Callable, Collection, Iterable, Sequence

from lpar_model import Command, LparModel, Model, Outcomes
from lparvm.protocol.results import Result

R = Result
SALE_ATTEMPTS_MAX = 3
HAMMER_PAGES_MIN = 4
_ANSWERS = ("hammer", "Giving", "Keeping", "Reading")


def judge(model: Model, command: Command) -> Outcomes:
    """The outcomes that a command may have, each with what is left."""
    denied = _denied(model, command)
    if denied is not None:
        return [(denied, model)]
    return _JUDGES[command.verb](model.copy(), command)


# --- whether it may begin -----------------------------------------------------------------------------------


def _denied(model: Model, command: Command) -> Result | None:
    """Why it doesn't begin, by its LPARs; None: it does."""
    names = command.lpars if command.verb == "XCHSTOR" else (command.lpar,)
    if command.verb in ("MVSTOR", "XCHSTOR") and command.lpar == command.other:
        return R.SAME_LPAR
    if command.verb == "MVSTOR" and command.other:
        expand = Command("EXPAND", command.other, size=command.size)
        unfit = _denied(model, expand)
        if unfit is None and command.size is not None:
            unfit = R.WRONG_SIZE if command.size <= len(model.lpars[command.other].zone) else None
        # What becomes of an LPAR that an operation holds shows after the move.
        if unfit is not None and (command.test or command.other not in model.busy):
            return unfit
    for name in names if command.verb not in ("PLAN", "DEFINE") else ():
        one = model.lpars.get(name)
        if one is None:
            return R.UNKNOWN_LPAR
        if name in model.busy:
            return R.LPAR_IN_OPERATION
        denied = _unfit(one, command.verb)
        if denied is not None:
            return denied
    return None


def _unfit(one: LparModel, verb: str) -> Result | None:
    if verb == "ACTIVATE":
        return R.WRONG_STATE if one.active else None
    if verb in ("STOP", "START"):
        return None if one.state == {"STOP": "active", "START": "stopped"}[verb] else R.WRONG_STATE
    if one.state == "check-stopped" and verb not in ("IPL", "DEACTIVATE"):
        return R.LPAR_CHECK_STOPPED
    return None if one.active else R.WRONG_STATE


# --- MVSTOR and XCHSTOR -------------------------------------------------------------------------------------


def _move(model: Model, command: Command) -> Outcomes:
    origin = _origin(model, command)
    if isinstance(origin, Result):
        return [(origin, model)]
    one = model.lpars[command.lpar]
    if origin == one.zone.start:
        return [(R.ALREADY_THERE, model)]
    targets = {command.lpar: range(origin, origin + len(one.zone))}
    outcomes = _relocate(model, targets, R.TARGET_OCCUPIED, test=command.test)
    if not command.other or (outcomes[0][0] is not R.COMPLETED and command.test):
        return outcomes
    if command.test:
        after = model.copy()
        after.lpars[command.lpar].zone = targets[command.lpar]
        return [(_room_for(after, Command("EXPAND", command.other, size=command.size)), model)]
    done = [after for result, after in outcomes if result is R.COMPLETED]
    rest = [(result, after) for result, after in outcomes if result is not R.COMPLETED]
    for after in done:
        expand = Command("EXPAND", command.other, size=command.size)
        for result, end in judge(after, expand):
            rest.append((result if result is R.COMPLETED else R.MOVED_NOT_EXPANDED, end))
    return rest


def _origin(model: Model, command: Command) -> int | Result:
    keyword, value = command.target
    extent = len(model.lpars[command.lpar].zone)
    if keyword in ("BEFORE", "AFTER"):
        other = model.lpars.get(value)
        if value == command.lpar:
            return R.SAME_LPAR
        if other is None:
            return R.UNKNOWN_LPAR
        if not other.active:
            return R.WRONG_STATE
        value = other.zone.stop if keyword == "AFTER" else other.zone.start - extent
    origin = int(model.frame_count - extent if keyword == "END" else value)
    return R.OUTSIDE_STORAGE if origin < 0 else origin


def _exchange(model: Model, command: Command) -> Outcomes:
    lower, upper = sorted(command.lpars, key=lambda name: model.lpars[name].zone.start)
    low, high = model.lpars[lower].zone, model.lpars[upper].zone
    targets = {
        upper: range(low.start, low.start + len(high)),
        lower: range(high.stop - len(low), high.stop),
    }
    return _relocate(model, targets, R.ZONE_IN_THE_WAY, test=command.test)


def _relocate(model: Model, targets: dict[str, range], occupied: Result, *, test: bool) -> Outcomes:
    wanted = set().union(*targets.values())
    own = set().union(*(model.lpars[name].frames for name in targets))
    checks = (
        (any(frame >= model.frame_count for frame in wanted), R.OUTSIDE_STORAGE),
        (wanted & model.taken(*targets), occupied),
        (own & model.retired, R.ZONE_FAULTY),
        (wanted & model.retired, R.TARGET_FAULTY),
    )
    for refused, result in checks:
        if refused:
            return [(result, model)]
    if test:
        return [(R.COMPLETED, model)]
    outcomes: Outcomes = []
    fails, model.mover_fails = model.mover_fails, None
    held = {name: frozenset(zone) for name, zone in targets.items()}
    extents = [len(zone) for zone in targets.values()]
    for frame in sorted((own | wanted) & model.faulty):
        after = model.copy()
        retire(after, [frame])
        outcomes += back(after, tuple(targets), R.STORAGE_FAULT, held=held)
    # A move takes a step a page. In an exchange each page changes its place once at least, and twice at most, and two
    # pages may do so in one step.
    longest = extents[0] if len(extents) == 1 else 2 * sum(extents)
    if fails is not None and fails < longest:
        outcomes += back(model.copy(), tuple(targets), R.MOVE_FAILED, held=held)
    if not (own | wanted) & model.faulty and (fails is None or fails >= min(extents)):
        outcomes += _forth(model, targets, held=held)
    return outcomes


def retire(model: Model, frames: Collection[int]) -> None:
    model.retired |= set(frames)
    model.faulty -= set(frames)


# --- SALE ---------------------------------------------------------------------------------------------------


def _refused(model: Model, lpars: Iterable[str]) -> bool:
    """SALE for these LPARs to each of their IOPs: whether one refused."""
    refused = False
    for name in lpars:
        for iop in model.lpars[name].iops:
            if model.refusals[iop]:
                model.refusals[iop] -= 1
                refused = True
    return refused


def _forth(model: Model, zones: dict[str, range], *, held: dict[str, frozenset[int]]) -> Outcomes:
    """The new zones, if every IOP takes them."""
    if _refused(model, zones):
        return back(model, tuple(zones), R.SALE_REFUSED, held=held, attempts=1)
    for name, zone in zones.items():
        one = model.lpars[name]
        one.zone = zone
        one.used, one.perhaps = min(one.used, len(zone)), min(one.perhaps, len(zone))
    return [(R.COMPLETED, model)]


def back(
    model: Model, lpars: Sequence[str], result: Result, *, held: dict[str, frozenset[int]], attempts: int = 0,
) -> Outcomes:  # fmt: skip
    """SALE with the old zones, again and again; an IOP that goes on refusing costs the LPARs their guests."""
    model = model.copy()
    while _refused(model, lpars):
        if attempts == SALE_ATTEMPTS_MAX:
            zones = set().union(*(model.lpars[name].zone for name in lpars))
            for name in lpars:
                one = model.lpars[name]
                one.state, one.held = "check-stopped", held[name] - zones
            return [(R.CHECK_STOPPED, model)]
        attempts += 1
    return [(result, model)]


# --- EXPAND and SHRINK --------------------------------------------------------------------------------------


def _room_for(model: Model, command: Command) -> Result:
    """Of an LPAR that may grow: whether there is room."""
    calm = model.copy()
    calm.refusals = dict.fromkeys(model.refusals, 0)
    return _expand(calm, command)[0][0]


def _expand(model: Model, command: Command) -> Outcomes:
    one = model.lpars[command.lpar]
    origin, extent = one.zone.start, len(one.zone)
    end = min({*model.taken(command.lpar), *model.retired, model.frame_count} - set(range(one.zone.stop)))
    wanted = command.size
    if wanted is None:
        wanted = end - origin
        if wanted == extent:
            return [(R.NO_ROOM, model)]
    if wanted <= extent:
        return [(R.WRONG_SIZE, model)]
    if wanted > end - origin:
        return [(R.NO_ROOM, model)]
    extension = {command.lpar: frozenset(range(one.zone.stop, origin + wanted))}
    outcomes = _forth(model, {command.lpar: range(origin, origin + wanted)}, held=extension)
    for result, after in outcomes:
        grown = after.lpars[command.lpar]
        if result is R.COMPLETED and grown.loaded in _ANSWERS:
            grown.perhaps = wanted
    return outcomes


def _shrink(model: Model, command: Command) -> Outcomes:
    one, wanted = model.lpars[command.lpar], command.size
    assert wanted is not None, "SHRINK has a size"
    if not 1 <= wanted < len(one.zone):
        return [(R.WRONG_SIZE, model)]
    zones = {command.lpar: range(one.zone.start, one.zone.start + wanted)}
    nothing = {command.lpar: frozenset[int]()}
    outcomes: Outcomes = []
    answers = one.state == "active" and one.loaded in _ANSWERS
    if answers and (one.loaded == "Keeping" or (one.loaded == "hammer" and wanted < HAMMER_PAGES_MIN)):
        outcomes.append((R.GUEST_REFUSED, model.copy()))
    elif answers:
        outcomes += _forth(model.copy(), zones, held=nothing)
    # Who is asked while it still takes up storage may not answer in time.
    if not answers or one.used < one.perhaps:
        if wanted < one.perhaps:
            outcomes += back(model.copy(), (command.lpar,), R.STORAGE_IN_USE, held=nothing)
        if wanted >= one.used:
            outcomes += _forth(model.copy(), zones, held=nothing)
    return outcomes


# --- LPARs come and go --------------------------------------------------------------------------------------


def _define(model: Model, command: Command) -> Outcomes:
    if command.lpar in model.busy:
        return [(R.LPAR_IN_OPERATION, model)]
    one = model.lpars.get(command.lpar)
    if one is not None and one.active:
        return [(R.WRONG_STATE, model)]
    size = command.size or 0
    if not 0 < size <= model.frame_count - (command.origin or 0) or command.guest == "nosuch":
        return [(R.CANNOT_DEFINE, model)]
    if one is None:
        one = model.lpars[command.lpar] = LparModel(size, command.origin)
    one.size, one.origin = size, command.origin
    one.guest = command.guest or one.guest
    one.iops = one.iops if command.iops is None else command.iops
    return [(R.COMPLETED, model)]


def _activate(model: Model, command: Command) -> Outcomes:
    one = model.lpars[command.lpar]
    origin = one.origin
    if origin is None:
        origin = next((gap.start for gap in model.gaps() if len(gap) >= one.size), None)
    if origin is None:
        return [(R.NO_ROOM, model)]
    zone = range(origin, origin + one.size)
    if model.taken() & set(zone):
        return [(R.TARGET_OCCUPIED, model)]
    if model.retired & set(zone):
        return [(R.TARGET_FAULTY, model)]
    one.zone, one.state, one.loaded, one.used, one.perhaps = zone, "not loaded", "", 0, 0
    return [(R.COMPLETED, model)]


def _deactivate(model: Model, command: Command) -> Outcomes:
    one = model.lpars[command.lpar]
    one.zone, one.held, one.state, one.loaded = range(0), frozenset(), "defined", ""
    return [(R.COMPLETED, model)]


def _ipl(model: Model, command: Command) -> Outcomes:
    one = model.lpars[command.lpar]
    if command.guest == "nosuch":
        return [(R.IPL_FAILED, model)]
    if one.state == "check-stopped":
        # All IOPs are told the zone again; where one never takes it, nothing has changed but that no guest is left.
        refusals = 0
        while _refused(model, (command.lpar,)):
            if refusals == SALE_ATTEMPTS_MAX:
                one.loaded = ""
                return [(R.IPL_FAILED, model)]
            refusals += 1
    one.load(command.guest or one.guest)
    return [(R.COMPLETED, model)]


def _stop(model: Model, command: Command) -> Outcomes:
    model.lpars[command.lpar].state = "stopped"
    return [(R.COMPLETED, model)]


def _start(model: Model, command: Command) -> Outcomes:
    model.lpars[command.lpar].state = "active"
    return [(R.COMPLETED, model)]


_JUDGES: dict[str, Callable[[Model, Command], Outcomes]] = {
    "MVSTOR": _move, "XCHSTOR": _exchange, "EXPAND": _expand, "SHRINK": _shrink, "DEFINE": _define,
    "ACTIVATE": _activate, "DEACTIVATE": _deactivate, "IPL": _ipl, "STOP": _stop, "START": _start,
}  # fmt: skip
