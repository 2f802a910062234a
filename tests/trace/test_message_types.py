"""What stands in messages, in words, is what stands in a trace."""

import json
import re
from pathlib import Path

import pytest
from event_samples import instance

from lparvm.protocol import messages as m
from lparvm.protocol.targets import After, Before
from lparvm.trace.message_types import CLASSES, KIND, MESSAGE_FIELDS, classes_in
from lparvm.trace.reader import read_trace
from lparvm.trace.sink import encode
from lparvm.trace.vocabulary import COMMON_FIELDS, FACTS, VOCABULARY

TRACES = Path(__file__).resolve().parents[2] / "traces"


def fits(value, text):
    """Whether a value of a trace is what a text of the vocabulary says, down to the fields of objects."""
    if value is None:
        return "null" in text or text == "any"
    head = re.split(r"[,:]", text)[0].removesuffix(" or null")
    if text == "any":
        return True
    if head.startswith("list of "):
        return isinstance(value, list) and all(fits(one, text.removeprefix("list of ")) for one in value)
    if head.startswith(("list", "[", "dict of")) or head == "int or list of str":
        return isinstance(value, list | dict | int)
    if head == "dict":
        return any(is_a(value, fields) for fields in classes_in([text]).values())
    return type(value) is {"int": int, "str": str, "bool": bool}[head]


def is_a(value, fields):
    return (
        isinstance(value, dict)
        and value.keys() == fields.keys()
        and (KIND not in fields or fields[KIND] == f"str, {value[KIND]}")
        and all(fits(value[name], text) for name, text in fields.items())
    )


@pytest.mark.parametrize("kind", m.MESSAGES, ids=lambda kind: kind.__name__)
def test_a_messages_fields_are_as_the_vocabulary_says(kind):
    told = json.loads(encode({"message": instance(kind)}))["message"]
    for name, text in VOCABULARY[kind.__name__].fields.items():
        if name != "to":
            assert fits(told[name], text), f"{name} is {told[name]!r}, expected {text}"


@pytest.mark.parametrize("kind", VOCABULARY.values(), ids=lambda kind: kind.name)
def test_every_number_has_a_unit_or_says_what_it_counts(kind):
    for name, text in kind.fields.items():
        words = text.split(", ")
        assert words[0] not in ("int", "int or null") or len(words) > 1, f"{name}: {text}"
        assert "message field" not in text


def test_objects_inside_messages_have_units_too():
    for name, fields in CLASSES.items():
        for field, text in fields.items():
            assert text != "int", f"{name}.{field}"


def test_every_class_that_a_text_names_is_described():
    known = {text.split(", ")[1].removesuffix(" or null") for fields in MESSAGE_FIELDS.values() for text in fields.values()
             if text.startswith("dict, ") and "by its" not in text}  # fmt: skip
    assert known <= CLASSES.keys()
    assert "Zone" in known


def test_where_several_classes_may_stand_the_object_says_which_it_is():
    for name in ("Before", "After", "HaltSubchannel", "ClearSubchannel"):
        assert CLASSES[name][KIND] == f"str, {name}"
    told = [json.loads(encode({"target": kind("LPAR1")})) for kind in (Before, After)]
    assert [one["target"] for one in told] == [
        {"kind": "Before", "lpar": "LPAR1"}, {"kind": "After", "lpar": "LPAR1"},
    ]  # fmt: skip


def test_classes_are_found_down_to_those_inside_others():
    found = classes_in(VOCABULARY["OperationEnded"].fields.values())
    assert next(iter(found)) == "Outcome"
    assert {"Result", "LipStop", "BusyDevice"} <= found.keys()
    assert "Zone" not in found


def test_no_private_attribute_is_told():
    assert not [field for fields in CLASSES.values() for field in fields if field.startswith("_")]
    assert b'"_' not in encode({"message": instance(m.OperationEnded)})


def test_units_of_facts_follow_their_names():
    for kind in FACTS:
        for name, text in kind.fields.items():
            for ending, unit in (
                ("_ns", "ns"),
                ("_frame", "frame"),
                ("_frames", "frames"),
                ("_host", "address"),
            ):
                if name.endswith(ending):
                    assert unit in text, f"{kind.name}.{name}: {text}"


def test_what_real_runs_tell_is_as_the_vocabulary_says():
    for file in sorted(TRACES.glob("*.jsonl")):
        for event in read_trace(file).events:
            fields = VOCABULARY[event["event"]].fields
            assert event.keys() == {*COMMON_FIELDS, *fields}, f"{file.name} {event['seq']}"
            wrong = [name for name, text in fields.items() if not fits(event[name], text)]
            assert not wrong, f"{file.name} {event['seq']} {event['event']}: {wrong}"
