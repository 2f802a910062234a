"""What two things at once may come to, by `lpar_model`: a command and a CANCEL, or two commands."""

from collections.abc import Sequence

from lpar_judge import back, judge, retire
from lpar_model import Command, Model, Outcomes
from lparvm.protocol.results import Result

R = Result


def judge_cancelled(model: Model, command: Command) -> Outcomes:
    """The outcomes of a command that is cancelled at some time, beside those of `judge`."""
    first = Command("MVSTOR", command.lpar, command.target) if command.verb == "MVSTOR" else command
    done = [after for result, after in judge(model, first) if result is R.COMPLETED]
    outcomes: Outcomes = []
    if command.verb == "MVSTOR" and command.other:
        outcomes = [(R.CANCELLED, after) for after in done]
    names = command.lpars if command.verb == "XCHSTOR" else (command.lpar,)
    for struck in [[], *([frame] for frame in model.faulty)]:
        for mover in {model.mover_fails, None}:
            after = model.copy()
            retire(after, struck)
            after.mover_fails = mover
            outcomes.append((R.CANCELLED, after))
            if command.verb in ("MVSTOR", "XCHSTOR", "SHRINK") and set(names) <= set(model.lpars):
                for held in _perhaps_held(model, first, names):
                    outcomes += back(after, names, R.CANCELLED, held=held)
    return outcomes


def _perhaps_held(model: Model, command: Command, names: Sequence[str]) -> list[dict[str, frozenset[int]]]:
    """What an operation may hold beside the zones when it is given up: nothing, or its targets."""
    calm = model.copy()
    calm.faulty, calm.refusals, calm.mover_fails = set(), dict.fromkeys(model.refusals, 0), None
    nothing = dict.fromkeys(names, frozenset[int]())
    targets = [after for result, after in judge(calm, command) if result is R.COMPLETED]
    return [nothing, *({name: frozenset(after.lpars[name].zone) for name in names} for after in targets)]


_TAKEN_LATER = {R.TARGET_OCCUPIED: R.TARGET_TAKEN, R.ZONE_IN_THE_WAY: R.TARGET_TAKEN}


def judge_together(
    model: Model, first: Command, second: Command
) -> list[tuple[tuple[Result, Result], Model]]:
    """The outcomes of two commands, the second one given while the first may be under way; no fault is waiting.

    Each is what it would be before the other or after it; or it finds what the other one holds meanwhile: its
    LPARs, and their frames before and after.
    """
    outcomes = []
    for one, two, swapped in ((first, second, False), (second, first, True)):
        for result, after in judge(model, one):
            found = [(other, end) for other, end in judge(after, two)]
            found += _meanwhile(model, after, one, two)
            for other, end in found:
                outcomes.append(((other, result) if swapped else (result, other), end))
    return outcomes


def _meanwhile(model: Model, after: Model, one: Command, two: Command) -> Outcomes:
    """The second command's outcomes while the first one, which leads to `after`, is under way."""
    names = [name for name in one.lpars if name in after.lpars]
    now, then = ({frame for name in names if name in at.lpars for frame in at.lpars[name].frames}
                 for at in (model, after))  # fmt: skip
    outcomes: Outcomes = []
    for blocked in (now | then, then):
        between = model.copy()
        between.blocked, between.busy = frozenset(blocked), frozenset(one.lpars)
        for result, end in judge(between, two):
            # What each of them changed is its own LPARs.
            merged = after.copy()
            for name in two.lpars:
                if name in end.lpars and name not in one.lpars:
                    merged.lpars[name] = end.lpars[name]
            outcomes += [(code, merged) for code in (result, _TAKEN_LATER.get(result)) if code is not None]
    return outcomes
