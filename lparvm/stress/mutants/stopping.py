"""Errors of step 201: a LIP runs on, or what a LIP answered is counted for the wrong stop."""

from attrs import evolve

from lparvm.actors.lip import GuestProcessor, Lip
from lparvm.actors.mailbox import Envelope, Mailbox
from lparvm.assembly import Parts
from lparvm.protocol import guest_control
from lparvm.protocol import messages as m
from lparvm.protocol.actor_names import lip_control_of
from lparvm.protocol.guest_control import GuestControl, Mode
from lparvm.protocol.phases import State
from lparvm.stress.mutants.mutant import Mutant, Patch
from lparvm.stress.mutants.tables import changed, parts_with, without

S = State


class LipThatRunsOn(Lip):
    """Acknowledges the stop, and stays in SIE."""

    def _stop(self, processor: GuestProcessor, message: m.StopLip, cause: int | None) -> None:
        answer = m.LipStopped(message.op, message.lpar, self.name, self.clock.now_ns())
        self.post(lip_control_of(message.lpar), answer, cause)
        del processor


class NewestFirst(Mailbox):
    """What has come is read from the wrong end."""

    def __init__(self, box: Mailbox) -> None:
        """Read from a mailbox."""
        super().__init__(box.name, box.capacity)
        self._box = box
        self._here: list[Envelope] = []
        self.get, self.get_nowait = self._get, self._get_nowait

    async def _get(self) -> Envelope:
        if not len(self):
            self._here.append(await self._box.get())
        return self._get_nowait()

    def _get_nowait(self) -> Envelope:
        while len(self._box):
            self._here.append(self._box.get_nowait())
        return self._here.pop()

    def __len__(self) -> int:
        return len(self._here) + len(self._box)


class LipThatTakesTheNewestFirst(Lip):
    """Reads its mailbox from the wrong end."""

    async def loop(self) -> None:
        """As ever, but for the mailbox."""
        self.mailbox = NewestFirst(self.mailbox)
        await super().loop()


def _note_whatever_comes(
    state: GuestControl, event: m.LipStopped | m.InterpretiveExecutionStarted
) -> GuestControl:
    """As `guest_control._note`, but whose stop an answer belongs to is not looked at."""
    return _note(state, evolve(event, op=state.op))


_note = guest_control._note


def _has_guest(state: GuestControl) -> bool:
    """`GuestControl.may_run`, without a look at STOP."""
    return bool(state.lips) and not state.failed


def _in_sie(state: GuestControl) -> bool:
    """`GuestControl.in_sie`, as it would be all the same."""
    return state.mode is Mode.RUNNING and _has_guest(state) and not state.held


_TOO_LATE = tuple((state, m.GuestStopped) for state in S if state not in (S.STOPPING, S.REPORTED))

MUTANTS = (
    Mutant("skip-stop", "A LIP acknowledges the stop and runs the guest on.", Parts(lip=LipThatRunsOn)),
    Mutant(
        "late-stop-acknowledged-by-timer",
        "When STOP= is over, the move goes on with the LIPs that have stopped until then.",
        parts_with(changed(S.STOPPING, m.StopTimedOut, to=S.QUIESCING, result=None), ignored=_TOO_LATE),
    ),
    Mutant(
        "stop-timeout-ignored",
        "When STOP= is over, the operation goes on waiting for the LIP.",
        parts_with(without(S.STOPPING, m.StopTimedOut), ignored=((S.STOPPING, m.StopTimedOut),)),
    ),
    Mutant(
        "old-stop-counts",
        "A LIP's late answer to the stop of an earlier operation counts for the present one.",
        patches=(Patch(guest_control, "_note", _note_whatever_comes),),
    ),
    Mutant(
        "lip-takes-the-newest-first",
        "A LIP that was slow takes SIE before the stop that was ordered before it.",
        Parts(lip=LipThatTakesTheNewestFirst),
    ),
    Mutant(
        "stopped-guest-started",
        "A move starts a guest that the operator had stopped.",
        patches=(
            Patch(GuestControl, "may_run", property(_has_guest)),
            Patch(GuestControl, "in_sie", property(_in_sie)),
        ),
    ),
)
