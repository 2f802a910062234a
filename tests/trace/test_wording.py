"""An event in words."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lparvm.config import TRACE_NESTING_SHOWN_MAX
from lparvm.trace.wording import event_text, line_text, printable, time_text, who_text


def event(name="x.happened", **own):
    return {"seq": 1, "t": 0, "actor": "RM", "event": name, "op": None, "cause": None, "step": None, **own}


WORDS = {
    "a zone, in frames and bytes": (
        {"origin_frame": 49152, "extent_frames": 65536},
        "frames 49152+65536 (192M+256M)",
    ),
    "a zone of a message": ({"zone": {"origin": 1, "extent": 2}}, "zone=1+2(4K+8K)"),
    "a placement": (
        {"placements": [{"lpar": "LPAR2", "zone": {"origin": 256, "extent": 512}, "iops": []}]},
        "placements=[{lpar=LPAR2 zone=256+512(1M+2M)}]",
    ),
    "a frame": ({"from_frame": 256}, "from_frame=256(1M)"),
    "pages": ({"pages": 4096}, "pages=4096(16M)"),
    "bytes": ({"bytes": 2072}, "bytes=2072"),
    "an address": ({"address": 255, "lowest_host": 4096, "highest_host": None}, "address=0xff lowest_host=0x1000"),
    "a duration": ({"stopped_ns": 640_000_000}, "stopped=640ms"),
    "durations by phase": ({"phases_ns": {"MOVING": 5_000, "NOTIFYING": 0}}, "phases={MOVING=5us NOTIFYING=0ns}"),
    "a time": ({"left_sie_ns": 1_001_940_000}, "left_sie=1.001940s"),
    "times of a LIP": ({"lips": [{"lip": "L", "left_ns": 1_000, "sie_ns": 2_000}]},
                       "lips=[{lip=L left=0.000001s sie=0.000002s}]"),
    "a device of a message": ({"device": 400}, "device=0190"),
    "a device of a fact": ({"device": "0190"}, "device=0190"),
    "a status": ({"device_status": 12}, "device_status=X'0C'"),
    "yes and no": ({"inverse": False, "within": True}, "inverse=no within=yes"),
    "a text with blanks": ({"text": "MVSTOR LPAR2 END"}, 'text="MVSTOR LPAR2 END"'),
    "a digest": ({"data_digest": "3f444745e51fdb7d"}, "data_digest=3f444745"),
    "what holds nothing": ({"a": None, "b": [], "c": "", "d": {}, "e": 0}, "e=0"),
    "runs": ({"runs": [["swap", 0, 8, 4], ["shift", 9, 5, 1]]}, "runs=swap:0:8+4,shift:9:5+1"),
    "runs that are none": ({"runs": [3, "x"]}, "runs=[3,x]"),
    "a result without what its text is made of": (
        {"outcome": {"result": "COMPLETED", "values": {"lpar": "A"}, "pages": 2}},
        "outcome={result=COMPLETED pages=2(8K)}",
    ),
    "a zone of wrong types": ({"origin_frame": "x", "extent_frames": [1]}, "origin_frame=x extent_frames=[1(4K)]"),
    "control characters": ({"text": "a\x1b[2J\nb"}, r"text=a\x1b[2J\nb"),
    "a name with control characters": ({"a\nb": 1.5}, r"a\nb=1.5"),
}  # fmt: skip


@pytest.mark.parametrize("case", WORDS)
def test_fields_are_worded(case):
    own, expected = WORDS[case]
    assert event_text(event(**own)) == f"x.happened {expected}"


def test_a_message_says_from_whom_to_whom():
    assert who_text(event("ReserveAreas", to="LPARCTL")) == "RM -> LPARCTL"
    assert "to" not in event_text(event("ReserveAreas", to="LPARCTL"))
    assert who_text(event(to=3)) == "RM"


@pytest.mark.parametrize(
    ("t_ns", "text"),
    [(0, "0.000000"), (1_001_940_000, "1.001940"), (1, "0.000000001"), (-1_500_000, "-0.001500")],
)
def test_times_are_exact(t_ns, text):
    assert time_text(t_ns) == text


def test_what_is_nested_too_deep_is_cut():
    deep = orjson.loads(b'{"a":' * 500 + b"1" + b"}" * 500)
    text = event_text(event(deep=deep))
    assert text.count("a=") == TRACE_NESTING_SHOWN_MAX
    assert "..." in text


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)
_NAMES = st.sampled_from(
    [
        "runs",
        "zone",
        "origin_frame",
        "extent_frames",
        "phases_ns",
        "device",
        "bytes",
        "left_ns",
        "outcome",
        "to",
    ]
)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(_NAMES | st.text(), _JSON))
def test_anything_can_be_worded_on_one_printable_line(own):
    assert printable(line_text({**own, **event()})) == line_text({**own, **event()})
