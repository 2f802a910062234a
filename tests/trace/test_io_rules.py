"""The rules of input and output hold over correct runs, also unusual ones."""

import pytest
from io_stories import busy, halted, rerouted, suspended
from io_telling import PAGE
from relocation_events import LPAR, NO_EXPANDED, Story, completed, zone
from spoiling import broken, edited, find, inserted, later, numbers, of_start, verdicts

from lparvm.trace.rules import Verdict, all_checkers

MS = 1_000_000
EVENTS = busy().events
HALTED = halted().events
CORRECT = {
    "starts are held, and one is deferred": EVENTS,
    "a device is halted, another given up": HALTED,
    "a program is suspended over the move": suspended(),
    "paths are varied while starts wait": rerouted(),
}
NAMES = (
    "io-inside-zone", "starts-end-once", "held-starts-in-order", "interruptions-once", "interruptions-after-sie",
    "late-transfers-refused",
)  # fmt: skip


HELD = numbers(EVENTS, "start.held")  # three at IOP1, the one that is deferred, one more at IOP2


@pytest.mark.parametrize("events", [pytest.param(events, id=name) for name, events in CORRECT.items()])
def test_every_rule_holds_over_a_correct_run(events):
    assert not broken(events)


def test_each_rule_has_something_to_check():
    for events in (EVENTS, HALTED):
        checked = {rule: verdict.checked for rule, verdict in verdicts(events).items()}
        assert all(checked[name] for name in NAMES), checked


# --- what is no fault -------------------------------------------------------------------------------------------


def test_a_start_may_wait_at_the_end_while_its_lpar_is_held():
    story = busy(end=False)
    start = story.hold("IOP1")
    assert not broken(later(story.end(), 5000 * MS)), f"start {start} waits for a release"


def test_a_start_may_wait_at_the_end_for_a_device_that_is_taken():
    cut = HALTED[: find(HALTED, "device.ended")]
    assert not broken(later([*cut, HALTED[-1]], 5000 * MS)), "the device was given up, and has not ended"


def test_a_start_may_wait_at_the_end_for_a_device_that_others_may_have_reserved():
    begun = of_start(EVENTS, HELD[3], "begun")
    waiting = [
        event for index, event in enumerate(EVENTS)
        if not (index >= begun and event["event"] in {"start.begun", "start.ended", "transfer.ended"})
        and not (index >= begun and event["event"].startswith("interruption."))
        and not (index > begun and event["event"] == "start.accepted")
    ]  # fmt: skip
    assert "starts-end-once" not in broken(later(waiting, 5000 * MS)), "LPAR1 may have reserved it"


def test_a_start_may_still_be_on_its_way_at_the_end():
    story = Story()
    story.boot()
    story.accept("0190")
    assert not broken(story.end())
    assert "starts-end-once" in broken(later(story.events, 1001 * MS))


def test_a_program_may_run_on_at_the_end():
    story = Story()
    story.boot()
    story.begin("IOP1")
    assert not broken(later(story.end(), 5000 * MS))


def test_an_interruption_may_be_pending_at_the_end():
    story = Story()
    story.boot()
    story.pend("0190")
    assert not broken(later(story.end(), 5000 * MS))


def test_a_run_that_was_interrupted_may_lose_anything_at_its_end():
    cut = later([*EVENTS[: of_start(EVENTS, HELD[1], "begun")], EVENTS[-1]], 2 * MS)
    assert not broken([*cut[:-1], {**cut[-1], "interrupted": True}])
    story = Story()
    story.boot()
    story.finish("IOP1", story.begin("IOP1"), pend=False)
    story.accept("0191")
    assert not broken(later(story.end(interrupted=True), 5000 * MS))


def test_a_file_that_was_cut_off_breaks_nothing():
    for index in range(len(EVENTS)):
        assert not broken(EVENTS[:index]), f"cut off after {index} events"


def test_a_transfer_that_ends_at_the_moment_of_sale_may_have_either_zone():
    events = completed()
    moment = events[find(events, "sale.set", op="op.1", iop="IOP1")]["t"]
    old = {"origin_frame": 128, "lowest_host": 128 * PAGE, "highest_host": 129 * PAGE, "iop": "IOP1"}
    at_once = inserted(events, find(events, "starts.released"), events[find(events, "transfer.ended")], **old)
    index = find(events, "starts.released")
    at_once[index] |= {"first_ns": moment - 5, "last_ns": moment}
    assert "io-inside-zone" not in broken(at_once)
    at_once[index] |= {"first_ns": moment}
    assert "io-inside-zone" in broken(at_once), "it began when the new zone was in force"


def test_a_part_that_is_told_very_late_is_left_open():
    story = Story()
    story.boot()
    start = story.begin("IOP1")
    times = {"first_ns": story.now - 1, "last_ns": story.now}
    for _ in range(20):
        story.tell("sale.set", "IOP1", lpar=LPAR, iop="IOP1", **zone(7))
    story.transfer("IOP1", start, **times)
    assert "io-inside-zone" not in broken(story.events)


def test_a_late_stop_that_was_rescinded_does_not_keep_a_lip_from_interruptions():
    story = Story()
    story.boot()
    story.command()
    story.phase("STOPPING", 201)
    story.left["LIP3"] = story.now
    story.tell("lip.stopped", "LIP3", op=story.op, lpar=LPAR, lip="LIP3", left_sie_ns=story.now)
    story.phase("BACKING_OUT", None)
    sie = story.tell("sie.issued", "LIP3", op=story.op, lpar=LPAR, lip="LIP3", **zone(128))
    story.sied["LIP3"] = sie["t"]
    story.report("STOP_TIMED_OUT")
    story.present(story.pend("0190"), "LIP3")
    story.tell("lip.stopped", "LIP4", op=story.op, lpar=LPAR, lip="LIP4", left_sie_ns=story.now)
    story.present(story.pend("0190"), "LIP4")
    story.tell("sie.issued", "LIP4", op=story.op, lpar=LPAR, lip="LIP4", **zone(128))
    assert not broken(story.end())


def test_a_guest_that_failed_takes_no_interruption():
    story = Story()
    story.boot()
    story.tell("guest.ended", "LIP3", lpar=LPAR, lip="LIP3", reason="program interruption 0005")
    for lip in ("LIP3", "LIP4"):
        story.tell("lip.stopped", lip, lpar=LPAR, lip=lip, left_sie_ns=story.now)
    number = story.pend("0190")
    assert not broken(story.events)
    story.present(number, "LIP4")
    assert "is presented on LIP4" in broken(story.events)["interruptions-after-sie"]


@pytest.mark.parametrize("early", [False, True])
def test_a_new_guest_takes_interruptions_from_its_sie_on_though_its_ipl_was_not_reported_yet(early):
    story = Story()
    story.boot()
    story.command()
    story.stop()
    story.phase("RESETTING", None)
    story.tell("guest.loaded", "LPARCTL", op=story.op, lpar=LPAR, guest="hammer", **zone(128))
    number = story.pend("0190")
    if not early:
        story.sie()
    story.present(number, "LIP3")
    assert ("interruptions-after-sie" in broken(story.events)) is early


def test_a_start_that_was_deferred_before_it_was_held_may_be_overtaken():
    """A device may be reserved all the time; that it still is at the release need not be told again."""
    story = Story()
    story.boot()
    waits = story.accept("0192")
    story.about("start.deferred", "IOP1", waits, "0192", reason="reserved")
    story.about("start.held", "IOP1", waits, "0192")
    story.held["IOP1"].append((waits, "0192"))
    goes = story.hold("IOP1", "0193")
    story.release_starts("IOP1")
    story.about("start.begun", "IOP1", goes, "0193")
    assert not broken(story.events)


def test_a_start_that_was_released_may_be_held_again():
    story = Story()
    story.boot()
    waits = story.hold("IOP1", "0192")
    story.release_starts("IOP1")
    story.about("start.deferred", "IOP1", waits, "0192", reason="busy")
    story.about("start.held", "IOP1", waits, "0192")
    story.release_starts("IOP1")
    story.about("start.begun", "IOP1", waits, "0192")
    assert not broken(story.events)
    assert "held-starts-in-order" in broken(edited(story.events, "starts.released", 1, held=0))


def test_an_lpar_that_is_activated_again_counts_from_one():
    story = Story()
    story.boot()
    story.io("IOP1")
    story.begin("IOP2")
    again = {**story.events[find(story.events, "lpar.activated", lpar=LPAR)]}
    story.tell("lpar.activated", "machine", **{name: again[name] for name in ("lpar", "guest", "lips", "iops")},
               **zone(story.source), **NO_EXPANDED)  # fmt: skip
    story.starts = story.interruptions = 0
    story.pending.clear()
    story.io("IOP1")
    assert not broken(later(story.end(), 5000 * MS))


def test_state_is_bounded_by_what_is_in_flight():
    story = Story()
    story.boot()
    sizes = []
    checkers = [checker for checker in all_checkers() if checker.name in NAMES]
    for _ in range(2):
        told = len(story.events)
        for _ in range(50):
            story.io("IOP1")
            story.hold("IOP2")
            story.release_starts("IOP2")
            start, device = story.held["IOP2"].pop()
            story.about("start.begun", "IOP2", start, device)
            story.present(story.finish("IOP2", start))
        for event in story.events[told if sizes else 0 :]:
            for checker in checkers:
                checker.feed(event)
        sizes.append([_size(vars(checker)) for checker in checkers])
    assert sizes[0] == sizes[1], "twice as many starts leave no more behind"


def _size(value: object) -> int:
    if isinstance(value, dict):
        return 1 + sum(_size(one) for one in value.values())
    return 1 + (sum(_size(one) for one in value) if isinstance(value, list | tuple) else 0)


def test_what_touches_nothing_is_no_transfer():
    story = Story()
    story.boot()
    story.transfer(
        "IOP9", 99, fetches=0, stores=0, bytes=0, lowest_host=None, highest_host=None, origin_frame=None
    )
    found = verdicts(story.end())
    for rule in ("io-inside-zone", "late-transfers-refused"):
        assert (found[rule].verdict, found[rule].checked) == (Verdict.HELD, 0)
