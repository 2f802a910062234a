"""Values of an event one by one."""

import orjson

from lparvm.trace.flat import leaves, name_of, texts


def test_nested_values_come_in_order_with_their_paths():
    event = {"a": 1, "zones": [{"origin": 2, "iops": []}, "x"], "b": {"c": {"d": None}}, "e": {}}
    assert list(leaves(event)) == [
        ("a", 1),
        ("zones[0].origin", 2),
        ("zones[0].iops", []),
        ("zones[1]", "x"),
        ("b.c.d", None),
        ("e", {}),
    ]


def test_a_path_ends_in_a_name():
    assert [name_of(path) for path in ("a", "zones[0].origin", "rows[3]")] == ["a", "origin", "rows"]


def test_every_text_is_found():
    assert sorted(texts([{"a": "x", "b": [["y", 1]]}, "z", None, 7])) == ["x", "y", "z"]


def test_nothing_is_nested_too_deep():
    deep = orjson.loads(b'{"a":' * 1000 + b'"end"' + b"}" * 1000)
    ((path, value),) = leaves(deep)
    assert (path.count("."), value) == (999, "end")
    assert list(texts([deep])) == ["end"]
