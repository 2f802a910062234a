"""System reset, part by part: guest control, the channel subsystem, and the IOP."""

from attrs import evolve

from lparvm.arch import interception as i
from lparvm.arch.address import Zone
from lparvm.arch.channel import NO_ENDING
from lparvm.arch.subchannel import Function, Orb
from lparvm.protocol import channel_subsystem as cs
from lparvm.protocol import guest_control as gc
from lparvm.protocol import io_orders as o
from lparvm.protocol import io_processor as iop
from lparvm.protocol import messages as m

OP, LPAR, ZONE = "op.1", "B", Zone(256, 64)
DISK, TAPE = 0x190, 0x191


def start(number: int, device: int = DISK, lpar: str = LPAR) -> m.StartIo:
    return m.StartIo(None, lpar, device, number, Orb(0x1000), None)


# --- guest control --------------------------------------------------------------------------------------------


def play(state: gc.GuestControl, *events: object) -> tuple[gc.GuestControl, list[gc.Order]]:
    orders: list[gc.Order] = []
    for event in events:
        state, more = gc.advance(state, event)
        orders += more
    return state, orders


STANDING = gc.GuestControl(LPAR, ("LIP1", "LIP2"), ZONE, gc.Mode.STOPPED, OP, iops=("IOP1", "IOP2"))


def test_a_reset_is_answered_when_the_last_lip_and_the_last_iop_have_answered():
    state, orders = play(STANDING, m.ResetGuest(OP, LPAR))
    assert orders == [
        gc.OrderDetach(OP, "LIP1"), gc.OrderDetach(OP, "LIP2"), gc.OrderReset(OP, "IOP1"), gc.OrderReset(OP, "IOP2"),
    ]  # fmt: skip
    answers = [
        m.LparReset(OP, LPAR, "IOP2"), m.ProcessorDetached(OP, LPAR, "LIP1"), m.LparReset(OP, LPAR, "IOP1"),
        m.ProcessorDetached(OP, LPAR, "LIP2"),
    ]  # fmt: skip
    state, orders = play(state, *answers[:3])
    assert orders == []
    state, orders = play(state, answers[3])
    assert orders == [gc.AnswerReset(OP, failed=False)]
    assert (state.lips, state.in_sie) == ((), False)


def test_a_reset_without_lips_and_iops_is_answered_at_once():
    _, orders = play(evolve(STANDING, lips=(), iops=()), m.ResetGuest(OP, LPAR))
    assert orders == [gc.AnswerReset(OP, failed=False)]


def test_a_reset_ends_a_hold_and_a_failure():
    state = evolve(STANDING, iops=(), lips=("LIP1",), held=True, failed=True)
    state, orders = play(state, m.ResetGuest(OP, LPAR), m.ProcessorDetached(OP, LPAR, "LIP1"))
    assert orders == [gc.TellHeld(OP, False), gc.OrderDetach(OP, "LIP1"), gc.AnswerReset(OP, failed=True)]
    assert (state.held, state.failed) == (False, False)


def test_a_new_guest_is_taken_up_before_sie_and_runs_when_every_lip_is_in_it():
    state = evolve(STANDING, lips=(), mode=gc.Mode.RUNNING)
    state, orders = play(state, m.StartGuest("op.2", LPAR, ZONE, ("LIP7", "LIP8")))
    assert [type(one).__name__ for one in orders] == ["OrderAttach", "OrderAttach", "OrderSie", "OrderSie"]
    assert not state.in_sie
    for lip in ("LIP7", "LIP8"):
        attached = m.ProcessorAttached("op.2", LPAR, lip)
        state, orders = play(state, attached, m.InterpretiveExecutionStarted("op.2", LPAR, lip, 5))
    assert orders == [gc.AnswerStarted("op.2")]
    assert state.in_sie


def test_a_guest_without_lips_stops_and_restarts_at_once():
    state = evolve(STANDING, lips=(), mode=gc.Mode.RUNNING)
    state, orders = play(state, m.StopGuest(OP, LPAR))
    assert orders == [gc.AnswerStopped(OP)]
    state, orders = play(state, m.RestartGuest(OP, LPAR, Zone(0, 64)))
    assert orders == [gc.AnswerRestarted(OP, ())]
    assert state.zone == Zone(0, 64)


def test_a_held_guest_is_restarted_without_running():
    state, orders = play(STANDING, m.HoldGuest(OP, LPAR))
    assert orders == [gc.TellHeld(OP, True), gc.AnswerHeld(OP)]
    assert not state.in_sie
    stopped = [m.LipStopped("op.2", LPAR, lip, 0) for lip in STANDING.lips]
    state, _ = play(state, m.StopGuest("op.2", LPAR), *stopped)
    _, orders = play(state, m.RestartGuest("op.2", LPAR, ZONE))
    assert orders == [gc.OrderSie("op.2", lip, ZONE, run=False) for lip in STANDING.lips]


# --- the channel subsystem --------------------------------------------------------------------------------------


def test_a_reset_leaves_every_subchannel_idle_and_counts_on():
    state = cs.make(LPAR, {DISK: ("IOP1", "IOP2"), TAPE: ("IOP1",)})
    state, _ = cs.advance(state, m.PathChanged(None, LPAR, DISK, "IOP2", False))
    state, _, _ = cs.perform(state, i.StartSubchannel(DISK, Orb(0x1000)))
    state, _ = cs.advance(state, m.StatusOffered(None, LPAR, TAPE, "IOP1", 0x80))
    assert cs.pending(state)
    state, orders = cs.begin_reset(state)
    assert [one.reason for one in orders if isinstance(one, cs.TellCleared)] == ["reset"]
    # What the path brings back is sent nowhere else: it has ended.
    state, orders = cs.advance(state, m.PathNotOperational(None, LPAR, DISK, 1, "IOP1"))
    assert not [one for one in orders if isinstance(one, cs.Send)]
    assert [one.function for one in orders if isinstance(one, cs.TellEnded)] == [Function.CLEAR]
    state, orders = cs.end_reset(state)
    assert [type(one) for one in orders] == [cs.TellCleared]
    assert not cs.pending(state)
    fresh = cs.make(LPAR, {DISK: ("IOP1", "IOP2"), TAPE: ("IOP1",)}).subchannels
    assert state.subchannels[TAPE] == fresh[TAPE]
    assert state.subchannels[DISK].scsw == fresh[DISK].scsw
    assert state.subchannels[DISK].pmcw.operational == 0, "both paths were lost, and stay so"
    assert (state.starts, state.interruptions) == (1, 2)
    renewed = cs.renew(state, {TAPE: ("IOP2",)})
    assert (list(renewed.subchannels), renewed.starts) == ([TAPE], 1)


# --- the IOP ------------------------------------------------------------------------------------------------------


def feed(state: iop.IoProcessor, *events: object) -> tuple[iop.IoProcessor, list[o.Order]]:
    orders: list[o.Order] = []
    for event in events:
        state, more = iop.advance(state, event)
        orders += more
    return state, orders


ATTACHED = iop.IoProcessor({LPAR: (DISK, TAPE), "A": (DISK,)}, {LPAR: ZONE, "A": Zone(0, 64)})


def test_a_reset_clears_what_runs_waits_and_is_held_and_leaves_others_alone():
    state, _ = feed(ATTACHED, start(1), start(9, lpar="A"), m.QuiesceIop(OP, LPAR), start(2, TAPE), start(3))
    state, orders = feed(state, m.ResetLpar("op.2", LPAR))
    assert orders == [
        o.EndStart(start(2, TAPE), Function.CLEAR, NO_ENDING), o.EndStart(start(3), Function.CLEAR, NO_ENDING),
        o.GiveUp(DISK), o.EndStart(start(1), Function.CLEAR, NO_ENDING), o.ResetDevices(LPAR, (DISK, TAPE)),
        o.ConfirmReset("op.2", LPAR, 3),
    ]  # fmt: skip
    assert [one.start for one in state.waiting] == [start(9, lpar="A")]
    # Not quiescing any more: a new guest's start begins at once.
    state, orders = feed(state, start(4, TAPE))
    assert orders == [o.Begin(start(4, TAPE), 4)]
    # The old program ends late: what it reserved is freed, then the other LPAR's start begins.
    ended = m.ChannelProgramEnded(None, LPAR, DISK, 1, None, halted=False)
    _, orders = feed(state, ended)
    assert orders == [
        o.TellLate(start(1), "op.2"), o.FreeDevice(start(1), reset=True), o.Begin(start(9, lpar="A"), 1),
    ]  # fmt: skip


def test_an_end_of_a_new_guests_program_frees_no_reservation():
    state, _ = feed(
        ATTACHED, start(1), m.ResetLpar("op.2", LPAR), m.ChannelProgramEnded(None, LPAR, DISK, 1, None, True)
    )
    state, _ = feed(state, start(2))
    _, orders = feed(state, m.ChannelProgramEnded(None, LPAR, DISK, 2, NO_ENDING, False))
    assert o.FreeDevice(start(2), reset=False) in orders


def test_a_reset_takes_back_what_was_said_of_a_failed_or_check_stopped_lpar():
    state, _ = feed(
        ATTACHED, m.QuiesceIop(OP, LPAR), m.ReleaseReservations(None, LPAR), m.AbandonLpar(OP, LPAR)
    )
    assert (state.reset, state.abandoned) == ((LPAR,), (LPAR,))
    state, _ = feed(state, m.ResetLpar("op.2", LPAR))
    assert (state.reset, state.abandoned, state.quiescing) == ((), (), {})


def test_an_lpar_comes_with_its_devices_and_zone_and_goes():
    state, _ = feed(ATTACHED, m.VaryPath("op.1", TAPE, False), m.DetachLpar(OP, LPAR))
    assert (LPAR in state.devices, LPAR in state.zones) == (False, False)
    state, orders = feed(state, m.AttachLpar("op.2", LPAR, (TAPE,), Zone(512, 64)))
    assert orders == [o.ConfirmAttached("op.2", LPAR, Zone(512, 64), (TAPE,))]
    assert (state.devices[LPAR], state.zones[LPAR]) == ((TAPE,), Zone(512, 64))
