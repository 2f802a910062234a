import pytest
from picture_samples import MS, gathered, report_of

from lparvm.config import PICTURE_LANES_MAX
from lparvm.trace.pictures.timeline import LaneKind, Timeline, TimelineCollector
from told_traces import Told, zone


def _spans(timeline: Timeline, lane: str, lpar: str = "A") -> dict[str, list[tuple[int, int]]]:
    """State -> spans in ms."""
    (found,) = (one for one in timeline.lanes if (one.name, one.lpar) == (lane, lpar))
    return {state: [(one.start_ns // MS, one.end_ns // MS) for one in spans] for state, spans in found.tracks}


def _told(*events: tuple[str, str, dict]) -> Timeline:
    told = Told()
    for name, actor, own in events:
        told.tell(name, actor, **own)
    return gathered(TimelineCollector(), told.events)


LIP = {"lpar": "A", "lip": "LIP1"}
SIE = ("sie.issued", "LIP1", {**LIP, **zone(0, 8)})


def test_a_lip_is_in_sie_until_it_left_it_and_stopped_until_the_next_sie():
    stop = ("lip.stopped", "LIP1", {**LIP, "left_sie_ns": 2_500_000})
    timeline = _told(SIE, ("machine.ended", "M", {}), stop, SIE, ("machine.ended", "M", {}))
    found = next(one for one in timeline.lanes if one.kind is LaneKind.LIP)
    assert [(state, [(one.start_ns, one.end_ns) for one in spans]) for state, spans in found.tracks] == [
        ("in SIE", [(1_000_000, 2_500_000), (4_000_000, 5_000_000)]),
        ("stopped", [(2_500_000, 4_000_000)]),
    ]


def test_phases_follow_each_other_until_the_report():
    phases = [
        ("phase.entered", "LPARCTL", {"op": "op.1", "lpar": "A", "phase": phase})
        for phase in ("STOPPING", "MOVING", "REPORTED")
    ]
    assert _spans(_told(*phases, SIE), "A") == {"STOPPING": [(1, 2)], "MOVING": [(2, 3)]}


def test_io_is_active_while_any_start_is():
    def start(name: str, number: int):
        return name, "IOP1", {"lpar": "A", "iop": "IOP1", "device": "0190", "start": number}

    events = (
        start("start.begun", 1),
        start("start.begun", 2),
        start("start.ended", 1),
        start("start.ended", 2),
    )
    assert _spans(_told(*events, start("start.begun", 3)), "IOP1") == {"I/O active": [(1, 4), (5, 5)]}


def test_io_is_quiescing_from_the_order_and_held_until_its_starts_are_released():
    own = {"lpar": "A", "iop": "IOP1"}
    order = ("QuiesceIop", "LPARCTL", {"to": "IOP1", "lpar": "A"})
    timeline = _told(order, ("iop.quiesced", "IOP1", own), ("starts.released", "IOP1", own))
    assert _spans(timeline, "IOP1") == {"I/O quiescing": [(1, 2)], "I/O held": [(2, 3)]}


def test_a_part_that_died_is_dead_until_it_is_restarted():
    events = (
        ("part.failed", "LPARCTL", {"part": "LPARCTL"}),
        ("part.restarted", "LPARCTL", {"part": "LPARCTL"}),
    )
    assert _spans(_told(*events), "LPARCTL", "") == {"part dead": [(1, 2)]}


def test_the_control_of_an_lpar_dies_on_its_lpars_lane():
    events = (SIE, ("part.failed", "LIPCTL.A", {"part": "LIPCTL.A"}), ("machine.ended", "M", {}))
    assert _spans(_told(*events), "A") == {"part dead": [(2, 3)]}


def test_what_is_deactivated_does_nothing_any_more():
    timeline = _told(SIE, ("lpar.deactivated", "RM", {"lpar": "A", **zone(0, 8)}), ("machine.ended", "M", {}))
    assert _spans(timeline, "LIP1") == {"in SIE": [(1, 2)]}


def test_lanes_stand_lpar_by_lpar_behind_the_machines():
    lanes = report_of("exchange").timeline.lanes
    assert [one.name for one in lanes] == ["LPARCTL", "RM", "LPAR1", "LIP1", "IOP1", "LPAR2", "LIP2", "LIP3"]


def test_a_window_and_an_operations_lpars_can_be_cut_out():
    timeline = report_of("cancel").timeline.only(("LPAR1",)).cut(1_200_000_000, 1_290_000_000)
    assert {one.lpar for one in timeline.lanes} == {"", "LPAR1"}
    spans = [one for lane in timeline.lanes for _, spans in lane.tracks for one in spans]
    assert spans
    assert all(1_200_000_000 <= one.start_ns <= one.end_ns <= 1_290_000_000 for one in spans)


@pytest.mark.parametrize("limit", [20, 200])
def test_a_timeline_fits_in_so_many_spans(limit: int):
    told = Told()
    for place in range(2000):
        told.tell("slice.ended", "LIP1", lpar="A", lip="LIP1", first_ns=place * MS, last_ns=place * MS + 1000)
    fitted = gathered(TimelineCollector(), told.events).fit(limit, 10_000)
    assert 1 <= sum(len(spans) for lane in fitted.lanes for _, spans in lane.tracks) <= limit


def test_lanes_beyond_the_limit_are_counted():
    told = Told()
    for number in range(PICTURE_LANES_MAX + 5):
        told.tell("sie.issued", "L", lpar="A", lip=f"LIP{number}", **zone(0, 8))
    timeline = gathered(TimelineCollector(), told.events)
    assert (len(timeline.lanes), timeline.left_out) == (PICTURE_LANES_MAX, 5)


def test_messages_of_the_wrong_shape_are_left_out():
    assert (
        _told(("QuiesceIop", "LPARCTL", {"to": 3, "lpar": None}), ("QuiesceIop", "LPARCTL", {})).lanes == ()
    )
