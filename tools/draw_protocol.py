"""Draws docs/protocol.md from the tables of the relocation: `python tools/draw_protocol.py [--check]`.

All about states, transitions, orders and ignored events is read from `lparvm.protocol`; who sends what to
whom, and why, is written here. The generator refuses to draw a page that leaves out a message of the protocol
or the reason of an ignored event.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lparvm.arch.address import Zone
from lparvm.protocol import messages as m
from lparvm.protocol import orders as o
from lparvm.protocol import relocation_rules as rules
from lparvm.protocol.phases import PHASES, STEPS, TAIL, Phase, State
from lparvm.protocol.relocation import ENTRY, IGNORED, TABLE, Row
from lparvm.protocol.relocation_record import Relocation

PAGE = Path(__file__).resolve().parents[1] / "docs" / "protocol.md"

INTRO = """\
# The relocation protocol

<!-- Drawn from the tables of lparvm/protocol by tools/draw_protocol.py. Change those, then draw it again. -->

MVSTOR moves the zone of one LPAR in main storage; its guest stands still for that long and goes on. The contract:
*the guest ends operating, at the target with every byte and key moved, or at the source as if nothing had happened.*
One exception is told by its own result, `CHECK_STOPPED`: a second failure on the way back.

Every decision is a row of a table in `lparvm/protocol/relocation.py`; LPAR control carries out what the rows
order. This page is drawn from that table, and a test fails when it is out of date.

## Who takes part

| actor | name in the trace | what it does | patent |
|---|---|---|---|
| service processor | `SVP` | takes the operator's commands, shows progress and results | 5 |
| LPAR control | `LPARCTL` | drives each relocation through the states below; moves the pages | 6 |
| LIP control | `LIPCTL.lpar`, one an LPAR | stops the LIPs, restarts them by SIE, simulates what they intercept | 7 |
| resource manager | `RM` | owns the map of main storage: checks, reserves and frees areas; sends SALE to the IOPs | 8 |
| LIP | its own name, such as `LIP1` | runs guests; one may serve several LPARs | 1 |
| IOP | its own name, such as `IOP1` | runs channel programs; checks addresses against the zone of the last SALE | 10 |

Actors share nothing: they send messages, each to the mailbox of another (or their own, from a helper task). Every
request is answered, also when it is refused.

| from | to | messages |
|---|---|---|
"""

OPERATOR, SVP, LPARCTL, LIPCTL, RM, LIP, IOP = "operator", "SVP", "LPARCTL", "LIPCTL", "RM", "LIP", "IOP"
ROUTES: tuple[tuple[str, str, tuple[type, ...]], ...] = (
    (OPERATOR, SVP, (m.CommandEntered,)),
    (SVP, LPARCTL, (m.MoveStorage, m.CancelOperation)),
    (SVP, RM, (m.QueryFrame,)),
    (SVP, IOP, (m.VaryPath, m.EnterLine)),
    (IOP, SVP, (m.PathVaried, m.LineEntered, m.OperatorMessaged)),
    (RM, SVP, (m.FrameReported,)),
    (LPARCTL, SVP, (m.OperationEnded, m.OperationAdvanced, m.OperatorMessaged)),
    (LIPCTL, SVP, (m.OperatorMessaged,)),
    (LPARCTL, RM, (m.CheckArea, m.ReserveArea, m.SetAddressLimits, m.ReleaseArea, m.LparCheckStopped)),
    (RM, LPARCTL, (
        m.AreaFree, m.AreaTaken, m.AreaReserved, m.AddressLimitsSet, m.AddressLimitsRefused, m.AreaReleased,
    )),
    (RM, IOP, (m.SetAddressLimit,)),
    (IOP, RM, (m.AddressLimitSet, m.AddressLimitRefused)),
    (LPARCTL, IOP, (
        m.QuiesceIop, m.ReportBusyDevices, m.HaltBusyDevices, m.ClearBusyDevices, m.ReleaseHeldStarts,
        m.ResetLpar,
    )),
    (IOP, LPARCTL, (m.IopQuiesced, m.IopBusy, m.HeldStartsReleased)),
    (LPARCTL, LIPCTL, (m.StopGuest, m.RestartGuest)),
    (LIPCTL, LPARCTL, (m.GuestStopped, m.GuestRestarted)),
    (LIPCTL, LIP, (m.StopLip, m.StartInterpretiveExecution, m.InterceptionSimulated)),
    (LIP, LIPCTL, (m.LipStopped, m.InterpretiveExecutionStarted, m.GuestIntercepted, m.GuestFailed)),
    (LIPCTL, IOP, (m.StartIo, m.ResumeIo, m.HaltIo, m.ClearIo, m.ResetLpar)),
    (IOP, LIPCTL, (
        m.IoBegan, m.IoIntermediate, m.IoEnded, m.PathNotOperational, m.PathChanged, m.StatusOffered,
    )),
    (LPARCTL, LPARCTL, (
        m.StopTimedOut, m.QuiesceTimedOut, m.BusyReminderDue, m.HaltTimedOut, m.TargetPrepared, m.ChunkMoved,
        m.MoveEnded, m.FramesPoisoned,
    )),
    (LIPCTL, LIPCTL, (m.WaitTimedOut,)),
    (IOP, IOP, (m.ChannelProgramEnded, m.DeviceSignalled)),
    (IOP, "other IOPs", (m.DeviceFreed,)),
)  # fmt: skip

NOTES = """\
### When I/O does not end

An IOP that runs channel programs of the LPAR answers `QuiesceIop` with `IopBusy`, which tells all about each busy
device, and tells `IopQuiesced` when the last of them has ended. As soon as every IOP has answered and one is busy,
message LVM032W names every busy device; when QUIESCE= is over, they are asked for and named once more. `BUSY=` says
what happens then:

| `BUSY=` | then | told |
|---|---|---|
| `REFUSE` | the move is given up, held starts begin, the guest runs on | the result `QUIESCE_TIMED_OUT` |
| `WAIT` | the move waits until the last device ends, or CANCEL comes | LVM033W every 10 s |
| `HALT` | busy devices are told to end; those that have not ended 1 s later are given up; the move goes on \
| LVM034W when they are told; at the end LVM035I names the halted, LVM036W the cleared |

Questions are numbered: `IopBusy` repeats the `attempt` of the question that it answers, so that a late answer to an
earlier question is not taken for one to the last. What `ClearBusyDevices` gives up is known exactly, for a question
goes right before it: nothing can end between the two.

A CANCEL while devices are halted ends the move at once; it can't take back that they were told to end. While they are
cleared it waits for the IOPs' answers (`CLEARING_IN_VAIN`), so that every cleared device is told.

### Why held starts wait for a message of their own

SALE puts the new limits in force; held starts begin on `ReleaseHeldStarts`, which LPAR control sends only after
every IOP has acknowledged SALE and the guest's state descriptions hold the same origin. If SALE itself released
them, the IOP that accepted it first would start I/O into the new zone while another IOP may still refuse, and the
move be backed out: that I/O would then have gone to storage that the guest never gets. The way back ends the same
way: SALE with the old zone first, then SIE, then the release.

### Where there is no way back

The last IOP's acknowledgement of SALE is the commit (`AddressLimitsSet` in `NOTIFYING`). Before it, a fault or a
refusal leads to `MOVING_BACK` or further down the same column; after it, the guest is restarted at the target. From
`NOTIFYING` on, CANCEL is answered `NOT_CANCELLABLE`: what the IOPs were told can't be called back.
"""

# Why an event may come in a state that has no use for it. The states are those of IGNORED.
REASONS: dict[type, str] = {
    m.StopTimedOut: "The time was over when the last LIP's acknowledgement was already in the mailbox.",
    m.QuiesceTimedOut: "The time was over when the last IOP's answer was already in the mailbox, or by CANCEL.",
    m.BusyReminderDue: "The reminder was due when the last IOP's answer was already in the mailbox, or by CANCEL.",
    m.HaltTimedOut: "The grace was over when the last IOP's answer was already in the mailbox, or by CANCEL.",
    m.GuestStopped: "The last LIP stopped when the stop had been rescinded already.",
    m.IopQuiesced: "An IOP tells it when it is asked or told to clear, and once when its last device ends; all may be "
    "on the way when the machine goes on. It tells nothing after `HeldStartsReleased`.",
    m.IopBusy: "The same: the answer crossed with the end of the waiting.",
}

TRANSITIONS = """\
## States and transitions

A dash separates an event from its condition; the result that a transition decides stands in brackets. Transitions
without an event are taken as soon as their condition holds. What leaves the state as it is stands further down, in
the table of all transitions.
"""

STATES = """\
## States, phases, steps

The phase is what an operator sees; the step is the patent's.

| state | phase | step | ordered on entry |
|---|---|---|---|
"""

ALL_TRANSITIONS = """\
## All transitions

Of several rows for one event the first whose condition holds is taken. The first result that is decided stays, but
for `CHECK_STOPPED`, which overrules it.

| state | event | condition | next state | result | orders at once |
|---|---|---|---|---|---|
"""

IGNORED_EVENTS = """\
## Events that are ignored

They crossed with a change of state. An event that stands neither here nor above is a breach of protocol: it raises
an error with the story that led there, and changes nothing.

| event | in the states | why it may come |
|---|---|---|
"""

_SOURCE, _TARGET = Zone(0, 2), Zone(1, 2)


def draw() -> str:
    """The whole page.

    Raises:
        SystemExit: a message has no route, or an ignored event no reason.
    """
    routed = {message for _, _, messages in ROUTES for message in messages}
    missing = [kind.__name__ for kind in m.MESSAGES if kind not in routed]
    missing += [event.__name__ for _, event in IGNORED if event not in REASONS]
    if missing:
        raise SystemExit(f"draw_protocol: add a route, or a reason, for {', '.join(sorted(set(missing)))}")
    parts = (
        INTRO + _rows(map(_route_row, ROUTES)),
        NOTES,
        TRANSITIONS,
        _diagram(),
        STATES + _rows(map(_state_row, State)),
        ALL_TRANSITIONS + _rows(map(_transition_row, TABLE)),
        IGNORED_EVENTS + _rows(_ignored_rows()),
    )
    return "\n".join(parts)


def _route_row(route: tuple[str, str, tuple[type, ...]]) -> tuple[str, ...]:
    sender, receiver, kinds = route
    return sender, "itself" if sender == receiver else receiver, _codes(kind.__name__ for kind in kinds)


def _rows(rows: Iterable[Iterable[str]]) -> str:
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _diagram() -> str:
    """Every transition that changes the state; rows that differ in nothing the diagram shows are one arrow."""
    lines = ["stateDiagram-v2", "    [*] --> ASKED"]
    for row in TABLE:
        if row.to is not None:
            label = " - ".join(part for part in (_event(row), _condition(row)) if part)
            result = f" [{row.result}]" if row.result is not None else ""
            lines.append(f"    {row.state} --> {row.to}: {label}{result}")
    lines.append("    REPORTED --> [*]")
    return "\n".join(("```mermaid", *dict.fromkeys(lines), "```\n"))


def _event(row: Row) -> str:
    return "" if row.event is None else row.event.__name__


def _condition(row: Row) -> str:
    """The condition by its name in the rules; a combination of several by all their names."""
    if row.when is rules.always:
        return ""
    when: Any = row.when
    names = [when.__name__]
    if not hasattr(rules, when.__name__):
        names = [name for name in when.__code__.co_names if name != "rules"]
    return " and ".join(name.replace("_", " ") for name in names)


def _state_row(state: State) -> tuple[str, ...]:
    if state in TAIL:
        phase = f"{Phase.RESTARTING}, or {Phase.BACKING_OUT} on the way back"
        step = f"{STEPS[Phase.RESTARTING]}, or none"
    else:
        phase, number = PHASES[state], STEPS[PHASES[state]]
        step = (
            "none"
            if number is None
            else "204 to 209"
            if number is m.Step.START_ADDRESSES
            else str(number.value)
        )
    return f"`{state}`", phase, step, "; ".join(_orders(state)) or "nothing"


def _orders(state: State) -> list[str]:
    """What the entry of a state orders, read off its actions by giving them a record."""
    on_way_forth = state in (State.RESTARTING, *TAIL)
    record = Relocation(
        "op.1", "lpar", _SOURCE, _TARGET, (IOP,), state=state, busy_iops=(IOP,), reserved=True, committed=on_way_forth,
        cancels=("op.2",),
    )  # fmt: skip
    return [_order(order) for action in ENTRY.get(state, ()) for order in action(record, None)]


def _order(order: o.Command) -> str:
    match order:
        case o.Post(to=to, message=message):
            receiver = {"LIPCTL.lpar": LIPCTL, IOP: "each IOP of the LPAR"}.get(to, to)
            if to == IOP and isinstance(
                message, m.ReportBusyDevices | m.HaltBusyDevices | m.ClearBusyDevices
            ):
                receiver = "each IOP that is still busy"
            zones: dict[Any, str] = {_SOURCE: ", the old zone", _TARGET: ", the target"}
            zone = zones.get(getattr(message, "zone", None), "")
            return f"`{type(message).__name__}` to {receiver}{zone}"
        case o.StartTimer(timer=timer):
            return f"start the timer {timer}"
        case o.StopTimer(timer=timer):
            return f"stop the timer {timer}"
        case o.AnswerCancel(result=result):
            return f"answer each CANCEL with `{result}`"
        case _:
            said = (type(order).__doc__ or "").strip().split(". ")[0].rstrip(".")
            return said[0].lower() + said[1:]


def _transition_row(row: Row) -> tuple[str, ...]:
    return (
        f"`{row.state}`",
        f"`{_event(row)}`" if row.event else "at once",
        _condition(row) or "always",
        f"`{row.to}`" if row.to else "stays",
        f"`{row.result}`" if row.result else "",
        ", ".join(action.__name__.replace("_", " ") for action in row.do),
    )


def _ignored_rows() -> list[tuple[str, ...]]:
    events = sorted({event for _, event in IGNORED}, key=lambda event: event.__name__)
    return [
        (f"`{event.__name__}`", _codes(state for state in State if (state, event) in IGNORED), REASONS[event])
        for event in events
    ]


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or with `--check` compare it; exit code 1 where it is stale."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if the page is stale")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page; default: docs/protocol.md")
    given = parser.parse_args(arguments)
    drawn = draw()
    if given.check:
        if not given.page.exists() or given.page.read_text(encoding="utf-8") != drawn:
            print(f"{given.page} is stale: run python tools/draw_protocol.py", file=sys.stderr)
            return 1
        return 0
    given.page.parent.mkdir(parents=True, exist_ok=True)
    given.page.write_text(drawn, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
