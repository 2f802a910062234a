"""The story of a page."""

from lparvm.trace.page_story import PageStory
from lparvm.trace.whereabouts import Page
from told_traces import Told, zone


def told_of(told: Told, number: int, lpar: str = "A", **how) -> list[str]:
    """The texts of a story, and its end."""
    story = PageStory(Page(lpar, number), **how)
    texts = [entry.text for event in told.events for entry in story.feed(event)]
    return [*texts, *(entry.text for entry in story.finish()), story.end()]


def contains(texts: list[str], *expected: str) -> None:
    assert len(texts) == len(expected), "\n".join(texts)
    for text, words in zip(texts, expected, strict=True):
        assert words in text, "\n".join(texts)


def moving() -> Told:
    """A, 8 pages at frame 8, on the way up to 12: its last 4 pages are across."""
    told = Told()
    told.boot(A=(8, 8), B=(40, 8))
    told.move("A", 8, 12, 8)
    told.chunk("A", 4, 4, 4)
    return told


def test_a_page_is_followed_through_a_move():
    told = moving()
    told.chunk("A", 0, 4, 8)
    told.tell("move.ended", op="op.1", lpar="A", pages_across=8, outcome="moved")
    told.zoned("zone.moved", "A", 12, 8, from_frame=8)
    told.tell("sie.issued", "LIP1", lpar="A", lip="LIP1", **zone(12, 8))
    told.tell("sie.issued", "LIP1", lpar="A", lip="LIP1", **zone(12, 8))
    contains(
        told_of(told, 1),
        "in frame 9 (36K), cleared: A was activated",
        "in frame 9 (36K), cleared and loaded: guest idle begins",
        "move of pages [0, 8) begins, descending, to frame 13 (52K)",
        "from frame 9 (36K) to frame 13 (52K): chunk of pages [0, 4), cursor 8 pages across",
        "move ended: moved, cursor 8",
        "commit: by the map it is in frame 13 (52K)",
        "LIP1 runs the guest with it in frame 13",
        "page 1 (4K) of A is in frame 13 (52K), in its zone frames 12+8",
    )


def test_a_move_that_is_backed_out_brings_the_page_back():
    told = moving()
    told.tell("move.ended", op="op.1", lpar="A", pages_across=4, outcome="fault", fault_frame=15)
    told.move("A", 12, 8, 4, first_page=4, inverse=True)
    told.chunk("A", 4, 4, 0, inverse=True)
    contains(
        told_of(told, 5)[2:],
        "begins",
        "from frame 13 (52K) to frame 17 (68K)",
        "move ended: fault at frame 15 (60K), cursor 4",
        "move back of pages [4, 8) begins, ascending, to frame 13",
        "from frame 17 (68K) to frame 13 (52K): chunk of pages [4, 8), cursor 0 pages across, going back",
        "is in frame 13 (52K), in its zone",
    )
    assert "move back" not in " ".join(told_of(told, 1)), "page 1 had not moved"


def test_a_page_that_is_not_where_the_map_says():
    told = moving()
    told.zoned("zone.moved", "A", 12, 8, from_frame=8)
    texts = told_of(told, 1)
    assert texts[-2:] == [
        "commit: by the map it is in frame 13 (52K), but it stands in frame 9 (36K)",
        "page 1 (4K) of A is in frame 9 (36K), outside of its zone frames 12+8 (48K+32K)",
    ]


def test_a_page_is_followed_through_every_run_of_an_exchange():
    told = Told()
    told.boot(A=(0, 2), B=(2, 4))
    told.tell("exchange.started", lower="A", upper="B", steps=7, steps_done=0, inverse=False)
    told.exchanged([["swap", 0, 4, 2], ["swap", 0, 2, 2]], 4)
    told.tell("exchange.ended", lower="A", upper="B", steps_done=4, outcome="interrupted")
    told.tell("exchange.started", lower="A", upper="B", steps=7, steps_done=4, inverse=True)
    told.exchanged([["swap", 0, 2, 2]], 2, inverse=True)
    contains(
        told_of(told, 2, "B")[2:],
        "exchange with A begins at step 0 of 7",
        "from frame 4 (16K) to frame 0 (0): swap of frames 0+2 and 4+2, cursor 4 steps",
        "from frame 0 (0) to frame 2 (8K): swap of frames 0+2 and 2+2, cursor 4 steps",
        "exchange ended: interrupted, cursor 4",
        "exchange back with A begins at step 4 of 7",
        "from frame 2 (8K) to frame 0 (0): swap of frames 0+2 and 2+2, cursor 2 steps, going back",
        "is in frame 0 (0), outside of its zone",
    )


def test_a_page_that_is_overwritten_is_told_to_be_lost():
    told = Told()
    told.boot(A=(0, 2), B=(2, 4))
    told.exchanged([["shift", 2, 0, 2]], 2)
    texts = told_of(told, 1)
    assert "overwritten in frame 1 (4K), and stands nowhere else: shift" in texts[-2]
    assert texts[-1] == "page 1 (4K) of A is nowhere: A has 2 pages"


def test_a_page_comes_and_goes_with_the_size():
    told = Told()
    told.boot(A=(0, 4))
    told.zoned("zone.resized", "A", 0, 8, from_frames=4)
    told.zoned("zone.resized", "A", 0, 2, from_frames=8)
    told.zoned("lpar.deactivated", "A", 0, 2)
    contains(
        told_of(told, 6),
        "in frame 6 (24K): A grew",
        "gone, given up: A shrank; it stood in frame 6",
        "A has no zone",
    )
    contains(
        told_of(told, 1), "activated", "loaded", "gone: A was deactivated", "is nowhere: A has no zone"
    )  # fmt: skip


def test_damage_refused_transfers_and_faults_are_told():
    told = Told()
    told.boot(A=(8, 4), B=(40, 4))
    told.tell("guest.damaged", "LIP1", lpar="A", address=4097, expected="01", found="02")
    told.tell("guest.damaged", "LIP1", lpar="A", address=8192, expected="01", found="02")
    told.tell("guest.damaged", "LIP1", lpar="B", address=4097, expected="01", found="02")
    told.tell("transfer.refused", "IOP1", lpar="A", iop="IOP1", device="0190", address=4090, bytes=100)
    told.tell("transfer.refused", "IOP1", lpar="A", iop="IOP1", device="0190", address=0, bytes=4096)
    told.tell("storage.failed", frame=9)
    told.tell("frame.retired", "RM", frame=9, lpar="A")
    told.tell("frame.retired", "RM", frame=8, lpar="A")
    contains(
        told_of(told, 1)[2:],
        "DAMAGED at guest absolute 0x1001: expected 01, found 02",
        "late transfer of 100 bytes refused: IOP1, device 0190",
        "its frame, 9, was made faulty",
        "its frame, 9, is out of use",
        "is in frame 9",
    )


def test_a_busy_device_that_uses_it_is_told():
    told = Told()
    told.boot(A=(8, 4))
    busy = {"device": 400, "lpar": "A", "pages": [[0, 1], [3, 3]]}
    told.tell(
        "IopBusy",
        "IOP1",
        to="LPARCTL",
        devices=[busy, "x", {**busy, "pages": [[1], 3]}, {**busy, "lpar": "B"}],
    )
    told.tell("IopBusy", "IOP1", to="LPARCTL", devices=3)
    contains(told_of(told, 1)[2:], "in use by device 0190, for which IOP1 waits", "is in frame")
    contains(told_of(told, 2)[2:], "is in frame")


def test_checksums_of_the_zone_are_told():
    told = Told()
    told.boot(A=(8, 4), B=(40, 4))
    told.zoned("custody.recorded", "B", 40, 4, pages=4)
    told.zoned("custody.verified", "A", 8, 4, pages=4, data_digest="d", key_digest="k")
    contains(
        told_of(told, 1)[2:], "pages and keys of A compared: all as before: data d, keys k", "is in frame"
    )


def test_accesses_are_counted_and_held_against_the_frame():
    told = Told()
    told.boot(A=(8, 4), B=(40, 4))

    def access(kind, address, host, lpar="A"):
        told.tell(
            "storage.accessed",
            "LIP1",
            lpar=lpar,
            lip="LIP1",
            access=kind,
            address=address,
            host=host,
            bytes=8,
        )

    access("fetch", 4096, 9 * 4096)
    access("key", 8191, 10 * 4096 - 1)
    access("fetch", 4090, 9 * 4096 - 6)
    access("store", 4096, 40 * 4096)
    access("store", 4096, None)
    access("store", 8192, 10 * 4096)
    access("store", 4096, 41 * 4096, lpar="B")
    told.tell(
        "transfer.ended", "IOP1", lpar="A", iop="IOP1", device="0190", lowest_host=0, highest_host=9 * 4096
    )
    told.tell(
        "transfer.ended", "IOP1", lpar="B", iop="IOP1", device="0190", lowest_host=0, highest_host=9 * 4096
    )
    contains(
        told_of(told, 1)[2:],
        "LIP1: 2 fetch, 1 key access, 1 store at host absolute 0x28000, but the page is in frame 9 (36K), "
        "1 store, refused",
        "IOP1, device 0190: 1 transfer whose span covers it",
        "is in frame 9",
    )
    assert sum(text.startswith("LIP1: ") for text in told_of(told, 1, each_access=True)) == 5


def test_the_name_is_found_in_any_case():
    told = Told()
    told.boot(Alpha=(8, 4))
    story = PageStory(Page("ALPHA", 0))
    for event in told.events:
        list(story.feed(event))
    assert story.seen
    assert story.page == Page("Alpha", 0)
    other = PageStory(Page("BETA", 0))
    for event in told.events:
        list(other.feed(event))
    assert not other.seen


def test_a_zone_that_is_told_at_a_lip_is_told_once_for_each_place():
    told = Told()
    told.boot(A=(8, 4))
    for name, lip, origin in (
        ("sie.issued", "LIP1", 8), ("sie.issued", "LIP1", 8), ("zone.noted", "LIP2", 8), ("extent.set", "LIP1", 12),
    ):  # fmt: skip
        told.tell(name, lip, lpar="A", lip=lip, **zone(origin, 4))
    contains(
        told_of(told, 1)[2:],
        "LIP1 runs the guest with it in frame 9",
        "LIP2 would run the guest with it in frame 9",
        "LIP1 has its zone and runs the guest with it in frame 13",
        "is in frame 9",
    )
