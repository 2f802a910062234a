import ast
from pathlib import Path

import pytest
from relocation_events import LPAR, Story, backed_out, completed, gave_up_quiescing, zone
from spoiling import broken, find, verdicts, without

import lparvm.trace.rules
from lparvm.trace.rules import RULES, RuleBook, Verdict, all_checkers, check_events
from lparvm.trace.vocabulary import VOCABULARY, Level

NAMES = (
    "stop-holds", "quiesce-holds", "inside-zone", "sale-agrees", "page-custody", "direction", "one-owner",
    "phases-in-order", "commands-answered", "stopped-time", "io-inside-zone", "starts-end-once",
    "held-starts-in-order", "interruptions-once", "interruptions-after-sie", "late-transfers-refused",
    "exchange-custody", "given-up-storage", "requests-answered", "parts-in-order",
)  # fmt: skip
CORRECT = {
    "up, overlapping": completed(128, 192),
    "down, overlapping": completed(192, 128),
    "moved back after a fault": backed_out(128, 192),
    "moved back downwards after a fault": backed_out(192, 128),
    "moved back after a fault at the first page": backed_out(pages=0),
    "moved back after a refused SALE": backed_out(refuse=True),
    "moved back downwards after a refused SALE": backed_out(192, 128, refuse=True),
    "given up while quiescing": gave_up_quiescing(),
}


@pytest.mark.parametrize("events", [pytest.param(events, id=name) for name, events in CORRECT.items()])
def test_every_rule_holds_over_a_correct_run(events):
    found = verdicts(events)
    assert tuple(found) == NAMES
    messages = found.pop("requests-answered")
    assert (messages.verdict, messages.reason) == (Verdict.UNCHECKED, "no messages are told at this level")
    for verdict in found.values():
        assert verdict.verdict is Verdict.HELD, f"{verdict.rule}: {verdict.violation or verdict.reason}"


def test_a_verdict_tells_how_much_was_looked_at():
    checked = {rule: verdict.checked for rule, verdict in verdicts(completed()).items()}
    assert checked["inside-zone"] == 9, "9 slices touch storage"
    assert checked["io-inside-zone"] == 6, "6 transfers do"
    assert checked["starts-end-once"] == checked["interruptions-once"] == 6, "each ends by an interruption"
    assert checked["page-custody"] == 256
    assert checked["direction"] == 4, "4 chunks"
    assert checked["commands-answered"] == 1
    assert checked["stopped-time"] == 2, "one standing a LIP"


def test_a_run_without_moves_is_held_with_nothing_checked():
    story = Story()
    story.boot()
    story.run()
    found = verdicts(story.end())
    for rule in ("page-custody", "direction", "phases-in-order", "stopped-time"):
        assert (found[rule].verdict, found[rule].checked) == (Verdict.HELD, 0)


def test_no_events_break_no_rule():
    assert not broken([])


def test_what_touches_nothing_needs_no_zone():
    story = Story()
    story.boot()
    story.transfer(
        "IOP9", fetches=0, stores=0, bytes=0, lowest_host=None, highest_host=None, origin_frame=None
    )
    story.slice("LIP9", lpar="LPAR9", fetches=0, stores=0, lowest_host=None, highest_host=None)
    assert not broken(story.end())


@pytest.mark.parametrize(
    "rule", ["stop-holds", "quiesce-holds", "inside-zone", "sale-agrees", *NAMES[10:16], "given-up-storage"]
)
def test_what_a_file_of_level_protocol_leaves_open_is_unchecked_with_the_reason(rule):
    held = [event for event in completed() if VOCABULARY[event["event"]].level <= Level.PROTOCOL]
    found = verdicts(held, level=Level.PROTOCOL)
    assert found[rule].verdict is Verdict.UNCHECKED
    assert "at this level" in found[rule].reason


def test_a_file_of_level_protocol_still_breaks_what_it_shows():
    held = [event for event in completed() if VOCABULARY[event["event"]].level <= Level.PROTOCOL]
    found = broken(without(held, "lip.stopped", lip="LIP3"), level=Level.PROTOCOL)
    assert "stop-holds" in found


def test_at_level_off_everything_is_unchecked():
    assert {verdict.verdict for verdict in check_events([], level=Level.OFF)} == {Verdict.UNCHECKED}


def test_without_proof_page_custody_is_unchecked_and_says_why():
    found = verdicts(completed(proof=False), proof=False)["page-custody"]
    assert (found.verdict, found.checked, found.violation) == (Verdict.UNCHECKED, 256, None)
    assert "--proof off" in found.reason


def test_without_proof_page_custody_still_sees_a_dropped_key():
    events = completed(proof=False)
    events[find(events, "chunk.moved")]["keys_set"] -= 1
    assert "63 set" in broken(events, proof=False)["page-custody"]


def test_with_proof_a_move_without_checksums_is_a_violation():
    assert "no checksums" in broken(completed(proof=False), proof=True)["page-custody"]


def test_a_run_that_was_interrupted_may_leave_commands_and_phases_open():
    whole = completed()
    cut = whole[: find(whole, "chunk.moved", nth=2)]
    assert not broken(cut), "the file was cut off"
    assert not broken([*cut, *Story().end(interrupted=True)]), "Ctrl-C"
    assert set(broken([*cut, *Story().end()])) == {"commands-answered", "phases-in-order"}


def test_a_relocation_that_was_answered_as_interrupted_need_not_report():
    whole = completed()
    cut = whole[: find(whole, "chunk.moved", nth=2)]
    answer = {**whole[find(whole, "command.answered")], "result": "INTERRUPTED"}
    assert not broken([*cut, answer, whole[-1]])


def test_moves_are_watched_even_where_no_phases_are_told():
    bare = without(completed(), "phase.entered")
    assert "still runs on LIP4" in broken(without(bare, "lip.stopped", lip="LIP4"))["stop-holds"]


def test_a_late_lip_may_stop_and_start_after_the_answer():
    """A stop that a slow LIP never acknowledged is rescinded; the LIP does both when it gets there."""
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
    story.slice("LIP4")
    story.tell("lip.stopped", "LIP4", op=story.op, lpar=LPAR, lip="LIP4", left_sie_ns=story.now)
    story.tell("sie.issued", "LIP4", op=story.op, lpar=LPAR, lip="LIP4", **zone(128))
    story.run()
    assert not broken(story.end())


@pytest.mark.parametrize("when", ["before the stop", "while it stops"])
def test_a_guest_that_failed_is_moved_without_starting_again(when):
    story = Story()
    story.boot()
    reason = "program interruption 0005 at guest absolute 0x0"
    failure = {"lpar": LPAR, "lip": "LIP4", "reason": reason}
    if when == "before the stop":
        story.tell("guest.ended", "LIP4", **failure)
        for lip in ("LIP3", "LIP4"):
            story.tell("lip.stopped", lip, lpar=LPAR, lip=lip, left_sie_ns=story.now)
        story.command()
        story.phase("STOPPING", 201)
    else:
        story.command()
        story.phase("STOPPING", 201)
        story.tell("lip.stopped", "LIP3", op=story.op, lpar=LPAR, lip="LIP3", left_sie_ns=story.now)
        story.tell("guest.ended", "LIP4", **failure)
        story.tell("lip.stopped", "LIP4", op=story.op, lpar=LPAR, lip="LIP4", left_sie_ns=story.now)
    story.quiesce()
    story.reserve()
    story.record()
    story.move()
    story.verify()
    story.phase("NOTIFYING", None)
    story.sale(story.target)
    story.commit()
    story.release()
    story.report()
    assert not broken(story.end())


def test_a_guest_processor_that_ended_may_tell_its_last_slice_but_run_no_more():
    story = Story()
    story.boot()
    ended = story.tell("guest.ended", "LIP3", lpar=LPAR, lip="LIP3", reason="program ended")
    story.slice("LIP3", first_ns=ended["t"] - 5, last_ns=ended["t"])
    assert not broken(story.events)
    story.slice("LIP3")
    assert "LPAR2 on LIP3" in broken(story.events)["stop-holds"]


def test_a_second_relocation_starts_from_a_clean_slate():
    story = Story()
    first = completed()[:-1]
    story.events, story.now, story.origin, story.op = list(first), first[-1]["t"], 192, "op.2"
    story.source, story.target = 192, 193
    story.command()
    story.stop()
    story.quiesce()
    story.reserve()
    story.record()
    story.move()
    story.verify()
    story.phase("NOTIFYING", None)
    story.sale(193)
    story.commit()
    story.restart()
    story.release()
    story.report()
    assert not broken(story.end())
    stale = [e for e in story.events if not (e["event"] == "iop.quiesced" and e["op"] == "op.2")]
    assert "quiesce-holds" in broken(stale), "the first operation's quiescing doesn't count for the second"


def test_the_rule_book_gives_an_event_only_to_the_rules_that_want_it():
    book = RuleBook()
    assert {checker.name for checker in book.checkers if "slice.ended" in checker.wants} == {
        "stop-holds", "inside-zone", "given-up-storage",
    }  # fmt: skip
    for checker in book.checkers:
        assert checker.wants <= set(VOCABULARY), "rules are about events of the vocabulary"
        messages = any(VOCABULARY[name].message for name in checker.wants)
        assert messages is (checker.name in ("requests-answered", "given-up-storage")), (
            "others are about facts only"
        )


def test_a_checker_alone_says_the_same_as_in_the_book():
    events = without(completed(), "lip.stopped")
    for checker, verdict in zip(all_checkers(), check_events(events, level=Level.STORAGE), strict=True):
        for event in events:
            checker.feed(event)
        assert checker.finish() == verdict


def test_finishing_twice_gives_the_same_verdicts():
    book = RuleBook()
    for event in without(completed(), "command.answered"):
        book.feed(event)
    assert book.finish() == book.finish()


def test_later_violations_are_counted_and_the_first_is_told():
    found = verdicts(without(completed(), "lip.stopped"))["stop-holds"]
    assert found.violations > 1
    assert "phase.entered" in found.violation


def test_each_rule_says_what_it_does_not_check():
    for rule in RULES:
        text = __import__(rule.__module__, fromlist=["__doc__"]).__doc__
        assert text.startswith(f"{rule.name}: "), f"{rule.__module__} begins with its rule's name"
        assert "Not checked: " in text, f"{rule.__module__} must say what it does not check"
        assert "`checked` counts " in text, f"{rule.__module__} must say what it counts"


def test_rules_share_nothing_with_what_they_check():
    allowed = {"errors", "config", "trace.rules", "trace.vocabulary"}
    for path in Path(lparvm.trace.rules.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("lparvm."):
                module = node.module.removeprefix("lparvm.")
                assert any(module == one or module.startswith(one + ".") for one in allowed), (
                    f"{path.name} imports {node.module}: a checker must not share code with what it checks"
                )
