"""Draws a machine: its diagram, its states, its transitions, the events that it ignores."""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import Any

from lparvm.protocol import messages as m
from lparvm.protocol import orders as o
from lparvm.protocol.actor_names import lip_control_of
from lparvm.protocol.engine import Row, always
from lparvm.protocol.phases import STEPS, Phase, State
from lparvm.protocol.results import Result
from protocol_page.machines import LPAR, NEW, OLD, Drawn
from protocol_page.reasons import REASONS
from protocol_page.routes import IOP, LIPCTL, SVP

_STATES = """\
| state | phase | step | ordered on entry |
|---|---|---|---|
"""
_TRANSITIONS = """\
| state | event | condition | next state | result | orders at once |
|---|---|---|---|---|---|
"""
_IGNORED = """\
| event | in the states | why it may come |
|---|---|---|
"""
_STILL_BUSY = (m.ReportBusyDevices, m.HaltBusyDevices, m.ClearBusyDevices)


def section(drawn: Drawn) -> str:
    """All about one machine."""
    title = drawn.title
    transitions = rows(map(_transition_row, drawn.machine.table)) + _meanings(drawn)
    parts = (
        f"\n## {title}\n\n{drawn.prose}",
        _diagram(drawn),
        f"### States of {title}\n\n{_STATES}{rows(_state_row(drawn, state) for state in drawn.states)}",
        f"### Transitions of {title}\n\n{_TRANSITIONS}{transitions}",
        f"### Events that {title} may ignore\n\n{_ignored(drawn)}",
    )
    return "\n".join(parts)


def rows(cells: Iterable[Iterable[str]]) -> str:
    """Lines of a table."""
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


# --- the diagram ------------------------------------------------------------------------------------------


def _diagram(drawn: Drawn) -> str:
    """Every transition that changes the state; one arrow between two states."""
    arrows: dict[tuple[State, State], dict[type | None, list[Row]]] = {}
    for row in drawn.machine.table:
        if row.to is not None:
            arrows.setdefault((row.state, row.to), {}).setdefault(row.event, []).append(row)
    lines = ["stateDiagram-v2", f"    [*] --> {drawn.first}"]
    for (state, to), events in arrows.items():
        labels = " / ".join(_label(event, same) for event, same in events.items())
        lines.append(f"    {state} --> {to}: {labels}")
    lines.append(f"    {State.REPORTED} --> [*]")
    return "\n".join(("```mermaid", *lines, "```\n"))


def _label(event: type | None, same: list[Row]) -> str:
    """Event, condition and results of rows that lead from one state to another."""
    condition = _condition(same[0]) if len(same) == 1 else ""
    if event is m.CancelOperation and same[0].result is Result.CANCELLED:
        return "CANCEL"
    results = [str(row.result) for row in same if row.result is not None]
    label = " - ".join(part for part in ("" if event is None else event.__name__, condition) if part)
    decided = f" [{', '.join(results)}]" if results else ""
    return (label or "at once") + decided


# --- states -----------------------------------------------------------------------------------------------


def _state_row(drawn: Drawn, state: State) -> tuple[str, ...]:
    samples = drawn.samples(state)
    phases = list(dict.fromkeys(record.phase for _, record in samples))
    steps = list(dict.fromkeys(map(_step, phases)))
    return f"`{state}`", " or ".join(phases), " or ".join(steps), _entry(drawn, state) or "nothing"


def _step(phase: Phase) -> str:
    number = STEPS[phase]
    if number is None:
        return "none"
    return "204 to 209" if number is m.Step.START_ADDRESSES else str(number.value)


def _entry(drawn: Drawn, state: State) -> str:
    """What the entry of a state orders, read off its actions by giving them a record; special cases after it."""
    usual: list[str] = []
    told: list[str] = []
    for when, record in drawn.samples(state):
        orders = [order for action in drawn.machine.entry.get(state, ()) for order in action(record, None)]
        texts = _orders(orders)
        if not when:
            usual = texts
            told += texts
        elif more := [text for text in texts if text not in usual]:
            told.append(f"{when}: {', '.join(more)}")
    return "; ".join(told)


def _orders(orders: Iterable[o.Command]) -> list[str]:
    """In words; timers that are stopped one after another together."""
    texts: list[str] = []
    for stops, some in groupby(orders, lambda order: isinstance(order, o.StopTimer)):
        if stops:
            *timers, last = (order.timer for order in some if isinstance(order, o.StopTimer))
            others = f"s {', '.join(timers)} and" if timers else ""
            texts.append(f"stop the timer{others} {last}")
        else:
            texts += map(_order, some)
    return texts


def _order(order: o.Command) -> str:
    match order:
        case o.Post(to=to, message=message):
            text = _post(to, message)
        case o.StartTimer(timer=timer):
            text = f"start the timer {timer}"
        case o.Report():
            text = f"`OperationEnded` to {SVP}"
        case o.AnswerCancel(result=result):
            text = f"answer CANCEL with `{result}`"
        case o.PoisonFrames():
            text = "poison the frames that are given up"
        case _:
            text = _said(type(order))
            text = f"find out: {text}" if text.endswith("?") else text
    return text


def _post(to: str, message: Any) -> str:
    receiver = {lip_control_of(LPAR): LIPCTL, IOP: "each IOP of the LPAR"}.get(to, to)
    if isinstance(message, _STILL_BUSY):
        receiver = "each IOP that is still busy"
    zones = [getattr(message, "zone", None)]
    zones += [placement.zone for placement in getattr(message, "placements", ())]
    signal = getattr(message, "signal", None)
    about = [", the old zone"] if OLD in zones else [", the new zone"] if NEW in zones else []
    about += [] if signal is None else [f", `{type(signal).__name__}`"]
    return f"`{type(message).__name__}` to {receiver}{''.join(about)}"


def _said(what: Callable[..., Any]) -> str:
    """The first sentence of a docstring, as part of another one; empty: there is none."""
    first = re.split(r"(?<=[.?])\s", (inspect.getdoc(what) or "").strip(), maxsplit=1)[0].rstrip(".")
    return first if first[1:2].isupper() else first[:1].lower() + first[1:]


# --- transitions ------------------------------------------------------------------------------------------


def _transition_row(row: Row) -> tuple[str, ...]:
    return (
        f"`{row.state}`",
        f"`{row.event.__name__}`" if row.event else "at once",
        _condition(row) or "always",
        f"`{row.to}`" if row.to else "stays",
        f"`{row.result}`" if row.result else "",
        ", ".join(_words(action.__name__) for action in row.do),
    )


def _condition(row: Row) -> str:
    return "" if row.when is always else _name(row.when)


def _name(rule: Callable[..., Any]) -> str:
    """A condition by its name in the rules; of one that was made for a value, the value."""
    made_for = _made_for(rule)
    return ", ".join(f"the {name} is {value}" for name, value in made_for.items()) or _words(rule.__name__)


def _made_for(rule: Callable[..., Any]) -> Mapping[str, Any]:
    return inspect.getclosurevars(rule).nonlocals


def _words(name: str) -> str:
    return name.replace("_", " ")


def _meanings(drawn: Drawn) -> str:
    """What conditions and orders mean, where their names don't say all."""
    table = drawn.machine.table
    conditions = {row.when for row in table if row.when is not always and not _made_for(row.when)}
    orders = {action for row in table for action in row.do}
    return _meanings_of("Conditions", conditions) + _meanings_of("Orders at once", orders)


def _meanings_of(title: str, rules: Iterable[Callable[..., Any]]) -> str:
    said = ((_name(rule), _said(rule)) for rule in sorted(rules, key=_place))
    text = "; ".join(f"*{name}*: {meaning}" for name, meaning in said if meaning)
    return f"\n{title}: {text}.\n" if text else ""


def _place(rule: Callable[..., Any]) -> tuple[str, int]:
    """Where a rule is defined: one may say what it means by the one before it."""
    return rule.__module__, rule.__code__.co_firstlineno


# --- ignored events ---------------------------------------------------------------------------------------


def _ignored(drawn: Drawn) -> str:
    ignored = drawn.machine.ignored
    events = sorted({event for _, event in ignored}, key=lambda event: event.__name__)
    if not events:
        return "None: there is no timer, and whoever owes an answer is waited for.\n"
    return _IGNORED + rows(
        (
            f"`{event.__name__}`",
            ", ".join(f"`{state}`" for state in drawn.states if (state, event) in ignored),
            REASONS[event],
        )
        for event in events
    )
