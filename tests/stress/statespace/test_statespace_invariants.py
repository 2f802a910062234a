"""Each invariant by itself: the facts of a machine at rest, with one thing that is not right."""

from typing import Any

import pytest
from attrs import evolve

from lparvm.arch.address import Zone
from lparvm.assembly import Parts
from lparvm.protocol.results import Result
from lparvm.stress.statespace import storage
from lparvm.stress.statespace.configuration import Configuration, Lpar
from lparvm.stress.statespace.invariants import Invariants
from lparvm.stress.statespace.lip_control import Subchannels
from lparvm.stress.statespace.model import parts_of
from lparvm.stress.statespace.space import Space

ONE = Configuration(
    "x", "", 6,
    (Lpar("A", Zone(0, 2), ("LIP1", "LIP2"), ("IOP1", "IOP2")), Lpar("B", Zone(4, 1), ("LIP2",))),
    ("MVSTOR A HSA=4K", "CANCEL A"), sale_refusals=4,
)  # fmt: skip
ANSWERS = (("op.1", Result.CANCELLED), ("op.2", Result.COMPLETED))
MOVED = ((0, 2), (1, 3))


class Machine:
    """Facts that can be changed, and what the invariants say of them."""

    def __init__(self) -> None:
        space = Space(parts_of(ONE, Parts()))
        first = space.first()
        self.facts: dict[str, Any] = space.facts_of(space.facts(first))
        self.finals: dict[str, Any] = space.finals_of(first)
        self.change("SVP", waiting=(), answers=ANSWERS)
        self.invariants = Invariants(ONE)

    def change(self, part: str, **changes: Any) -> None:
        self.facts[part] = evolve(self.facts[part], **changes)

    def zones(self, part: str, **zones: tuple) -> None:
        """Of a LIP what it has in SIE, or of the map or an IOP the zones, of LPARs by name."""
        known = {one[0]: one[1:] for one in self.facts[part].zones}
        known.update(zones)
        self.change(part, zones=tuple((name, *rest) for name, rest in known.items()))

    def entry(self, lpar: str, **changes: Any) -> None:
        entries = self.facts["LPARCTL"].entries
        self.change(
            "LPARCTL", entries=tuple(evolve(one, **changes) if one.name == lpar else one for one in entries)
        )

    def moves_to(self, zone: Zone) -> None:
        """A is somewhere else, and all say so."""
        frames = [storage.POISON] * 4 + [("B", 0), storage.NOTHING]
        frames[zone.origin : zone.end] = [("A", page) for page in range(zone.extent)]
        self.change("LPARCTL", frames=tuple(frames))
        self.entry("A", zone=zone)
        self.zones("RM", A=(zone,))
        for lip in ("LIP1", "LIP2"):
            self.zones(lip, A=(zone, True))
        for iop in ("IOP1", "IOP2"):
            self.zones(iop, A=(zone,))
        self.change("LIPCTL.A", zone=zone)

    def said(self) -> str:
        """What is wrong now; else what is wrong at rest."""
        return self.invariants.check(self.facts) or self.invariants.check_at_rest(self.facts, self.finals)


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_nothing_is_wrong_with_a_machine_at_rest(machine: Machine):
    assert machine.said() == ""


def test_a_move_that_completed_is_right_where_all_say_so(machine: Machine):
    machine.change("SVP", answers=(("op.2", Result.UNKNOWN_OPERATION), ("op.1", Result.COMPLETED)))
    assert machine.said() == "A is at [0, 2); by the answers it should be at [1, 3)"
    machine.moves_to(Zone(1, 2))
    assert machine.said() == ""


# --- in every state ---------------------------------------------------------------------------------------


def test_a_state_description_in_sie_agrees_with_the_map(machine: Machine):
    machine.zones("LIP2", A=(Zone(1, 2), True))
    assert machine.said() == "the state description on LIP2 of A says [1, 3), the map [0, 2)"


def test_sale_agrees_with_the_map_while_a_guest_runs(machine: Machine):
    machine.zones("IOP2", A=(Zone(1, 2),))
    assert machine.said() == "SALE at IOP2 of A says [1, 3), the map [0, 2)"


def test_sale_agrees_with_the_map_while_a_channel_program_touches_storage(machine: Machine):
    for lip in ("LIP1", "LIP2"):
        machine.zones(lip, A=(Zone(0, 2), False))
    machine.zones("IOP2", A=(Zone(1, 2),))
    assert not machine.invariants.check(machine.facts), "nobody can touch its storage"
    machine.change("IOP1", touching=("A",))
    assert "SALE at IOP2 of A says [1, 3)" in machine.invariants.check(machine.facts)


def test_a_zone_that_grows_has_one_origin_and_reaches_no_farther_than_what_is_held(machine: Machine):
    machine.change("LPARCTL", resizing=("A",), held=("A",))
    machine.zones("IOP1", A=(Zone(0, 3),))
    assert "it holds frames up to 2" in machine.invariants.check(machine.facts)
    machine.change("RM", beside=(("A", Zone(2, 1)),))
    assert not machine.invariants.check(machine.facts), "SALE may be ahead"
    machine.zones("LIP1", A=(Zone(0, 3), True))
    assert "says [0, 3), SALE gave frames up to 2" in machine.invariants.check(machine.facts)
    machine.zones("IOP2", A=(Zone(1, 2),))
    assert "SALE at IOP2 of A says [1, 3)" in machine.invariants.check(machine.facts)


def test_a_page_of_a_zone_in_use_is_in_its_frame(machine: Machine):
    frames = machine.facts["LPARCTL"].frames
    for other, told in ((storage.POISON, "poison"), (storage.CLEARED, "zeros"), (("B", 0), "page 0 of B")):
        machine.change("LPARCTL", frames=(frames[0], other, *frames[2:]))
        assert f"page 1 of A is not in frame 1: that holds {told}" in machine.invariants.check(machine.facts)


def test_nobody_can_touch_what_the_mover_moves(machine: Machine):
    machine.change("LPARCTL", moving=("A",), held=("A",))
    assert "the mover moves pages of A, and the state description on LIP1" in machine.said()
    for lip in ("LIP1", "LIP2"):
        machine.zones(lip, A=(Zone(0, 2), False))
    assert not machine.invariants.check(machine.facts)
    machine.change("IOP2", touching=("A",))
    assert "the mover moves pages of A, and a channel program at IOP2" in machine.said()


def test_no_frame_is_in_two_zones(machine: Machine):
    machine.zones("RM", B=(Zone(1, 1),))
    machine.zones("LIP2", B=(Zone(1, 1), False))
    wrong = machine.invariants.check(machine.facts)
    assert wrong == "the map's zone of A [0, 2) and the map's zone of B [1, 2) share frames"


def test_lpar_control_knows_the_maps_zone_of_what_no_operation_holds(machine: Machine):
    machine.entry("B", zone=Zone(5, 1))
    assert machine.said() == "LPAR control has B at [5, 6), the map at [4, 5)"
    machine.change("LPARCTL", held=("B",))
    assert not machine.invariants.check(machine.facts)


# --- at rest ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "wrong"),
    [
        (ANSWERS[:1], "op.2 was answered 0 times: "),
        ((*ANSWERS, ANSWERS[0]), "op.1 was answered 2 times: CANCELLED, CANCELLED"),
        (
            (("op.1", Result.TARGET_TAKEN), ("op.2", Result.COMPLETED)),
            "CANCEL of A was answered COMPLETED, and nothing was cancelled",
        ),
        (
            (("op.1", Result.CANCELLED), ("op.2", Result.NOT_CANCELLABLE)),
            "A, op.1 was cancelled, and no CANCEL was answered COMPLETED",
        ),
        (
            (("op.1", Result.CHECK_STOPPED), ("op.2", Result.NOT_CANCELLABLE)),
            " is check-stopped after 0 refusals",
        ),
    ],
)
def test_every_command_is_answered_once_and_rightly(machine: Machine, answers: tuple, wrong: str):
    machine.change("SVP", answers=answers)
    assert machine.said() == wrong


def test_an_lpar_is_check_stopped_only_where_that_was_told(machine: Machine):
    machine.change("IOP1", refused=3)
    machine.entry("A", check_stopped=True)
    assert machine.said() == "CHECK_STOPPED was not told, check-stopped: A"
    machine.change("SVP", answers=(("op.1", Result.CHECK_STOPPED), ("op.2", Result.NOT_CANCELLABLE)))
    assert machine.said() == ""


def test_what_a_check_stop_keeps_is_not_judged(machine: Machine):
    machine.change("IOP1", refused=3, held=("A",))
    machine.entry("A", check_stopped=True)
    machine.change("RM", beside=(("A", Zone(2, 1)),))
    machine.change("SVP", answers=(("op.1", Result.CHECK_STOPPED), ("op.2", Result.NOT_CANCELLABLE)))
    assert machine.said() == ""


@pytest.mark.parametrize(
    ("may_run", "wrong"), [(True, "A runs, and is in SIE on 1 of 2 LIPs"), (False, "A stands")]
)
def test_a_guest_is_in_sie_on_all_its_lips_or_on_none(machine: Machine, may_run: bool, wrong: str):
    machine.change("LIPCTL.A", may_run=may_run)
    machine.zones("LIP2", A=(Zone(0, 2), False))
    assert wrong in machine.said()


def test_what_stands_agrees_as_well(machine: Machine):
    machine.change("LIPCTL.B", may_run=False)
    machine.zones("LIP2", B=(Zone(5, 1), False))
    assert machine.said() == "the state description on LIP2 of B says [5, 6), the map [4, 5)"
    machine.zones("LIP2", B=(Zone(4, 1), False))
    machine.change("LIPCTL.B", zone=Zone(5, 1))
    assert machine.said() == "LIP control of B says [5, 6), the map [4, 5)"


def test_an_lpar_with_a_lip_that_hangs_is_judged_by_its_answers_and_its_map_only(machine: Machine):
    machine.change("LIPCTL.B", zone=Zone(5, 1))
    machine.finals["LIP2"] = True
    assert machine.said() == ""
    machine.change("RM", beside=(("B", Zone(5, 1)),))
    assert machine.said() == "B still holds [5, 6)"


def test_nothing_is_held(machine: Machine):
    machine.change("IOP2", held=("A",))
    assert machine.said() == "IOP2 still holds starts of A"


def test_a_free_frame_holds_no_page(machine: Machine):
    frames = machine.facts["LPARCTL"].frames
    machine.change("LPARCTL", frames=(*frames[:5], ("A", 0)))
    assert machine.said() == "frame 5 is free, and holds page 0 of A"


def test_a_frame_with_a_machine_check_is_out_of_use(machine: Machine):
    machine.finals["LPARCTL"] = (3,)
    assert machine.said() == "frame 3 had a machine check, and is in use"
    machine.finals["RM"] = (3,)
    assert machine.said() == ""


def test_what_a_guest_takes_for_started_is_so_and_what_ended_has_a_request(machine: Machine):
    machine.finals["LIPCTL.A"] = Subchannels((0x100,), (), ())
    assert machine.said() == "A takes devices (256,) for started; IOPs run ()"
    machine.finals["IOP1"] = (("A", 0x100),)
    assert machine.said() == ""
    machine.finals["LIPCTL.A"] = Subchannels((0x100,), (0x110,), ())
    assert machine.said() == "A gets no interruption for device 0110"
