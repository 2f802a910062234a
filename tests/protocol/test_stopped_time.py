from hypothesis import given
from hypothesis import strategies as st

from lparvm.protocol.phases import Phase
from lparvm.protocol.stopped_time import split

TIMES = st.integers(0, 60)
ENTRIES = st.lists(st.tuples(st.sampled_from(Phase), TIMES), min_size=1, max_size=8).map(
    lambda entries: [
        (phase, at) for (phase, _), at in zip(entries, sorted(at for _, at in entries), strict=True)
    ]
)


def test_time_is_split_where_phases_were_entered():
    entries = [(Phase.STOPPING, 100), (Phase.QUIESCING, 110), (Phase.MOVING, 130), (Phase.RESTARTING, 200)]
    assert split(entries, 105, 205) == {"STOPPING": 5, "QUIESCING": 20, "MOVING": 70, "RESTARTING": 5}


def test_what_comes_before_the_first_phase_known_belongs_to_it():
    assert split([(Phase.QUIESCING, 100), (Phase.MOVING, 120)], 90, 130) == {"QUIESCING": 30, "MOVING": 10}


def test_a_phase_entered_twice_has_one_part():
    entries = [(Phase.MOVING, 0), (Phase.BACKING_OUT, 5), (Phase.MOVING, 7)]
    assert split(entries, 0, 10) == {"MOVING": 8, "BACKING_OUT": 2}


def test_phases_that_took_no_time_are_left_out():
    assert split([(Phase.STOPPING, 5), (Phase.QUIESCING, 5), (Phase.MOVING, 5)], 5, 9) == {"MOVING": 4}


@given(ENTRIES, TIMES, TIMES)
def test_parts_add_up_to_the_whole_wherever_phases_begin(
    entries: list[tuple[Phase, int]], one: int, other: int
):
    left_ns, sie_ns = sorted((one, other))
    parts = split(entries, left_ns, sie_ns)
    assert sum(parts.values()) == sie_ns - left_ns
    assert all(part > 0 for part in parts.values())


@given(ENTRIES, TIMES, TIMES)
def test_every_nanosecond_belongs_to_the_phase_entered_last(
    entries: list[tuple[Phase, int]], one: int, other: int
):
    left_ns, sie_ns = sorted((one, other))
    naive: dict[str, int] = {}
    for now_ns in range(left_ns, sie_ns):
        entered = [phase for phase, at in entries if at <= now_ns] or [entries[0][0]]
        naive[str(entered[-1])] = naive.get(str(entered[-1]), 0) + 1
    assert split(entries, left_ns, sie_ns) == naive
