import sys

import pytest

from lparvm.errors import UsageError
from lparvm.guests import PythonGuest
from lparvm.guests.registry import GUESTS, load_guest

from .bench import Bench


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module that can be imported."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name, text):
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)

    return write


def test_every_built_in_guest_has_a_name_a_sentence_and_documented_options():
    assert list(GUESTS) == [
        "hammer", "ledger", "chain", "journal", "pager", "copier", "sharer", "typist", "swapper", "idle",
    ]  # fmt: skip
    for name, entry in GUESTS.items():
        assert entry.name == name
        assert entry.summary.endswith(".")
        assert load_guest(name) is entry.guest
        assert entry.options[-1].name == "seed"
        assert all(option.doc.endswith(".") for option in entry.options)


def test_every_default_is_what_its_own_text_means():
    for entry in GUESTS.values():
        for option in entry.options:
            written = option.default_text
            if option.default is None:
                assert written == "none", (entry.name, option.name)
                continue
            value = {"true": True, "false": False}.get(
                written, int(written) if written.isdigit() else written
            )
            assert option.kind.parse(value) == option.default, (entry.name, option.name)


def test_a_guest_of_ones_own_is_named_by_module_and_class(module):
    module("my_site", "from lparvm.guests import PythonGuest\n"
           "class Mine(PythonGuest):\n    def program(self, cpu):\n        yield\n")  # fmt: skip
    found = load_guest("my_site:Mine")
    assert issubclass(found, PythonGuest)
    Bench(found).run(1)
    with pytest.raises(UsageError, match="guest Mine: unknown option 'x'; expected one of seed"):
        Bench(found, options={"x": 1})


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        (
            "hamer",
            f"unknown; expected one of {', '.join(GUESTS)}, or 'package.module:Class'",
        ),
        ("Hammer", "unknown"),
        ("", "unknown"),
        ("a:b:c", "unknown"),
        (":Mine", "unknown"),
        ("no such:Mine", "unknown"),
        ("no_such_module:Mine", "there is no module no_such_module"),
        ("lparvm.no_such:Mine", "there is no module lparvm.no_such"),
        ("lparvm.guests.hammer:Mine", "module lparvm.guests.hammer has no Mine"),
        ("lparvm.units:parse_size", "parse_size is no guest; expected a subclass of PythonGuest"),
        ("lparvm.units:NS_PER_S", "NS_PER_S is no guest"),
        ("lparvm.errors:UsageError", "UsageError is no guest"),
        ("lparvm.guests:Guest", "Guest lacks fetches, load, observe"),
    ],
)
def test_a_name_that_cannot_work_says_what_was_expected(name, problem):
    with pytest.raises(UsageError) as caught:
        load_guest(name)
    text = str(caught.value)
    assert text.startswith(f"guest '{name}': ")
    assert problem in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("import no_such_thing", "importing broken failed: ModuleNotFoundError: No module named"),
        ("1 / 0", "importing broken failed: ZeroDivisionError: division by zero"),
        ("x = (", "importing broken failed: SyntaxError: "),
    ],
)
def test_a_module_that_fails_says_why_and_where(module, text, problem):
    module("broken", f"# a comment\n{text}\n")
    with pytest.raises(UsageError) as caught:
        load_guest("broken:Mine")
    assert problem in str(caught.value)
    assert "broken.py:2)" in str(caught.value)
    assert str(caught.value).startswith("guest 'broken:Mine': ")
