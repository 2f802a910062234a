"""Mailboxes are bounded, and nobody waits for room in one."""

import pytest
import trio.testing

from lparvm.actors.mailbox import Actor, Envelope, Mailbox
from lparvm.errors import ProtocolError
from lparvm.machine import Machine, Options
from lparvm.protocol import messages as m
from lparvm.scenario import builtin_names, load_scenario
from lparvm.trace.writer import Trace
from trials import TWO, lpar, scenario, trial_of


async def test_a_full_mailbox_is_a_broken_protocol_told_by_name_and_limit():
    mailbox = Mailbox("RM", 2)
    for number in range(2):
        mailbox.put(Envelope(m.QueryFrame(f"op.{number}"), "SVP", None))
    with pytest.raises(ProtocolError, match=r"mailbox RM is full: 2 messages, then QueryFrame\(op='op.2'\)"):
        mailbox.put(Envelope(m.QueryFrame("op.2"), "SVP", None))
    assert len(mailbox) == 2


async def test_envelopes_come_in_the_order_in_which_they_were_put():
    mailbox = Mailbox("RM", 3)
    for number in range(3):
        mailbox.put(Envelope(m.QueryFrame(f"op.{number}"), "SVP", number))
    assert [(await mailbox.get()).seq for _ in range(3)] == [0, 1, 2]


class _Collecting(Actor):
    """Keeps what it gets."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.got: list[object] = []

    def handle(self, envelope: Envelope) -> None:
        self.got.append(envelope.message)


async def test_an_actor_that_posts_never_waits_and_handles_what_it_gets_in_order(nursery):
    trace = Trace(now_ns=lambda: 0)
    directory = {name: Mailbox(name, 4) for name in ("SVP", "RM")}
    sender, receiver = (_Collecting(name, directory, trace.logger(name), None) for name in directory)
    nursery.start_soon(receiver.run)
    asked = [m.QueryFrame(f"op.{number}") for number in range(4)]
    seqs = [sender.post("RM", message, None) for message in asked]
    assert receiver.got == [], "posting gives nobody else the processor"
    assert seqs == [1, 2, 3, 4], "a message is an event"
    await trio.testing.wait_all_tasks_blocked()
    assert receiver.got == asked
    nursery.cancel_scope.cancel()


async def test_more_commands_than_a_mailbox_holds_wait_their_turn_and_are_all_answered(autojump_clock):
    async with trial_of(TWO) as trial:
        count = 2 * trial.machine.svp.mailbox.capacity
        ops = [trial.machine.svp.submit("DISPLAY STORAGE") for _ in range(count)]
        answers = [await trial.machine.svp.answer(op) for op in ops]
        assert {str(answer.result) for answer in answers} == {"COMPLETED"}
        assert trial.machine.svp.pending == ()


@pytest.mark.parametrize("name", builtin_names())
async def test_every_mailbox_of_a_machine_has_a_small_bound(name: str):
    machine = Machine(load_scenario(name), Options())
    try:
        machine.build()
        bounds = {actor.name: actor.mailbox.capacity for actor in machine.assembly.actors}
        assert all(0 < bound <= 1 << 14 for bound in bounds.values()), bounds
    finally:
        machine.release()


async def test_what_is_in_flight_stays_far_below_the_bounds(autojump_clock, monkeypatch: pytest.MonkeyPatch):
    most: dict[str, int] = {}
    put = Mailbox.put

    def counting(self: Mailbox, envelope: Envelope) -> None:
        put(self, envelope)
        most[self.name] = max(most.get(self.name, 0), len(self))

    monkeypatch.setattr(Mailbox, "put", counting)
    tables = [lpar(f"L{n}", f"{4 * n}M", lips=2) for n in range(16)]
    async with trial_of(scenario(*tables, main_storage="80M")) as trial:
        ops = [trial.machine.svp.submit(f"MVSTOR L{n} HSA={4 * n + 2}M") for n in range(16)]
        for op in ops:
            await trial.machine.svp.answer(op)
        bounds = {actor.name: actor.mailbox.capacity for actor in trial.machine.assembly.actors}
    assert {name: most[name] for name in most if most[name] > bounds[name] // 2} == {}
