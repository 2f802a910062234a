import pytest
from attrs import evolve

from iop_messages import (
    ACTIVE,
    DISK,
    END,
    LPAR,
    ORB,
    OTHER,
    TAPE,
    after,
    began,
    between,
    ended,
    fresh,
    offered,
    path_lost,
    play,
    scsw_of,
    ssch,
    tsch,
    varied,
)
from lparvm.arch import interception as i
from lparvm.arch.channel import ENDED, DeviceStatus, Ending, SubchannelStatus
from lparvm.arch.interruption import IoInterruption
from lparvm.arch.subchannel import Activity, Function, LimitMode, Orb, Scsw, Status
from lparvm.protocol import channel_subsystem as cs
from lparvm.protocol import messages as m

SUSPENDING = Orb(0x2000, suspend_control=True)
SITUATIONS = {
    "idle": (),
    "start pending": (ssch(),),
    "active": (ssch(), began()),
    "intermediate": (ssch(), began(), between()),
    "suspended": (ssch(orb=SUSPENDING), began(), between(suspended=True), tsch()),
    "resumed": (ssch(orb=SUSPENDING), began(), between(suspended=True), tsch(), i.ResumeSubchannel(DISK)),
    "halting": (ssch(), i.HaltSubchannel(DISK)),
    "clearing": (ssch(), i.ClearSubchannel(DISK)),
    "ended": (ssch(), began(), ended()),
    "halted": (i.HaltSubchannel(DISK),),
    "cleared": (i.ClearSubchannel(DISK),),
    "attention": (offered(),),
    "no path": (varied("IOP1", online=False), varied("IOP2", online=False)),
    "disabled": (i.ModifySubchannel(DISK, enabled=False),),
}
# Condition codes of START, HALT, CLEAR, RESUME, TEST, STORE, MODIFY.
CODES = {
    "idle": (0, 0, 0, 2, 1, 0, 0),
    "start pending": (2, 0, 0, 2, 1, 0, 2),
    "active": (2, 0, 0, 2, 1, 0, 2),
    "intermediate": (1, 0, 0, 1, 0, 0, 1),
    "suspended": (2, 0, 0, 0, 1, 0, 2),
    "resumed": (2, 0, 0, 2, 1, 0, 2),
    "halting": (2, 2, 0, 2, 1, 0, 2),
    "clearing": (2, 2, 0, 2, 1, 0, 2),
    "ended": (1, 1, 0, 1, 0, 0, 1),
    "halted": (1, 1, 0, 1, 0, 0, 1),
    "cleared": (1, 1, 0, 1, 0, 0, 1),
    "attention": (1, 1, 0, 1, 0, 0, 1),
    "no path": (3, 0, 0, 2, 1, 0, 0),
    "disabled": (3, 3, 3, 3, 3, 0, 0),
}
INSTRUCTIONS = (
    ssch(), i.HaltSubchannel(DISK), i.ClearSubchannel(DISK), i.ResumeSubchannel(DISK), tsch(),
    i.StoreSubchannel(DISK), i.ModifySubchannel(DISK),
)  # fmt: skip


@pytest.mark.parametrize("situation", SITUATIONS)
def test_each_instruction_has_its_condition_code_in_each_situation(situation):
    state = after(*SITUATIONS[situation])
    codes = []
    for request in INSTRUCTIONS:
        done, reply, orders = cs.perform(state, request)
        code = getattr(reply, "condition_code", reply)
        codes.append(int(code))
        if code not in (0, 1) or (code and not isinstance(request, i.TestSubchannel)):
            assert (done, orders) == (state, ()), f"{request} was refused, and changes nothing"
    assert tuple(codes) == CODES[situation]


def test_a_subchannel_that_the_lpar_has_not_is_not_operational_to_all():
    state = fresh()
    for request in INSTRUCTIONS:
        done, reply, orders = cs.perform(state, evolve(request, device=OTHER))
        assert getattr(reply, "condition_code", reply) == 3
        assert (done, orders) == (state, ())


# --- starts ---


def test_a_start_is_accepted_at_once_and_sent_by_a_path():
    state, reply, orders = play(fresh(), ssch())
    assert reply == 0
    assert orders == [
        cs.TellAccepted(DISK, 1), cs.Send("IOP1", m.StartIo(None, LPAR, DISK, 1, ORB)),
    ]  # fmt: skip
    scsw = scsw_of(state)
    assert (scsw.key, scsw.function, scsw.activity) == (3, Function.START, Activity.START_PENDING)
    assert scsw_of(play(state, began())[0]).activity == ACTIVE


def test_the_end_of_a_start_is_status_and_one_interruption():
    state, _, orders = play(after(ssch(), began()), ended(ending=Ending(ENDED, 0, 12, 0x2010)))
    assert orders == [cs.TellPending(DISK, 1)]
    assert cs.pending(state) == (cs.PendingInterruption(1, IoInterruption(DISK, 1, 0xCAFE, 0)),)
    state, reply, orders = play(state, tsch())
    scsw = reply.irb.scsw
    assert (scsw.status, scsw.activity, scsw.count, scsw.ccw_address) == (END, 0, 12, 0x2010)
    assert scsw.ended_normally
    assert reply.irb.path == 0x80
    assert orders == [cs.TellCleared(DISK, 1, "TEST SUBCHANNEL")], "nobody had taken it"
    assert play(state, ssch())[1] == 0, "the subchannel is free again"


def test_an_interruption_that_was_taken_is_not_cleared_again_and_leaves_the_status():
    state = cs.take(after(ssch(), ended()), 1)
    assert cs.pending(state) == ()
    assert scsw_of(state).pending
    _, reply, orders = play(state, tsch())
    assert (reply.condition_code, orders) == (0, [])


@pytest.mark.parametrize(
    ("device_status", "subchannel_status", "alert"),
    [
        (ENDED, 0, False),
        (ENDED | DeviceStatus.UNIT_CHECK, 0, True),
        (0, SubchannelStatus.PROGRAM_CHECK, True),
        (ENDED, SubchannelStatus.INCORRECT_LENGTH, True),
    ],
)
def test_an_end_that_is_not_normal_is_an_alert(device_status, subchannel_status, alert):
    scsw = scsw_of(after(ssch(), ended(ending=Ending(device_status, subchannel_status, 0, 0))))
    assert scsw.status == END | (Status.ALERT if alert else 0)
    assert scsw.ended_normally is not alert


def test_what_is_told_of_a_start_that_is_over_means_nothing():
    state = after(ssch(), ended(), tsch(), ssch())
    for late in (began(), between(), ended(), path_lost("IOP1")):
        assert cs.advance(state, late) == (state, ())


@pytest.mark.parametrize(
    ("mode", "asked", "limit"),
    [
        (LimitMode.NOT_BELOW, True, (0x30000, 1 << 31)),
        (LimitMode.BELOW, True, (0, 0x30000)),
        (LimitMode.NONE, True, None),
        (LimitMode.BELOW, False, None),
    ],
)
def test_the_address_limit_goes_with_a_start_that_asks_for_it(mode, asked, limit):
    orb = evolve(ORB, address_limit=asked)
    state = after(i.ModifySubchannel(DISK, limit_mode=mode), i.SetAddressLimit(0x30000))
    orders = play(state, ssch(orb=orb))[2]
    assert orders[1].message.limit == limit


# --- paths ---


def _paths_of_starts(state, count, orb=ORB):
    taken = []
    for _ in range(count):
        state, _, orders = play(state, ssch(orb=orb))
        taken += [order.iop for order in orders if isinstance(order, cs.Send)]
        state, _, _ = play(state, ended(state.starts), tsch())
    return taken


def test_starts_go_round_the_paths_that_are_varied_on_and_that_the_orb_allows():
    assert _paths_of_starts(fresh(), 4) == ["IOP1", "IOP2", "IOP1", "IOP2"]
    assert _paths_of_starts(fresh(), 2, evolve(ORB, path_mask=0x40)) == ["IOP2", "IOP2"]
    assert _paths_of_starts(after(varied("IOP1", online=False)), 2) == ["IOP2", "IOP2"]
    again = after(varied("IOP1", online=False), varied("IOP1", online=True))
    assert _paths_of_starts(again, 2) == ["IOP1", "IOP2"]


def test_a_start_without_any_path_is_not_operational():
    assert play(fresh(), ssch(orb=evolve(ORB, path_mask=0x20)))[1] == 3


def test_a_start_whose_path_is_lost_goes_by_the_next_one_and_at_last_ends_by_itself():
    state, _, orders = play(after(ssch()), path_lost("IOP1"))
    assert orders == [cs.Send("IOP2", m.StartIo(None, LPAR, DISK, 1, ORB))]
    state, _, orders = play(state, path_lost("IOP2"))
    assert orders == [cs.TellEnded(DISK, 1, Function.START), cs.TellPending(DISK, 1)]
    scsw = scsw_of(state)
    assert (scsw.deferred_code, scsw.function, scsw.status) == (3, Function.START, END | Status.ALERT)
    pmcw = state.subchannels[DISK].pmcw
    assert (pmcw.operational, pmcw.not_operational) == (0, 0xC0)
    state, _, _ = play(state, tsch(), varied("IOP2", online=True))
    assert state.subchannels[DISK].pmcw.not_operational == 0x80
    assert _paths_of_starts(state, 1) == ["IOP2"]


def test_a_path_that_the_orb_does_not_allow_is_not_tried_instead_of_a_lost_one():
    _, _, orders = play(after(ssch(orb=evolve(ORB, path_mask=0x80))), path_lost("IOP1"))
    assert orders == [cs.TellEnded(DISK, 1, Function.START), cs.TellPending(DISK, 1)]


@pytest.mark.parametrize(
    ("order", "function"), [(i.HaltSubchannel, Function.HALT), (i.ClearSubchannel, Function.CLEAR)]
)
def test_a_start_that_is_to_end_tries_no_further_path(order, function):
    state, _, orders = play(after(ssch(), order(DISK)), path_lost("IOP1"))
    assert orders == [cs.TellEnded(DISK, 1, function), cs.TellPending(DISK, 1)]
    assert play(state, tsch(), ssch())[1] == 0


# --- halt and clear ---


def test_halt_tells_the_iop_and_its_end_is_a_start_halted():
    state, reply, orders = play(after(ssch(), began()), i.HaltSubchannel(DISK))
    assert (reply, orders) == (0, [cs.Send("IOP1", m.HaltIo(None, LPAR, DISK, 1))])
    assert scsw_of(state).activity == ACTIVE | Activity.HALT_PENDING
    state, _, orders = play(state, ended(function=Function.HALT))
    assert scsw_of(state).function == Function.START | Function.HALT
    assert (scsw_of(state).status, orders) == (END, [cs.TellPending(DISK, 1)])


def test_halt_drops_intermediate_status_and_its_interruption():
    state, _, orders = play(after(ssch(), began(), between()), i.HaltSubchannel(DISK))
    assert orders[0] == cs.TellCleared(DISK, 1, "HALT SUBCHANNEL")
    assert not scsw_of(state).pending


def test_a_start_that_ends_before_the_halt_reaches_it_still_counts_as_halted():
    scsw = scsw_of(after(ssch(), i.HaltSubchannel(DISK), ended(function=Function.START)))
    assert scsw.function == Function.START | Function.HALT


def test_halt_and_clear_of_an_idle_subchannel_are_status_pending_alone_at_once():
    for order, function in ((i.HaltSubchannel, Function.HALT), (i.ClearSubchannel, Function.CLEAR)):
        state, reply, orders = play(fresh(), order(DISK))
        assert (reply, orders) == (0, [cs.TellPending(DISK, 1)])
        assert scsw_of(state) == Scsw(function=function, status=Status.PENDING)
        assert play(state, tsch(), ssch())[1] == 0


def test_clear_gives_the_start_up_and_its_end_is_status_pending_alone():
    state, _, orders = play(after(ssch(), began(), between()), i.ClearSubchannel(DISK))
    assert orders == [
        cs.TellCleared(DISK, 1, "CLEAR SUBCHANNEL"), cs.Send("IOP1", m.ClearIo(None, LPAR, DISK, 1)),
    ]  # fmt: skip
    assert scsw_of(state) == Scsw(function=Function.CLEAR, activity=Activity.CLEAR_PENDING)
    state, reply, orders = play(state, i.ClearSubchannel(DISK))
    assert (reply, orders) == (0, []), "it is under way"
    for end in (Function.START, Function.HALT, Function.CLEAR):
        done, _, orders = play(state, ended(function=end))
        assert scsw_of(done) == Scsw(function=Function.CLEAR, status=Status.PENDING)
        assert orders == [cs.TellPending(DISK, 2)]


def test_clear_clears_status_that_is_pending_for_its_own():
    _, _, orders = play(after(ssch(), ended()), i.ClearSubchannel(DISK))
    assert orders == [cs.TellCleared(DISK, 1, "CLEAR SUBCHANNEL"), cs.TellPending(DISK, 2)]


@pytest.mark.parametrize(
    ("function", "seen"),
    [(Function.HALT, Function.START | Function.HALT), (Function.CLEAR, Function.CLEAR)],
)
def test_a_start_that_others_halted_or_cleared_looks_as_if_the_guest_had(function, seen):
    scsw = scsw_of(after(ssch(), began(), ended(function=function)))
    assert (scsw.function, scsw.activity) == (seen, 0)


# --- intermediate status ---


def test_a_program_controlled_interruption_leaves_the_start_active():
    state, _, orders = play(after(ssch(), began()), between())
    assert orders == [cs.TellPending(DISK, 1)]
    state, reply, _ = play(state, tsch())
    scsw = reply.irb.scsw
    assert scsw.status == Status.INTERMEDIATE | Status.PENDING
    assert scsw.subchannel_status == SubchannelStatus.PROGRAM_CONTROLLED
    assert (scsw.ended, scsw.ccw_address) == (False, 0x2010)
    assert (scsw_of(state).status, scsw_of(state).activity) == (0, ACTIVE)
    state, _, orders = play(state, ended())
    assert orders == [cs.TellPending(DISK, 2)]
    assert scsw_of(state).subchannel_status == 0


def test_an_end_joins_the_interruption_of_intermediate_status_unless_it_was_taken():
    state = after(ssch(), began(), between(), between())
    assert state.interruptions == 1, "one request for all of it"
    state_joined, _, orders = play(state, ended())
    assert orders == []
    scsw = scsw_of(state_joined)
    assert scsw.subchannel_status == SubchannelStatus.PROGRAM_CONTROLLED
    assert scsw.ended_normally
    assert play(cs.take(state, 1), ended())[2] == [cs.TellPending(DISK, 2)]


def test_a_suspended_program_is_resumed_once():
    state = after(ssch(orb=SUSPENDING), began(), between(suspended=True))
    assert scsw_of(state).activity == Activity.SUSPENDED
    assert play(state, i.ResumeSubchannel(DISK))[1] == 1, "its status is pending"
    state, reply, orders = play(state, tsch(), i.ResumeSubchannel(DISK))
    assert (reply, orders[-1]) == (0, cs.Send("IOP1", m.ResumeIo(None, LPAR, DISK, 1)))
    assert play(state, i.ResumeSubchannel(DISK))[1] == 2
    again = play(state, between(suspended=True), tsch(), i.ResumeSubchannel(DISK))
    assert again[1] == 0, "it suspended itself again"
    assert scsw_of(play(state, began())[0]).activity == ACTIVE


def test_a_suspension_that_the_orb_suppresses_is_no_status():
    orb = evolve(SUSPENDING, suppress_suspended=True)
    state, _, orders = play(after(ssch(orb=orb), began()), between(suspended=True))
    assert (orders, scsw_of(state).pending) == ([], False)
    assert play(state, i.ResumeSubchannel(DISK))[1] == 0


# --- unsolicited status ---


def test_unsolicited_status_is_an_alert_of_no_function():
    state, _, orders = play(after(i.ModifySubchannel(DISK, parameter=7, isc=2)), offered())
    assert orders == [cs.TellPending(DISK, 1)]
    assert cs.pending(state)[0].interruption == IoInterruption(DISK, 1, 7, 2)
    scsw = scsw_of(state)
    assert (scsw.function, scsw.status) == (0, Status.ALERT | Status.PENDING)
    assert scsw.device_status == DeviceStatus.ATTENTION


def test_unsolicited_status_waits_for_the_end_and_its_test_and_is_one():
    state, _, orders = play(after(ssch()), offered(), offered(DeviceStatus.DEVICE_END), ended(), offered())
    assert orders == [cs.TellPending(DISK, 1)]
    state, reply, orders = play(state, tsch())
    assert reply.irb.scsw.ended_normally
    assert orders == [cs.TellCleared(DISK, 1, "TEST SUBCHANNEL"), cs.TellPending(DISK, 2)]
    state, reply, _ = play(state, tsch())
    assert reply.irb.scsw.device_status == DeviceStatus.ATTENTION | DeviceStatus.DEVICE_END
    assert play(state, ssch())[1] == 0


def test_unsolicited_status_waits_for_the_test_of_earlier_one():
    state, _, orders = play(fresh(), offered(), offered(DeviceStatus.DEVICE_END))
    assert orders == [cs.TellPending(DISK, 1)]
    for status in (DeviceStatus.ATTENTION, DeviceStatus.DEVICE_END):
        state, reply, _ = play(state, tsch())
        assert reply.irb.scsw.device_status == status
    assert play(state, tsch())[1].condition_code == 1


def test_unsolicited_status_of_a_subchannel_that_is_not_enabled_is_lost():
    state = after(i.ModifySubchannel(DISK, enabled=False))
    assert cs.advance(state, offered()) == (state, ())


# --- interruptions ---


def test_interruptions_go_by_subclass_then_by_age():
    state = after(i.ModifySubchannel(DISK, isc=1), ssch(TAPE), ssch(DISK), ended(2), ended(1, device=TAPE))
    assert [one.interruption.device for one in cs.pending(state)] == [TAPE, DISK], "subclass 0 is first"
    state = after(ssch(TAPE), ssch(DISK), ended(2), ended(1, device=TAPE))
    assert [one.interruption.device for one in cs.pending(state)] == [DISK, TAPE], "the older one is first"


def test_test_pending_interruption_takes_the_first_that_the_masks_let_through():
    state = after(i.ModifySubchannel(TAPE, isc=1), ssch(TAPE), ssch(DISK), ended(2), ended(1, device=TAPE))
    state, reply, orders = play(state, i.TestPendingInterruption(classes=0x40))
    assert (reply.device, reply.isc) == (TAPE, 1)
    assert orders == [cs.TellCleared(TAPE, 2, "TEST PENDING INTERRUPTION")]
    assert play(state, i.TestPendingInterruption((TAPE,)))[1] is None
    state, reply, _ = play(state, i.TestPendingInterruption())
    assert reply.device == DISK
    assert play(state, i.TestPendingInterruption())[1:] == (None, [])
    assert play(state, tsch(TAPE))[1].condition_code == 0, "the status is there still"


def test_store_tells_what_modify_and_the_last_start_left():
    modify = i.ModifySubchannel(DISK, parameter=5, isc=6, limit_mode=LimitMode.BELOW)
    _, reply, _ = play(after(modify), i.StoreSubchannel(DISK))
    pmcw = reply.schib.pmcw
    assert (pmcw.parameter, pmcw.isc, pmcw.enabled, pmcw.limit_mode) == (5, 6, True, LimitMode.BELOW)
    assert (pmcw.path_mask, pmcw.operational, pmcw.last_used) == (0xC0, 0xC0, 0)
    _, reply, _ = play(after(modify, ssch(), began()), i.StoreSubchannel(DISK))
    assert (reply.schib.pmcw.parameter, reply.schib.pmcw.last_used) == (0xCAFE, 0x80)
    assert reply.schib.scsw.activity == ACTIVE
