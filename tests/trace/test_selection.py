"""Which events are meant."""

import pytest

from lparvm.trace.selection import Selection

EVENT = {
    "seq": 1, "t": 1_500, "actor": "LIPCTL.LPAR2", "event": "ReserveAreas", "op": "op.1.2", "cause": None, "step": 203,
    "to": "RM", "placements": [{"lpar": "LPAR12", "zone": {"origin": 0, "extent": 1}}],
}  # fmt: skip

MEANT = [
    {},
    {"actors": ["lipctl.*"]},
    {"actors": ["RM", "LIPCTL.LPAR2"]},
    {"operations": ["op.1"]},
    {"operations": ["1"]},
    {"operations": ["OP.1.2"]},
    {"events": ["reserve*"]},
    {"events": ["chunk.*", "ReserveAreas"]},
    {"steps": [203, 204]},
    {"from_ns": 1_500},
    {"to_ns": 1_500},
    {"lpars": ["LPAR12"]},
    {"lpars": ["lpar12"]},
    {"lpars": ["LPAR2"]},
    {"lpars": ["LPAR1?"]},
    {"lpars": ["LPAR*"], "steps": [203], "from_ns": 0, "to_ns": 2_000},
]
NOT_MEANT = [
    {"actors": ["LIPCTL"]},
    {"actors": ["RM"]},
    {"operations": ["op.2"]},
    {"operations": ["op.1.2.1"]},
    {"operations": ["op.1.20"]},
    {"operations": ["op"]},
    {"events": ["Reserve"]},
    {"steps": [202]},
    {"from_ns": 1_501},
    {"to_ns": 1_499},
    {"lpars": ["LPAR1"]},
    {"lpars": ["PAR12"]},
    {"lpars": ["LPAR"]},
    {"lpars": ["LPAR12"], "steps": [204]},
]


@pytest.mark.parametrize("given", MEANT)
def test_an_event_is_meant(given):
    assert Selection(**given).predicate()(EVENT)


@pytest.mark.parametrize("given", NOT_MEANT)
def test_an_event_is_not_meant(given):
    assert not Selection(**given).predicate()(EVENT)


def test_an_event_without_operation_belongs_to_none():
    assert not Selection(operations=["op.1"]).predicate()({**EVENT, "op": None})


@pytest.mark.parametrize("field", ["partners", "lower", "text", "lpars", "holder"])
def test_an_lpar_is_found_in_every_field(field):
    values = {"partners": ["A", "LPAR7"], "lpars": [["LPAR7"]], "text": "MVSTOR LPAR7 HSA=1M"}
    wanted = Selection(lpars=["LPAR7"]).predicate()
    assert wanted({**EVENT, field: values.get(field, "LPAR7")})
    assert not wanted(EVENT)


def test_what_is_asked_for_is_told():
    given = Selection(actors=["A", "B"], steps=[203], from_ns=1_200_000_000)
    assert given.options() == ("ACTOR=(A,B)", "STEP=(203)", "FROM=1.200000")
    assert Selection().options() == ()
