"""Chains of causes: what led to an event, and where it stands."""

import pytest

from lparvm.trace import chains as module
from lparvm.trace.chains import Chains


def event(
    seq: int, cause: int | None = None, name: str = "sale.set", op: str | None = None, **own: object
) -> dict:
    return {
        "seq": seq,
        "t": seq * 10,
        "actor": f"IOP{seq}",
        "event": name,
        "op": op,
        "cause": cause,
        "step": None,
        **own,
    }


def known(*events: dict, first_line: int = 2) -> Chains:
    chains = Chains()
    for line, one in enumerate(events, first_line):
        chains.note(one, line)
    return chains


def test_a_chain_goes_back_to_an_event_without_cause():
    last = event(4, 2)
    chain = known(event(1), event(2, 1), event(3), last).chain(last)
    assert [(one.seq, one.line, one.t_ns, one.actor) for one in chain.links] == [
        (1, 2, 10, "IOP1"), (2, 3, 20, "IOP2"), (4, 5, 40, "IOP4"),
    ]  # fmt: skip
    assert (chain.whole, chain.left_out) == (True, 0)


def test_a_long_chain_tells_its_beginning_and_its_end():
    events = [event(number, number - 1 or None) for number in range(1, 21)]
    chain = known(*events).chain(events[-1])
    assert [one.seq for one in chain.links] == [1, 16, 17, 18, 19, 20]
    assert (chain.left_out, chain.whole) == (14, True)


@pytest.mark.parametrize("cause", [9, 4, -1, 7])
def test_a_cause_that_is_not_before_what_it_caused_ends_the_chain(cause):
    last = event(4, cause)
    chain = known(event(1), last).chain(last)
    assert [one.seq for one in chain.links] == [4]
    assert chain.whole is (cause == -1)


def test_the_operators_command_is_told_also_where_it_is_not_the_first_cause():
    last = event(3, 2, op="op.1.2")
    chain = known(event(1, name="command.received", op="op.1", text="MVSTOR A END"), event(2), last).chain(
        last
    )
    assert (chain.command.seq, chain.text) == (1, "MVSTOR A END")
    assert [one.seq for one in chain.links] == [2, 3]


def test_events_that_cause_nothing_are_not_remembered_and_found_between_others():
    chains = known(event(1), event(2, 1, name="slice.ended"), event(3, name="storage.accessed"), event(4))
    assert chains.line_of(2) == 3
    assert [(one.seq, one.line) for one in chains.chain(event(2, 1, name="slice.ended")).links] == [
        (1, 2),
        (2, 3),
    ]


def test_the_line_of_what_stands_beside_a_line_that_is_no_event_is_not_known():
    chains = Chains()
    chains.note(event(1), 2)
    chains.note(event(4), 6)
    assert (chains.line_of(1), chains.line_of(3), chains.line_of(4), chains.line_of(5)) == (2, None, 6, 7)
    assert Chains().line_of(1) is None


def test_the_older_half_is_forgotten_when_there_are_too_many(monkeypatch):
    monkeypatch.setattr(module, "TRACE_CAUSES_MAX", 10)
    events = [event(number, number - 1 or None) for number in range(1, 26)]
    chain = known(*events).chain(events[-1])
    assert not chain.whole
    assert chain.links[-1].seq == 25
    assert 16 <= chain.links[0].seq <= 25
