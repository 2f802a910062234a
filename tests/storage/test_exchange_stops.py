"""What stops an exchange, and what it costs in memory."""

import sys

import numpy as np
import pytest
from exchange_rig import ORIGIN, chunk_sizes, contents, fill, fillings, geometries, run, storage_for, zones_of
from hypothesis import given
from hypothesis import strategies as st

from lparvm.arch.address import Zone
from lparvm.arch.exchange_geometry import exchange_targets
from lparvm.errors import MoverFailed, StorageFault
from lparvm.storage.exchange import ZoneExchange
from lparvm.storage.main_storage import MainStorage

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what is committed")

# What stops an exchange.


@given(geometries(), fillings, chunk_sizes, st.data())
def test_a_fault_leaves_the_cursor_exactly_before_its_step_and_does_not_stop_the_way_back(
    zones, seed, sizes, data
):
    with storage_for(zones) as storage:
        fill(storage, seed)
        before = contents(storage, *zones)
        faults = data.draw(st.sets(st.integers(0, storage.frame_count - 1), min_size=1, max_size=3))
        steps = [step for chunk in chunks_of(zones) for each in chunk.runs for step in frames_of(each)]
        first = next((index for index, step in enumerate(steps) if faults & set(step)), None)
        for frame in faults:
            storage.fail_frame(frame)
        one = ZoneExchange(storage, *zones)
        if first is None:
            run(one, sizes)
            assert one.done
        else:
            with pytest.raises(StorageFault) as caught:
                run(one, sizes)
            assert caught.value.frame in faults & set(steps[first])
            assert one.steps_done == first
        for frame in range(storage.frame_count):
            storage.fail_frame(frame)
        run(back := one.inverted(), sizes)
        assert back.done, "a faulty frame keeps its contents: going back is always possible"
        assert contents(storage, *zones) == before


def chunks_of(zones):
    with storage_for(zones) as storage:
        one = ZoneExchange(storage, *zones)
        while (chunk := one.next_chunk()) is not None:
            yield chunk
            one.finish(chunk)


def frames_of(one) -> list[tuple[int, int]]:
    """The two frames of each step of a run, in the order of the steps."""
    steps = [(one.first_frame + page, one.second_frame + page) for page in range(one.pages)]
    return steps[::-1] if one.descending else steps


def test_every_step_can_meet_a_fault():
    zones = zones_of(9, 4, 14)
    for frame in range(ORIGIN, ORIGIN + 27):
        with storage_for(zones) as storage:
            fill(storage, frame)
            before = contents(storage, *zones)
            storage.fail_frame(frame)
            one = ZoneExchange(storage, *zones)
            with pytest.raises(StorageFault, match=f"frame {frame} "):
                run(one, [5])
            storage.repair_frame(frame)
            run(one, [5])
            assert contents(storage, *exchange_targets(*zones)) == before, "repaired, it goes on"


@given(geometries(), fillings, chunk_sizes, st.data())
def test_the_mover_fails_once_exactly_where_it_is_told_to(zones, seed, sizes, data):
    with storage_for(zones) as storage:
        fill(storage, seed)
        before = contents(storage, *zones)
        one = ZoneExchange(storage, *zones)
        one.fail_at = data.draw(st.integers(0, one.length - 1))
        where = one.fail_at
        with pytest.raises(MoverFailed, match=f"after {where} page steps") as caught:
            run(one, sizes)
        assert caught.value.cursor == one.cursor == where
        run(back := one.inverted(), sizes)
        assert contents(storage, *zones) == before
        run(back.inverted(), sizes)
        assert contents(storage, *exchange_targets(*zones)) == before, "it fails once"


# Memory only for what is touched.


@linux_only
@given(geometries(), fillings, chunk_sizes)
def test_untouched_pages_stay_without_memory(zones, seed, sizes):
    with storage_for(zones) as storage:
        fill(storage, seed)
        held = [storage.committed(zone) for zone in zones]
        one = ZoneExchange(storage, *zones)
        run(one, sizes)
        for before, target in zip(held, exchange_targets(*zones), strict=True):
            assert np.array_equal(storage.committed(target), before)


@linux_only
def test_a_gigantic_sparse_exchange_needs_no_memory():
    gib = 1 << 18
    with MainStorage(64 * gib) as storage:
        zones = Zone(gib, 20 * gib), Zone(22 * gib, 33 * gib)
        storage.frames[zones[0].origin + 5] = 1
        storage.frames[zones[1].end - 1] = 2
        storage.keys[zones[1].origin + 77] = 0x5A
        run(ZoneExchange(storage, *zones), [1 << 20])
        lower, upper = exchange_targets(*zones)
        assert np.flatnonzero(storage.committed(lower)).tolist() == [5]
        assert np.flatnonzero(storage.committed(upper)).tolist() == [upper.extent - 1]
        assert (storage.frames[lower.origin + 5] == 1).all()
        assert (storage.frames[upper.end - 1] == 2).all()
        assert storage.keys[upper.origin + 77] == 0x5A
