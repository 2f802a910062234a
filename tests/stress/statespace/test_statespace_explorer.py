"""The search itself, on parts that have nothing to do with LPARs."""

from attrs import Factory, frozen

from lparvm.stress.statespace.explorer import Exploration, Explorer, Kind
from lparvm.stress.statespace.part import Step
from lparvm.stress.statespace.space import Space


@frozen
class Table:
    """A part made of tables: what it does by itself in a state, and what a message does to it there."""

    name: str
    acts: dict = Factory(dict)
    takes: dict = Factory(dict)
    rest: tuple = ()
    seen: dict = Factory(dict)
    sink: bool = False
    in_flight_max: int = 9
    deaf_in: tuple = ()

    def first(self):
        return "0"

    def key(self, state):
        return state

    def facts(self, state):
        return self.seen.get(state, "")

    def final(self, state):
        return state

    def owing(self, state):
        return "" if not self.rest or state in self.rest else f"{self.name} is in {state}"

    def deaf(self, state):
        return state in self.deaf_in

    def act(self, state):
        return [Step(f"to {to}", to, sent) for to, *sent in self.acts.get(state, ())]

    def take(self, state, message):
        found = self.takes.get((state, message), ())
        if found == "raises":
            raise ValueError(f"{message} in {state}")
        return [Step(f"{message}: to {to}", to, tuple(sent)) for to, *sent in found]


def _explore(*parts, wrong=None, wrong_at_rest=None, **options) -> Exploration:
    states_max = options.pop("states_max", 10_000)
    space = Space(parts, **options)

    def check(facts):
        return f"{wrong} was seen" if wrong is not None and wrong in facts.values() else ""

    def rest(_facts, finals):
        return f"{wrong_at_rest} is no rest" if wrong_at_rest in finals.values() else ""

    return Explorer(space, check, rest, states_max).run()


def test_all_states_transitions_and_their_depth_are_counted():
    found = _explore(Table("P", {"0": [("1",), ("2",)], "1": [("3",)], "2": [("3",)]}, rest=("3",)))
    assert (found.states, found.transitions, found.depth, found.at_rest) == (4, 4, 2, 1)
    assert found.holds


def test_a_state_where_an_invariant_fails_is_told_with_the_shortest_way_to_it():
    acts = {"0": [("1",), ("far",)], "far": [("2",)], "2": [("bad",)], "1": [("bad",)]}
    found = _explore(Table("P", acts, seen={"bad": "bad"}), wrong="bad")
    (violation,) = found.violations
    assert violation.kind is Kind.INVARIANT
    assert violation.text == "bad was seen"
    assert [line.split() for line in violation.story] == [["P", "to", "1"], ["P", "to", "bad"]]


def test_what_is_wrong_at_rest_only_is_found_at_rest_only():
    part = Table("P", {"0": [("1",)], "1": [("2",)]}, rest=("2",))
    assert _explore(part, wrong_at_rest="1").holds
    (violation,) = _explore(part, wrong_at_rest="2").violations
    assert violation.kind is Kind.AT_REST


def test_a_deadlock_is_found_and_says_who_waits_for_what():
    found = _explore(Table("P", {"0": [("1",), ("stuck",)]}, rest=("1",)))
    (violation,) = found.violations
    assert violation.kind is Kind.DEADLOCK
    assert "P is in stuck" in violation.text


def test_a_livelock_is_found_where_it_begins():
    acts = {"0": [("1",), ("a",)], "a": [("b",)], "b": [("a",)]}
    (violation,) = _explore(Table("P", acts, rest=("1",))).violations
    assert violation.kind is Kind.LIVELOCK
    assert len(violation.story) == 1


def test_a_loop_that_can_be_left_is_no_livelock():
    acts = {"0": [("a",)], "a": [("b",)], "b": [("a",), ("1",)]}
    assert _explore(Table("P", acts, rest=("1",))).holds


def test_a_message_that_nobody_can_take_is_a_deadlock():
    sender = Table("P", {"0": [("1", ("Q", "hello"))]}, rest=("1",))
    (violation,) = _explore(sender, Table("Q")).violations
    assert violation.kind is Kind.DEADLOCK
    assert "Q is to take str" in violation.text


def test_what_is_under_way_to_a_deaf_part_does_not_keep_the_rest_from_resting():
    sender = Table("P", {"0": [("1", ("Q", "hello"))]}, rest=("1",))
    assert _explore(sender, Table("Q", deaf_in=("0",))).holds


def test_what_a_part_raises_is_told_with_the_message():
    sender = Table("P", {"0": [("1", ("Q", "hello"))]})
    (violation,) = _explore(sender, Table("Q", takes={("0", "hello"): "raises"})).violations
    assert violation.kind is Kind.RAISED
    assert violation.text == "ValueError: hello in 0"
    assert violation.story[-1].split() == ["Q", "takes", "hello,", "and", "fails"]


def test_more_than_may_be_under_way_is_found():
    chatty = Table("P", {"0": [("1", ("Q", "a"), ("Q", "b"))]})
    taking = {(state, message): [(state + message,)] for state in ("0", "0a") for message in "ab"}
    full = _explore(chatty, Table("Q", takes=taking, in_flight_max=1))
    assert full.violations[0].kind is Kind.MAILBOX
    assert "2 messages are under way to Q; at most 1 may be" in full.violations[0].text
    enough = _explore(chatty, Table("Q", takes=taking, in_flight_max=2), reduced=False)
    assert enough.holds
    assert enough.deepest["Q"] == 2


def test_a_mailbox_keeps_its_order_and_pairs_of_parts_keep_only_their_own():
    first = Table("P", {"0": [("1", ("R", "a"), ("Q", "go"))]})
    second = Table("Q", takes={("0", "go"): [("1", ("R", "b"))]})
    takes = {("0", "a"): [("a",)], ("a", "b"): [("ab",)], ("0", "b"): [("b",)], ("b", "a"): [("ba",)]}
    third = Table("R", takes=takes, seen={"ba": "overtaken"})
    assert _explore(first, second, third, wrong="overtaken").holds
    (violation,) = _explore(first, second, third, wrong="overtaken", pairwise=True).violations
    assert violation.text == "overtaken was seen"


def test_what_a_sink_is_sent_it_has_at_once():
    sender = Table("P", {"0": [("1", ("S", "x"))]})
    found = _explore(sender, Table("S", takes={("0", "x"): [("x",)]}, sink=True, seen={"x": "x"}), wrong="x")
    assert len(found.violations[0].story) == 1


def test_the_limit_of_states_ends_the_search_and_is_no_proof():
    counting = Table("P", {str(number): [(str(number + 1),)] for number in range(100)})
    found = _explore(counting, states_max=10)
    assert not found.complete
    assert not found.holds


# --- orders that are left out -------------------------------------------------------------------------------


def _many_silent(count: int) -> list[Table]:
    """Parts that each take two messages without a word, one after the other."""
    names = [f"P{number}" for number in range(count)]
    takes = {("0", "m"): [("1",)], ("1", "m"): [("2",)]}
    sender = Table("S", {"0": [("1", *((name, "m") for name in names for _ in range(2)))]}, rest=("1",))
    return [sender, *(Table(name, takes=takes, rest=("2",)) for name in names)]


def test_silent_messages_are_taken_in_one_order_only_and_the_rest_is_the_same():
    every, one = _explore(*_many_silent(4), reduced=False), _explore(*_many_silent(4))
    assert every.states == 1 + 3**4
    assert one.states == 2 + 2 * 4
    assert (one.at_rest, one.holds) == (every.at_rest, every.holds) == (1, True)


def test_a_message_is_not_silent_where_it_keeps_the_part_from_what_it_may_do():
    acts = {"0": [("acted",)]}
    takes = {("0", "m"): [("1",)], ("acted", "m"): [("2",)]}
    parts = [Table("S", {"0": [("1", ("P", "m"))]}), Table("P", acts, takes, seen={"2": "both"})]
    assert _explore(*parts, wrong="both").violations, "it may act before it takes the message"


def test_a_message_is_not_silent_where_an_invariant_sees_it():
    sender = Table("S", {"0": [("1", ("P", "m"))], "1": [("2",)]}, seen={"2": "late"})
    taker = Table("P", takes={("0", "m"): [("1",)]}, seen={"0": "early"})
    space = Space([sender, taker])
    seen = []

    def check(facts):
        seen.append((facts["S"], facts["P"]))
        return ""

    Explorer(space, check, lambda *_: "", 100).run()
    assert ("late", "early") in seen
