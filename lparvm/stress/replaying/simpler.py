"""What is worth trying to make a tape of the swarm simpler, the largest steps first.

Each function takes the choices of a run that fails and gives others, see `dst.shrink`. They know what the swarm's
streams are for, so one try takes out what single choices would need hundreds for: all that is done to the schedule,
half of the commands, an LPAR.
"""

from collections.abc import Iterator, Sequence

from lparvm.dst.shrink import Choices, Propose

_OF_SCHEDULE = ("schedule", "clock", "freeze", "slices", "points", "mail")
_LPARS = "ABCD"
_ORDER = "order."
_FAULT = "fault."


def calm(choices: Choices) -> Iterator[Choices]:
    """First come, first served, whole slices, no delay: at all, or of one kind."""
    yield _without(choices, (*_OF_SCHEDULE, "pace"))
    yield _without(choices, _OF_SCHEDULE)
    for name in (*_OF_SCHEDULE, "pace"):
        yield _without(choices, (name,))


def fewer_orders(choices: Choices) -> Iterator[Choices]:
    """Commands are left out: blocks of them, then fewer at a time."""
    yield from _blocks_left_out(choices, [name for name in choices if name.startswith(_ORDER)])


def fewer_faults(choices: Choices) -> Iterator[Choices]:
    """Faults are left out: all of them, or blocks."""
    names = [name for name in choices if name.startswith(_FAULT)]
    if "faults" in choices:
        yield _without(choices, ("faults", *names))
    yield from _blocks_left_out(choices, names)


def fewer_lpars(choices: Choices) -> Iterator[Choices]:
    """An LPAR is left out, with its device; those behind it move up."""
    machine = choices.get("machine", ())
    count = 1 + (machine[0] if machine else 0)
    for left_out in range(count - 1, -1, -1) if count > 1 else ():
        changed = {**choices, "machine": (count - 2, *machine[1:])}
        for kind in ("lpar", "device"):
            for place in range(left_out, len(_LPARS) - 1):
                changed[f"{kind}.{_LPARS[place]}"] = choices.get(f"{kind}.{_LPARS[place + 1]}", ())
            changed[f"{kind}.{_LPARS[-1]}"] = ()
        yield changed


def orders_move_up(choices: Choices) -> Iterator[Choices]:
    """The commands that are left become the first ones of one operator."""
    names = [name for name in choices if name.startswith(_ORDER)]
    moved = {name: values for name, values in choices.items() if name not in names}
    moved |= {f"{_ORDER}{place:03}": choices[name] for place, name in enumerate(names)}
    operators = choices.get("operators", ())
    for count in (0, 1, 2):
        if len(operators) > 1 and count < operators[1]:
            yield {**moved, "operators": (0, count)}
    yield {**moved, "operators": (0, *operators[1:])}


PROPOSALS: tuple[Propose, ...] = (calm, fewer_orders, fewer_faults, fewer_lpars, orders_move_up)


def _without(choices: Choices, names: Sequence[str]) -> Choices:
    return {name: values for name, values in choices.items() if name not in names}


def _blocks_left_out(choices: Choices, names: Sequence[str]) -> Iterator[Choices]:
    """Without half of them, the later first; then without a quarter, and so on."""
    size = len(names)
    while size:
        for end in range(len(names), 0, -size):
            yield _without(choices, names[max(0, end - size) : end])
        size //= 2
