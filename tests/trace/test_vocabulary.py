import ast
import re
from pathlib import Path

import pytest
from attrs import fields

import lparvm
from lparvm.protocol.messages import MESSAGES
from lparvm.trace.vocabulary import COMMON_FIELDS, FACTS, VOCABULARY, Level, field_problems

PACKAGE = Path(lparvm.__file__).parent


@pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.name)
def test_a_fact_is_named_noun_and_past_verb_and_has_a_meaning(kind):
    assert re.fullmatch(r"[a-z]+\.[a-z]+(_[a-z]+)?", kind.name)
    assert kind.meaning
    assert not kind.message


@pytest.mark.parametrize("kind", VOCABULARY.values(), ids=lambda kind: kind.name)
def test_no_field_hides_a_common_one(kind):
    assert not set(kind.fields) & set(COMMON_FIELDS)
    assert Level.PROTOCOL <= kind.level <= Level.STORAGE


def test_every_message_stands_in_the_vocabulary_with_its_fields():
    for message in MESSAGES:
        kind = VOCABULARY[message.__name__]
        assert kind.message
        assert list(kind.fields) == ["to", *(one.name for one in fields(message) if one.name != "op")]
        assert kind.meaning, f"{kind.name} has no docstring"


def test_names_are_unique():
    assert len(VOCABULARY) == len(FACTS) + len(MESSAGES)


def test_the_right_fields_are_no_problem():
    own = {"lpar": "L", "iop": "I", "held": 2}
    assert field_problems(VOCABULARY["starts.released"], own) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"colour": 1}, "unknown field colour"),
        ({"held": None}, "held is None, expected int, count"),
        ({"held": "2"}, "held is '2', expected int, count"),
        ({"held": True}, "held is True, expected int, count"),
        ({"lpar": 2}, "lpar is 2, expected str"),
    ],
)
def test_a_wrong_field_is_named(change, problem):
    own = {"lpar": "L", "iop": "I", "held": 2, **change}
    assert field_problems(VOCABULARY["starts.released"], own) == [problem]


def test_a_missing_field_is_named():
    assert field_problems(VOCABULARY["starts.released"], {"lpar": "L", "iop": "I"}) == ["missing field held"]


def test_what_may_be_null_may_be_null():
    own = dict.fromkeys(VOCABULARY["move.ended"].fields, 0) | {
        "lpar": "L", "outcome": "moved", "fault_frame": None, "inverse": False,
    }  # fmt: skip
    assert field_problems(VOCABULARY["move.ended"], own) == []


def _names_told():
    """Names of facts that stand in calls of `emit` in the source, and all texts that could be one."""
    told, texts = {}, set()
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "trace" not in path.parts:
                texts.add(node.value)
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if called and node.func.attr in ("emit", "_emit") and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    told[first.value] = f"{path.name}:{node.lineno}"
    return told, texts


def test_every_event_that_the_machine_tells_is_in_the_vocabulary():
    told, _ = _names_told()
    assert {name: place for name, place in told.items() if name not in VOCABULARY} == {}
    assert len(told) > 20


def test_every_fact_of_the_vocabulary_is_told_somewhere():
    _, texts = _names_told()
    assert [kind.name for kind in FACTS if kind.name not in texts] == []


def test_messages_are_judged_by_their_names_only_for_their_classes_have_types():
    kind = VOCABULARY["SetAddressLimit"]
    assert field_problems(kind, {"to": "IOP1", "lpar": "L", "zone": object()}) == []
    assert field_problems(kind, {"to": "IOP1", "lpar": "L"}) == ["missing field zone"]
