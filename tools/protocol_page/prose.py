"""What the page says in words, beside what stands with each machine."""

from lparvm.config import (
    BUSY_REMINDER_NS,
    HALT_GRACE_NS,
    OPERATIONS_MAX,
    PART_RESTART_NS,
    PLAN_REPLANS_MAX,
    PLAN_STEPS_MAX,
    QUIESCE_TIMEOUT_NS,
    STOP_TIMEOUT_NS,
)
from lparvm.units import format_duration

INTRO = """\
# The protocol of operations

<!-- Drawn from the tables of lparvm/protocol by tools/draw_protocol.py. Change those, then draw it again. -->

An *operation* does something to an LPAR while the others run. MVSTOR moves its zone in main storage, XCHSTOR
exchanges the zones of two; EXPAND and SHRINK change a zone's size while its guest runs; DEFINE, ACTIVATE, IPL, STOP,
START and DEACTIVATE let LPARs come and go. Of a move the contract is: *each guest ends operating, at its target with
every byte and key moved, or at its source as if nothing had happened*, and of an exchange both or neither. One
exception is told by its own result, `CHECK_STOPPED`: an IOP refuses the old address limits again and again. The
contracts of the others stand in their sections.

Each operation is a machine: a table of rows that say in which state, on which event, under which condition it goes
to which state, with which result. `lparvm/protocol/engine.py` turns them all; LPAR control carries out what the rows
order and turns what happens into events. This page is drawn from those tables, and a test fails when it is out of
date.

| command | table |
|---|---|
"""

ACTORS = """\

## Who takes part

| actor | name in the trace | what it does | patent |
|---|---|---|---|
| service processor | `SVP` | takes the operator's commands, shows progress and results; carries out commands \
of several operations | 5 |
| LPAR control | `LPARCTL` | drives each operation through the states below; moves, clears and poisons pages | 6 |
| supervisor | `LPARCTL` as well | starts LPAR control again when it died | |
| LIP control | `LIPCTL.lpar`, one an LPAR | stops the LIPs, starts them by SIE, simulates what they intercept, \
signals the guest | 7 |
| resource manager | `RM` | owns the map of main storage: checks, reserves, gives and frees areas; sends SALE to the \
IOPs | 8 |
| LIP | its own name, such as `LIP1` | runs guests; one may serve several LPARs | 1 |
| IOP | its own name, such as `IOP1` | runs channel programs; checks addresses against the zone of the last SALE | 10 |

Actors share nothing: they send messages, each to the mailbox of another (or their own, from a helper task). What is
asked is answered, also when it is refused, unless it is taken back before; what only tells something is not.

| from | to | messages |
|---|---|---|
"""

COURSE = f"""\

## The course of an operation

LPAR control decides at once whether an operation may begin (`protocol/admission.py`, `lifecycle_admission.py`,
`resizing_admission.py`); what may not is answered with the reason. From then on the operation holds its LPARs until
it is reported: another one for the same LPAR is refused with `LPAR_IN_OPERATION`. Operations on different LPARs run
side by side, up to {OPERATIONS_MAX}. Whether there is room in main storage is asked of the resource manager, which
alone has the map.

### The commit

The last IOP's acknowledgement of SALE with the new zone is the commit: the resource manager changes the map in the same
step, of an exchange both zones at once, and tells `AddressLimitsSet`. Before it, a fault or a refusal leads back; after
it, the operation goes on to its end. From the moment SALE is ordered CANCEL is denied.

### CANCEL

CANCEL is an event like others; what it does depends on the state:

- It is granted: the next state is the first one of the way back. Where somebody still owes an answer, the machine
  waits for it in a state of its own, and then goes back: `WITHDRAWING`, `UNASKING`, `INTERRUPTING` (the mover stops
  after its chunk) and most of those that end in `_IN_VAIN`. CANCEL is answered when the operation has ended:
  `COMPLETED`, or `NOT_CANCELLABLE` where the way back ended in a check-stop.
- It is denied, at once, with `NOT_CANCELLABLE` (`deny cancel`): the operation is on its way back already, or what was
  told to others can't be called back.
- It is denied as well when an earlier one is at work already; LVM059W says so.
- Nothing under way has that name: `UNKNOWN_OPERATION`.

### When LPAR control dies

A scenario can let it die, at any message and at any order. The records of its operations and its mailbox outlive it
(`actors/control_records.py`). {format_duration(PART_RESTART_NS)} later the supervisor starts it again, \
and tells the operator LVM066I. A message
about which nothing was decided is handled again; orders that were decided and not carried out are carried out; timers
run for what is left of their time; work on storage is begun again, and a mover goes on from its cursor.
So the tables know nothing of it: no state and no row is there for a restart.

### When an LPAR is check-stopped

An operation that has to go back sends SALE with the old zone. An IOP that refuses it is asked a few times more; then
the IOPs don't agree on a zone, and no guest may run in it. A guest that stands stays where it is; one that runs is
stopped (`CHECK_STOPPING`). `CHECK_STOPPED` overrules whatever result was decided before. The IOPs are told by
`AbandonLpar`: the LPAR's reservations of devices are over, its held starts stay held, and no operation waits for its
I/O. The map keeps everything that the LPAR holds. Of an exchange both LPARs are check-stopped. IPL and
DEACTIVATE end it: both begin with a system reset.
"""

STANDSTILL = f"""\

## How guests are brought to a standstill

MVSTOR, XCHSTOR and SHRINK share these rows (`protocol/standstill.py`), from `STOPPING` until all their LPARs stand
still: every LIP has acknowledged its stop within STOP= (step 201), and every IOP is out of operation for the LPAR
within QUIESCE= (202). An exchange stops and quiesces both LPARs, and goes on when both have answered. Where a
command does not say, STOP= is {format_duration(STOP_TIMEOUT_NS)}, QUIESCE= is \
{format_duration(QUIESCE_TIMEOUT_NS)} and BUSY= is `REFUSE`; SHRINK has no such words.

### When I/O does not end

An IOP that runs channel programs of the LPAR answers `QuiesceIop` with `IopBusy`, which tells all about each busy
device, and tells `IopQuiesced` when the last of them has ended. As soon as every IOP has answered and one is busy,
message LVM032W names every busy device; when QUIESCE= is over, they are asked for and named once more. `BUSY=` says
what happens then:

| `BUSY=` | then | told |
|---|---|---|
| `REFUSE` | the operation is given up, held starts begin, the guest runs on | the result `QUIESCE_TIMED_OUT` |
| `WAIT` | it waits until the last device ends, or CANCEL comes | LVM033W every \
{format_duration(BUSY_REMINDER_NS)} |
| `HALT` | busy devices are told to end; those that have not ended {format_duration(HALT_GRACE_NS)} later are given \
up; it goes on | LVM034W when they are told; at the end LVM035I names the halted, LVM036W the cleared |

Questions are numbered: `IopBusy` repeats the `attempt` of the question that it answers, so that a late answer to an
earlier question is not taken for one to the last. What `ClearBusyDevices` gives up is known exactly, for a question
goes right before it: nothing can end between the two.

A CANCEL while devices are halted ends the operation at once; it can't take back that they were told to end. While they
are cleared it waits for the IOPs' answers (`CLEARING_IN_VAIN`), so that every cleared device is told.

### Why held starts wait for a message of their own

SALE puts the new limits in force; held starts begin on `ReleaseHeldStarts`, which LPAR control sends only after
every IOP has acknowledged SALE and the guest's state descriptions hold the same zone. If SALE itself released
them, the IOP that accepted it first would start I/O into the new zone while another IOP may still refuse, and the
operation be backed out: that I/O would then have gone to storage that the guest never gets. The way back ends the same
way: SALE with the old zone first, then SIE, then the release.
"""

READING = """\

## How to read the sections below

There is one a machine. In a diagram a dash separates an event from its condition, and the results that a transition
may decide stand in brackets; CANCEL is `CancelOperation`, which decides `CANCELLED`. A transition without an event is
taken as soon as its condition holds. Arrows between the same two states are drawn as one, with a slash between the
events, and of several rows for one event without their conditions: those stand in the table of transitions, with what
leaves the state as it is.

In a table of states the phase is what an operator sees, and the step is the patent's. What goes to LIP control and IOPs
on entry goes there for each LPAR of the operation. In a table of transitions, of several rows for one event the first
whose condition holds is taken. The first result that is decided stays, but for `CHECK_STOPPED`, which overrules it.

An event that is neither in the table nor among the ignored ones is a breach of protocol: it raises an error with the
story that led there, and changes nothing. Ignored events crossed with a change of state. When an operation has been
reported, what may still come for it is dropped: events of timers, `IopQuiesced` and `IopBusy`.
"""

COMPOSITES = f"""\

## Commands of several operations

MVSTOR with EXPAND= and PLAN ... GO are carried out by the service processor (`protocol/composite*.py`), one operation
after another: those of the command `op.3` are `op.3.1`, `op.3.2` and so on, to LPAR control operations like any other.
The command is answered when all of it is done, or as soon as the rest will not be; what was done stands.

| command | when | then |
|---|---|---|
| MVSTOR ... EXPAND= | it begins | the resource manager is asked for the frame |
| | the LPAR to be expanded is unknown, not fit, or as large already | refused as EXPAND would be; nobody was stopped |
| | else | the move |
| | the move completed, with TEST | whether there would be room is told: `COMPLETED` or `NO_ROOM` |
| | the move completed | the expansion of the other LPAR; after a CANCEL none: `CANCELLED` |
| | the move did not complete | answered with the move's result |
| | the expansion completed | `COMPLETED` |
| | the expansion did not complete | `CANCELLED` where it was cancelled, else `MOVED_NOT_EXPANDED` |
| PLAN | it begins | the resource manager is asked for the frame |
| | the LPAR to be expanded is unknown, not fit, or as large already | refused as EXPAND would be; `PLAN_STOPPED` \
after the first step |
| | the frame is there, and is not as the plan expects, or there is no plan yet | a plan is made; if there is none: \
`NO_PLAN`, or `PLAN_STOPPED` after the first step. After a CANCEL: `CANCELLED` |
| | there is a plan, without GO | `COMPLETED`, with the plan |
| | there is a plan, with GO | its next step: a move, an exchange, or the expansion at its end; if nothing is left: \
`COMPLETED` |
| | a step completed | the frame is asked for again, of FREE after the last one too: it is planned anew, and \
`COMPLETED` tells what is free then; `CANCELLED` after a CANCEL, if something is left |
| | the LPAR was expanded | `COMPLETED` |
| | a step did not complete | `CANCELLED` after a CANCEL; `PLAN_STOPPED` where the result is one that a new plan does \
not change (such as `CHECK_STOPPED`, or `WRONG_SIZE` of the expansion), or the same operation still holds the LPAR, or \
the {PLAN_REPLANS_MAX + 1}th time; else the frame is asked for, to plan anew |
| | {PLAN_STEPS_MAX} steps were tried, and one more is needed | `PLAN_STOPPED` |

CANCEL may name the command, its operation under way, or an LPAR that it works on. It is given to the operation under
way, where it is granted or denied as above; in either case nothing further begins. It is answered with the command:
`COMPLETED` if that ended `CANCELLED`, though its operation went on to its end; else as LPAR control answered it. One
that comes while another one is at work is denied at once (LVM059W).
"""
