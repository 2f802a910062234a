"""Progress never falls, never passes 100, and is 100 at the report alone."""

from hypothesis import given
from hypothesis import strategies as st

from lparvm.protocol.phases import Phase
from lparvm.protocol.progress import Gauge

MS = 1_000_000
UNITS = 1000

EVENTS = st.lists(
    st.tuples(
        st.sampled_from([*(phase for phase in Phase if phase is not Phase.REPORTED), "SOMETHING_NEW"]),
        st.integers(-5, UNITS + 5),
        st.integers(0, UNITS),
        st.integers(0, 10**12),
    )
)


def follow(*events: tuple[str, int, int]) -> list[Gauge]:
    """(phase, units done, ms) of an operation of UNITS."""
    gauges = [Gauge()]
    for phase, done, at_ms in events:
        gauges.append(gauges[-1].advance(phase, done, UNITS, at_ms * MS))
    return gauges[1:]


@given(EVENTS)
def test_whatever_comes_in_whatever_order_it_never_falls_and_100_is_the_report(events: list):
    gauge = Gauge()
    for event in events:
        before, gauge = gauge, gauge.advance(*event)
        assert before.percent <= gauge.percent < 100, f"{event}: from {before} to {gauge}"
        assert gauge.left_ns is None or gauge.left_ns > 0, f"{gauge}: something is left"
    gauge = gauge.advance(Phase.REPORTED, 0, 0, 0)
    assert (gauge.percent, gauge.left_ns) == (100, 0)
    for event in events:
        assert gauge.advance(*event) == gauge, "nothing comes after the report"


def test_a_move_goes_through_all_phases_and_most_of_it_is_moving():
    phases = (
        "ADMITTING",
        "STOPPING",
        "QUIESCING",
        "CHECKING",
        "MOVING",
        "NOTIFYING",
        "RESTARTING",
        "REPORTED",
    )
    percents = [gauge.percent for gauge in follow(*((phase, 0, 1) for phase in phases[:5]))]
    assert percents == sorted(set(percents)), "each phase shows"
    assert percents[-1] <= 10
    *_, half, full, told, _, end = follow(
        ("MOVING", 0, 0), ("MOVING", 500, 10), ("MOVING", 1000, 20), ("NOTIFYING", 1000, 21),
        ("RESTARTING", 1000, 22), ("REPORTED", 1000, 23),
    )  # fmt: skip
    assert (half.percent, full.percent, told.percent, end.percent) == (50, 95, 95, 100)


def test_the_time_left_is_unknown_until_a_page_has_moved():
    stopping, begun, later = follow(("STOPPING", 0, 5), ("MOVING", 0, 100), ("MOVING", 250, 110))
    assert (stopping.left_ns, begun.left_ns) == (None, None)
    assert (later.percent, begun.percent) == (27, 5)
    # 22.5 % took 10 ms, and waiting before does not count: so 72.5 % will take
    assert later.left_ns == 725 * 10 * MS // 225


def test_the_last_page_is_not_the_end():
    *_, across, told = follow(
        ("MOVING", 0, 0), ("MOVING", 500, 360), ("MOVING", 1000, 720), ("NOTIFYING", 1000, 760)
    )
    assert (across.percent, across.left_ns) == (95, 40 * MS), "90 % took 720 ms"
    assert told.left_ns is None


def test_the_way_back_is_what_is_left_up_to_100():
    *_, turned = follow(("MOVING", 0, 0), ("MOVING", 600, 60))
    assert turned.percent == 59
    *_, begun, half, done, end = follow(
        ("MOVING", 0, 0), ("MOVING", 600, 60), ("BACKING_OUT", 600, 61), ("BACKING_OUT", 300, 71),
        ("BACKING_OUT", 0, 81), ("REPORTED", 0, 82),
    )  # fmt: skip
    assert [one.percent for one in (begun, half, done, end)] == [59, 79, 99, 100]
    assert (begun.left_ns, half.left_ns) == (None, 10.5 * MS), "the way back has its own speed: 20 % in 10 ms"
    assert done.left_ns == MS // 2


def test_an_operation_that_is_backed_out_before_a_page_has_moved_has_no_way_back():
    *_, back, end = follow(("QUIESCING", 0, 1), ("BACKING_OUT", 0, 2), ("REPORTED", 0, 3))
    assert (back.percent, back.left_ns) == (2, None)
    assert end.percent == 100


def test_pages_of_a_move_under_way_that_are_told_late_do_not_turn_it_round():
    *_, back, late = follow(("MOVING", 0, 0), ("BACKING_OUT", 600, 61), ("MOVING", 700, 62))
    assert late == back
