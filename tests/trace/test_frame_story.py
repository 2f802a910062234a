"""The story of a frame."""

import pytest

from lparvm.errors import UsageError
from lparvm.trace.frame_story import FrameStory
from told_traces import Told, zone


def told_of(told: Told, frame: int, **how) -> list[str]:
    """The texts of a story, and its end."""
    story = FrameStory(frame, **how)
    texts = [entry.text for event in told.events for entry in story.feed(event)]
    return [*texts, *(entry.text for entry in story.finish()), story.end()]


def contains(texts: list[str], *expected: str) -> None:
    assert len(texts) == len(expected), "\n".join(texts)
    for text, words in zip(texts, expected, strict=True):
        assert words in text, "\n".join(texts)


def moved(*, back: bool = False) -> Told:
    """A, 8 pages at frame 8, moves up to 12 in chunks of 4, over its own old area; or back after the first one."""
    told = Told()
    told.boot(A=(8, 8))
    told.zoned("area.reserved", "A", 12, 8, partners=[])
    told.move("A", 8, 12, 8)
    told.chunk("A", 4, 4, 4)
    if back:
        told.tell("move.ended", op="op.1", lpar="A", pages_across=4, outcome="interrupted")
        told.move("A", 12, 8, 4, first_page=4, inverse=True)
        told.chunk("A", 4, 4, 0, inverse=True)
        told.zoned("area.poisoned", "A", 16, 4, poisoned_frames=3)
        told.zoned("area.released", "A", 16, 4)
        return told
    told.chunk("A", 0, 4, 8)
    told.tell("move.ended", op="op.1", lpar="A", pages_across=8, outcome="moved")
    told.zoned("zone.moved", "A", 12, 8, from_frame=8)
    told.zoned("area.poisoned", "A", 8, 4, poisoned_frames=4)
    told.zoned("area.released", "A", 8, 4)
    return told


def test_a_frame_that_is_vacated():
    contains(
        told_of(moved(), 8),
        "assigned and cleared: page 0 (0) of A, zone frames 8+8",
        "cleared and loaded: guest idle, page 0 (0) of A",
        "move of A begins, descending: page 0 is to leave for frame 12 (48K)",
        "page 0 (0) of A leaves for frame 12 (48K): chunk of pages [0, 4), cursor 8 pages across",
        "move of A ended: moved, cursor 8",
        "commit: vacated by A, which is at frames 12+8",
        "poisoned, data and key, by A, frames 8+4",
        "released by A",
        "frame 8 (32K) is free; it holds poison",
    )


def test_a_frame_in_both_areas_has_another_page_afterwards():
    contains(
        told_of(moved(), 13),
        "page 5 (20K) of A, zone",
        "loaded",
        "reserved for A, in whose zone it is",
        "page 5 is to leave for frame 17 (68K), page 1 is to come from frame 9 (36K)",
        "page 5 (20K) of A leaves for frame 17 (68K): chunk of pages [4, 8), cursor 4",
        "page 1 (4K) of A arrives from frame 9 (36K): chunk of pages [0, 4), cursor 8",
        "ended",
        "commit: page 1 (4K) of A; it was page 5",
        "frame 13 (52K) is in the zone of A; it holds page 1 (4K) of A",
    )


def test_a_frame_that_is_only_of_the_target():
    contains(
        told_of(moved(), 16),
        "reserved for A, frames 12+8",
        "page 4 is to come from frame 12",
        "page 4 (16K) of A arrives from frame 12 (48K): chunk of pages [4, 8), cursor 4",
        "ended",
        "commit: page 4 (16K) of A",
        "in the zone of A; it holds page 4",
    )


def test_a_target_that_is_given_up():
    contains(
        told_of(moved(back=True), 17),
        "reserved for A",
        "page 5 is to come from frame 13",
        "page 5 (20K) of A arrives from frame 13",
        "move of A ended: interrupted, cursor 4",
        "move back of A begins, ascending: page 5 is to leave for frame 13",
        "page 5 (20K) of A leaves for frame 13 (52K): chunk of pages [4, 8), cursor 0 pages across, going back",
        "poisoned, data and key, by A, frames 16+4 (64K+16K), 3 of 4 frames",
        "released by A",
        "is free; it holds poison, or nothing if it was never touched",
    )


def test_a_source_that_is_come_back_to():
    texts = told_of(moved(back=True), 13)
    assert texts[-1] == "frame 13 (52K) is in the zone of A; it holds page 5 (20K) of A"
    assert [text.split()[5] for text in texts if "cursor" in text and "chunk" in text] == [
        "leaves",
        "arrives",
    ]


def test_within_one_chunk_a_page_leaves_before_another_comes():
    told = Told()
    told.boot(A=(8, 8))
    told.move("A", 8, 6, 8)
    told.chunk("A", 0, 8, 8)
    contains(
        told_of(told, 8)[2:],
        "page 0 is to leave for frame 6 (24K), page 2 is to come from frame 10 (40K)",
        "page 0 (0) of A leaves for frame 6",
        "page 2 (8K) of A arrives from frame 10",
        "it holds page 2",
    )


def test_a_swap_a_shift_and_their_way_back():
    told = Told()
    told.boot(A=(0, 2), B=(2, 4))
    told.zoned("area.reserved", "B", 0, 4, partners=["A"])
    told.exchanged([["swap", 0, 4, 2], ["shift", 2, 1, 2]], 4)
    told.exchanged([["shift", 1, 2, 2], ["swap", 0, 4, 2]], 0, inverse=True)
    told.tell("phase.entered", op="op.1", lpar="B", phase="REPORTED")
    contains(
        told_of(told, 1)[2:],
        "reserved for B, frames 0+4 (0+16K), shared with A until the commit",
        "page 1 (4K) of A leaves for frame 5 (20K): swap of frames 0+2 and 4+2, cursor 4 steps",
        "page 3 (12K) of B arrives from frame 5",
        "page 0 (0) of B arrives from frame 2 (8K) over page 3 (12K) of B, which stands nowhere else: shift",
        "page 0 (0) of B leaves for frame 2 (8K): shift of frames 1+2 and 2+2, cursor 0 steps, going back",
        "what is no page leaves for frame 5",
        "page 1 (4K) of A arrives from frame 5",
        "no longer held for B: in the zone of A",
        "frame 1 (4K) is in the zone of A; it holds page 1 (4K) of A",
    )


def test_a_frame_that_an_lpar_gives_up_and_another_gets():
    told = Told()
    told.boot(A=(0, 8), B=(16, 2))
    told.zoned("zone.resized", "A", 0, 4, from_frames=8)
    told.zoned("area.poisoned", "A", 4, 4, poisoned_frames=4)
    told.zoned("area.released", "A", 4, 4)
    told.zoned("area.reserved", "B", 4, 4, partners=[])
    told.zoned("area.cleared", "B", 4, 4)
    told.zoned("lpar.activated", "C", 4, 2)
    told.zoned("lpar.deactivated", "C", 4, 2)
    contains(
        told_of(told, 5)[2:],
        "A shrank to frames 0+4 (0+16K): given up, and still held",
        "poisoned",
        "released by A",
        "reserved for B",
        "cleared for B, data and key",
        "assigned and cleared: page 1 (4K) of C",
        "free: C was deactivated",
        "frame 5 (20K) is reserved for B; it holds zeros",
    )


def test_growth_gives_a_frame_to_an_lpar():
    told = Told()
    told.boot(A=(0, 4))
    told.zoned("area.reserved", "A", 4, 4, partners=[])
    told.zoned("area.cleared", "A", 4, 4)
    told.zoned("zone.resized", "A", 0, 8, from_frames=4)
    contains(
        told_of(told, 7),
        "reserved for A",
        "cleared",
        "A grew: page 7",
        "is in the zone of A; it holds page 7",
    )


def test_what_lies_in_the_zone_is_not_released_with_what_lies_beside_it():
    told = moved()
    told.zoned("area.released", "A", 12, 8)
    assert told_of(told, 13)[-1] == "frame 13 (52K) is in the zone of A; it holds page 1 (4K) of A"


def test_what_was_not_released_is_held_beyond_the_report():
    told = Told()
    told.boot(A=(0, 4))
    told.zoned("area.reserved", "A", 8, 4, partners=[])
    told.tell("phase.entered", op="op.1", lpar="A", phase="REPORTED")
    assert told_of(told, 9)[-1] == "frame 9 (36K) is reserved for A; it holds nothing that the trace tells of"


def test_faults_and_checksums():
    told = Told()
    told.boot(A=(0, 4))
    told.tell("storage.failed", frame=2)
    told.tell("storage.failed", frame=3)
    told.zoned("custody.recorded", "A", 0, 4, pages=4, data_digest="d" * 32, key_digest="k" * 32)
    told.zoned("custody.verified", "A", 0, 4, pages=4, lost=1, keys_wrong=2, data_digest="e", key_digest="l")
    told.tell("move.ended", lpar="Z", outcome="fault", fault_frame=2)
    told.tell("frame.retired", "RM", frame=2, lpar="A")
    contains(
        told_of(told, 2)[2:],
        "made faulty by the scenario",
        "checksums of all 4 pages and keys of A taken: data dddddddd, keys kkkkkkkk",
        "pages and keys of A compared: 1 lost, 2 keys wrong: data e, keys l",
        "move of Z ended: fault at frame 2 (8K)",
        "out of use; it stays in the zone of A until it is freed",
        "frame 2 (8K) is in the zone of A, out of use; it holds page 2",
    )


def test_keys_that_were_not_all_set_are_told():
    told = Told()
    told.boot(A=(0, 4))
    told.move("A", 0, 8, 4)
    told.chunk("A", 0, 4, 4)
    told.events[-1]["keys_set"] = 3
    assert "of 4 pages 4 keys were read, 3 set, 4 steps done" in told_of(told, 0)[-2]


def test_accesses_are_counted_between_what_else_happens():
    told = Told()
    told.boot(A=(0, 4))
    access = {"lpar": "A", "lip": "LIP1", "bytes": 8}
    for kind, host in (
        ("fetch", 4096),
        ("store", 4100),
        ("fetch", 4092),
        ("key", 8191),
        ("fetch", 8192),
        ("x", None),
    ):
        told.tell("storage.accessed", "LIP1", access=kind, address=0, host=host, **access)
    told.tell("transfer.ended", "IOP1", lpar="A", iop="IOP1", device="0190", lowest_host=0, highest_host=4096)
    told.tell(
        "transfer.ended", "IOP1", lpar="A", iop="IOP1", device="0190", lowest_host=8192, highest_host=9999
    )
    told.tell("storage.failed", frame=1)
    told.tell("storage.accessed", "LIP1", access="store", host=4096, **access)
    contains(
        told_of(told, 1)[2:],
        "LIP1 for A: 2 fetch, 1 store, 1 key access, until 0.007",
        "IOP1, device 0190 for A: 1 transfer whose span covers it",
        "made faulty",
        "LIP1 for A: 1 store",
        "is in the zone of A",
    )
    each = told_of(told, 1, each_access=True)
    assert [text.partition(": ")[2] for text in each if text.startswith("LIP1")] == [
        "fetch", "store", "fetch", "key access", "store",
    ]  # fmt: skip


def test_a_frame_beyond_main_storage_is_refused():
    told = Told()
    told.boot(frames=64, A=(0, 4))
    with pytest.raises(UsageError, match=r"frame 64: main storage has 64 frames \(256K\)"):
        told_of(told, 64)


def test_a_page_that_the_map_does_not_know_is_named_by_its_move():
    told = Told()
    told.move("A", 0, 8, 4)
    told.chunk("A", 0, 4, 4)
    assert "page 2 (8K) of A leaves for frame 10" in told_of(told, 2)[1]


def test_wrong_nested_values_are_left_out():
    told = Told()
    told.boot(A=(0, 4), B=(4, 4))
    told.zoned("area.reserved", "A", 4, 4, partners=[3, None, "B"])
    told.exchanged([[], "x", ["swap", 0, "y", 1]], 0)
    told.tell("area.released", lpar="A", **zone(-1, -1))
    contains(
        told_of(told, 4)[2:], "shared with B until", "is in the zone of B and reserved for A; it holds page 0"
    )
