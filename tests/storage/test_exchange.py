"""The exchange of two zones against a naive reference, for any geometry, cursor, chunk and interruption."""

import itertools
from unittest import mock

import pytest
from exchange_rig import (
    chunk_sizes,
    contents,
    fill,
    fillings,
    geometries,
    run,
    storage_for,
    untouched_areas,
    zones_of,
)
from hypothesis import given
from hypothesis import strategies as st

from lparvm.arch.address import Zone
from lparvm.arch.exchange_geometry import exchange_targets
from lparvm.config import EXCHANGE_BUFFER_BYTES, EXCHANGE_RUNS_PER_CHUNK_MAX
from lparvm.storage import custody, exchange
from lparvm.storage.exchange import ExchangePart, ZoneExchange
from lparvm.storage.exchange_program import RunKind
from lparvm.storage.main_storage import MainStorage


def small_geometries():
    for lower, upper, gap in itertools.product(range(1, 8), range(1, 8), range(6)):
        yield lower, gap, upper


# Against the reference.


def test_every_small_exchange_puts_each_page_and_key_where_it_belongs_and_touches_nothing_else():
    for seed, (lower, gap, upper) in enumerate(small_geometries()):
        for zones in (zones_of(lower, gap, upper), zones_of(lower, gap, upper)[::-1]):
            with storage_for(zones) as storage:
                fill(storage, seed)
                before, beside = contents(storage, *zones), contents(storage, *untouched_areas(zones))
                one = ZoneExchange(storage, *zones)
                run(one, [seed % 5 + 1])
                assert one.done
                assert one.next_chunk() is None
                assert contents(storage, *exchange_targets(*zones)) == before, f"{zones} went wrong"
                assert contents(storage, *untouched_areas(zones)) == beside, f"{zones} touched others"


def test_every_small_exchange_can_be_taken_back_from_every_cursor_and_go_on():
    for seed, (lower, gap, upper) in enumerate(small_geometries()):
        zones = zones_of(lower, gap, upper)
        with storage_for(zones) as storage:
            fill(storage, seed)
            before, beside = contents(storage, *zones), contents(storage, *untouched_areas(zones))
            one = ZoneExchange(storage, *zones)
            for cursor in range(one.steps + 1):
                run(one, [1], cursor - one.steps_done)
                assert one.steps_done == cursor
                back = one.inverted()
                run(back, [seed % 4 + 1])
                assert back.done
                assert contents(storage, *zones) == before, f"{zones}, {cursor} steps: the way back is wrong"
                again = back.inverted()
                run(again, [2], 10_000)
                assert contents(storage, *exchange_targets(*zones)) == before, f"{zones} after a way back"
                back = again.inverted()
                run(back, [3])
                one = back.inverted()
            assert contents(storage, *untouched_areas(zones)) == beside, f"{zones} touched others"


@given(geometries(), fillings, chunk_sizes, st.integers(0, 12), chunk_sizes)
def test_the_inverse_from_any_cursor_restores_both_zones(zones, seed, sizes, chunks, sizes_back):
    with storage_for(zones) as storage:
        fill(storage, seed)
        before, beside = contents(storage, *zones), contents(storage, *untouched_areas(zones))
        one = ZoneExchange(storage, *zones)
        run(one, sizes, chunks)
        back = one.inverted()
        assert back.inverse
        assert back.pages_left == one.cursor
        run(back, sizes_back)
        assert (back.done, back.cursor) == (True, 0)
        assert contents(storage, *zones) == before
        run(forth := back.inverted(), sizes)
        assert (forth.done, forth.cursor) == (True, forth.length)
        assert contents(storage, *exchange_targets(*zones)) == before
        assert contents(storage, *untouched_areas(zones)) == beside


@given(geometries(), fillings, chunk_sizes)
def test_an_observer_follows_every_page_by_the_runs_alone(zones, seed, sizes):
    with storage_for(zones) as storage:
        fill(storage, seed)
        model = [
            (storage.frames[frame].tobytes(), int(storage.keys[frame]))
            for frame in range(storage.frame_count)
        ]
        one, index = ZoneExchange(storage, *zones), 0
        while (chunk := one.next_chunk(sizes[index % len(sizes)])) is not None:
            one.move(chunk)
            for kind, first, second, pages in chunk.runs:
                moved, met = model[first : first + pages], model[second : second + pages]
                model[second : second + pages] = moved
                if kind == "swap":
                    model[first : first + pages] = met
            index += 1
        assert contents(storage) == b"".join(data for data, _ in model) + bytes(key for _, key in model)


@given(geometries(), fillings, chunk_sizes, st.integers(0, 12))
def test_an_exchange_goes_on_from_its_cursor(zones, seed, sizes, chunks):
    with storage_for(zones) as storage:
        fill(storage, seed)
        before = contents(storage, *zones)
        one = ZoneExchange(storage, *zones)
        run(one, sizes, chunks)
        run(ZoneExchange(storage, *zones, one.steps_done), sizes)
        assert contents(storage, *exchange_targets(*zones)) == before


# 256 pages, interrupted everywhere.


def walk_back_from_every_cursor(lower: int, gap: int, upper: int, share: float) -> None:
    zones = zones_of(lower, gap, upper)
    with storage_for(zones) as storage:
        fill(storage, lower * 1000 + upper, share)
        before = contents(storage, *zones)
        one = ZoneExchange(storage, *zones)
        for cursor in range(one.steps):
            run(back := one.inverted(), [64])
            assert contents(storage, *zones) == before, f"taken back from {cursor} of {one.steps} steps"
            forth = back.inverted()
            while forth.steps_done < cursor + 1:
                forth.move(forth.next_chunk(cursor + 1 - forth.steps_done))
            one = forth
        assert one.done
        assert contents(storage, *exchange_targets(*zones)) == before


@pytest.mark.parametrize(
    ("lower", "gap", "upper"),
    [(128, 0, 128), (100, 0, 156), (156, 10, 100), (1, 0, 255), (255, 3, 1), (90, 100, 166)],
)
@pytest.mark.parametrize("share", [1, 0.5])
def test_an_exchange_of_256_pages_is_taken_back_from_every_step(lower, gap, upper, share):
    walk_back_from_every_cursor(lower, gap, upper, share)


# Copies side by side.


@given(
    geometries(), fillings, chunk_sizes, st.integers(1, 9), st.booleans(), st.randoms(use_true_random=False)
)
def test_parts_may_be_copied_in_any_interleaving(zones, seed, sizes, count, there_and_back, rng):
    with mock.patch.object(exchange, "MOVE_PARALLEL_PAGES_MIN", 1), storage_for(zones) as storage:
        fill(storage, seed)
        before = contents(storage, *zones)
        one = ZoneExchange(storage, *zones)
        for _ in range(2 if there_and_back else 1):
            index = 0
            while (chunk := one.next_chunk(sizes[index % len(sizes)])) is not None:
                parts = one.parts(chunk, count)
                assert len(parts) <= count
                assert sum(each.pages for part in parts for each in part.runs) == chunk.pages
                # Threads keep the order within a part, and nothing else: any merge of the parts can happen.
                queues = [(part, list(part.runs)) for part in parts]
                while queues := [queue for queue in queues if queue[1]]:
                    part, runs = rng.choice(queues)
                    one.copy_part(ExchangePart((runs.pop(0),), part.share, part.shares))
                one.finish(chunk)
                index += 1
            one = one.inverted()
        assert contents(storage, *(zones if there_and_back else exchange_targets(*zones))) == before


def test_each_part_has_its_own_share_of_the_one_buffer():
    with MainStorage(2048) as storage:
        one = ZoneExchange(storage, Zone(0, 1000), Zone(1000, 1000))
        parts = one.parts(one.next_chunk(), 3)
        assert [(part.share, part.shares) for part in parts] == [(0, 3), (1, 3), (2, 3)]
        assert one.inverted().buffer is one.buffer
        assert one.buffer.size_bytes == EXCHANGE_BUFFER_BYTES
        shares = [one.buffer.share(index, 3) for index in range(3)]
        ends = [share.address + share.size_bytes for share in shares]
        assert [share.address for share in shares] == [one.buffer.address, *ends[:2]], "side by side"
        assert ends[2] <= one.buffer.address + EXCHANGE_BUFFER_BYTES
        assert one.parts(one.next_chunk(63), 3) == [ExchangePart(one.next_chunk(63).runs)], "not worth it"


def test_pages_go_through_one_buffer_and_no_other_storage(monkeypatch):
    """Every copy is from storage to storage, or from or to the buffer; no array as large as a page is made."""
    with MainStorage(512) as storage:
        storage.frames[:] = 7
        one = ZoneExchange(storage, Zone(0, 150), Zone(200, 250))
        memory = range(storage.address(0), storage.address(512) + 1)
        buffer = range(one.buffer.address, one.buffer.address + EXCHANGE_BUFFER_BYTES + 1)
        copies = []

        def memmove(target, source, size):
            for address in (target, source):
                assert any(address in area and address + size in area for area in (memory, buffer))
            copies.append(size)

        monkeypatch.setattr("ctypes.memmove", memmove)
        run(one, [1000])
        assert sum(copies) == 4096 * sum(
            phase.steps * (3 if phase.run.kind is RunKind.SWAP else 1) for phase in one._program
        )


# Chunks, keys and custody.


def test_very_unequal_zones_come_in_chunks_of_several_short_runs():
    with MainStorage(5000) as storage:
        chunks, one = [], ZoneExchange(storage, Zone(0, 4), Zone(4, 4090))
        while (chunk := one.next_chunk()) is not None:
            chunks.append(chunk)
            one.finish(chunk)
        assert max(len(chunk.runs) for chunk in chunks) == EXCHANGE_RUNS_PER_CHUNK_MAX
        assert len(one._program) < 10, "the program is no longer than its phases"
        assert chunks[0].pages_copied == 8, "two pages a swap"
        assert sum(chunk.pages for chunk in chunks) == one.steps


def test_all_eight_bits_of_a_key_move_and_the_exchange_sets_none():
    with MainStorage(512) as storage:
        storage.frames[:] = 1
        storage.keys[:256] = range(256)
        run(ZoneExchange(storage, Zone(0, 200), Zone(200, 56)), [50])
        assert storage.keys[:256].tolist() == [*range(200, 256), *range(200)]


def test_custody_proves_both_zones_of_an_exchange_and_finds_a_page_that_is_lost():
    zones = zones_of(30, 7, 50)
    with storage_for(zones) as storage:
        fill(storage, 1)
        recorded = [custody.record(storage, zone) for zone in zones]
        run(ZoneExchange(storage, *zones), [11])
        targets = exchange_targets(*zones)
        for one, target in zip(recorded, targets, strict=True):
            assert custody.verify(storage, one, target).intact
        storage.frames[targets[1].origin + 3, 100] ^= 1
        assert not custody.verify(storage, recorded[1], targets[1]).intact


def test_chunks_are_finished_in_order():
    with MainStorage(64) as storage:
        one = ZoneExchange(storage, Zone(0, 20), Zone(30, 20))
        chunk = one.next_chunk(5)
        one.finish(chunk)
        with pytest.raises(AssertionError, match="finished in order"):
            one.finish(chunk)
        assert one.steps_done == 5


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((Zone(0, 4), Zone(3, 5)), "no frame lies in two zones"),
        ((Zone(0, 4), Zone(8, 0)), "at least one frame"),
        ((Zone(0, 4), Zone(61, 4)), "inside storage"),
        ((Zone(0, 4), Zone(8, 4), 5), "counts steps"),
    ],
)
def test_an_exchange_that_makes_no_sense_is_not_made(arguments, problem):
    with MainStorage(64) as storage, pytest.raises(AssertionError, match=problem):
        ZoneExchange(storage, *arguments)
