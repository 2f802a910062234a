"""The page: whole without a network and without a script, and nothing in a trace becomes markup."""

import re
import shutil
import subprocess
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from picture_samples import report_of

from lparvm.trace.pictures.page import page
from lparvm.trace.pictures.report import gather
from lparvm.trace.reader import open_trace
from told_traces import Told, zone

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: the page's script is not run")
VOID = {"meta", "link", "br", "img", "input"}
HOSTILE = '"></title><script>alert(1)</script><img src=x onerror=alert(2)>&amp;\u202e'


class _Tree(HTMLParser):
    """Elements with attributes; fails where tags don't nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "script" not in self.open and "style" not in self.open:
            self.words.append(data)


@cache
def page_of(scenario: str) -> str:
    """The page of a reference trace."""
    return page(report_of(scenario))


def _page_of(told: Told, tmp_path: Path, **header: str) -> str:
    with open_trace(told.write(tmp_path / "t.jsonl", **header)) as reader:
        return page(gather(reader))


@pytest.mark.parametrize("scenario", ["figure-3", "cancel", "crowd"])
def test_the_page_nests_and_is_small(scenario: str):
    text = page_of(scenario)
    assert len(text) < 2_000_000
    tree = _Tree(text)
    names = [tag for tag, _ in tree.elements]
    assert names.count("html") == names.count("script") == names.count("body") == 1
    ids = [attributes["id"] for _, attributes in tree.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("scenario", ["figure-3", "cancel"])
def test_the_page_loads_nothing_from_anywhere(scenario: str):
    text = page_of(scenario)
    assert not re.findall(
        r"(?i)\b(?:https?|ftp|wss?|file):|//[a-z0-9.-]+\.[a-z]|@import|<iframe|<object|<embed", text
    )
    for tag, attributes in _Tree(text).elements:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            value = attributes.get(name, "#")
            assert value is not None
            assert value.startswith("#") or (tag, value) == ("link", "data:,")
        for value in attributes.values():
            assert all(part.startswith("#") for part in (value or "").split("url(")[1:])


def test_the_policy_names_the_one_script_and_no_other_may_run():
    text = page_of("figure-3")
    policy = next(
        a["content"] for _, a in _Tree(text).elements if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/]{43}='(;|$)", policy)
    assert not re.search(r"(?i)\son[a-z]+=", text.split("<script>")[0])


def test_the_page_says_what_happened():
    words = " ".join(_Tree(page_of("cancel")).words)
    for word in (
        "cancel",
        "intact",
        "MVSTOR LPAR2 HSA=80M",
        "CANCELLED",
        "LVM050I",
        "stop-holds",
        "held",
        "80.7 ms",
        "op.5",
    ):
        assert word in words, word


def test_nothing_in_a_trace_becomes_markup(tmp_path: Path):
    told = Told()
    told.boot(**{HOSTILE: (0, 8)})
    told.tell("command.received", "SVP", op=HOSTILE, text=HOSTILE)
    told.tell("phase.entered", HOSTILE, op=HOSTILE, lpar=HOSTILE, phase=HOSTILE, step=201)
    told.tell("StopGuest", HOSTILE, op=HOSTILE, to=HOSTILE)
    told.tell("sie.issued", HOSTILE, lpar=HOSTILE, lip=HOSTILE, **zone(0, 8))
    told.tell("lip.stopped", HOSTILE, op=HOSTILE, lpar=HOSTILE, lip=HOSTILE, left_sie_ns=1)
    told.tell("guest.stood", op=HOSTILE, lpar=HOSTILE, lip=HOSTILE, stopped_ns=5, phases_ns={HOSTILE: 5})
    told.tell(
        "command.answered", "SVP", op=HOSTILE, text=HOSTILE, result=HOSTILE, code=HOSTILE, message=HOSTILE
    )
    text = _page_of(told, tmp_path, scenario=HOSTILE, verdict=HOSTILE)
    tree = _Tree(text)
    assert [tag for tag, _ in tree.elements].count("script") == 1
    assert not [tag for tag, _ in tree.elements if tag in ("img", "iframe", "object")]
    assert not [name for _, attributes in tree.elements for name in attributes if name.startswith("on")]
    assert "<script>alert(1)" in " ".join(tree.words), "it is told as text"
    assert "\u202e" not in text


def test_problems_of_the_file_are_told(tmp_path: Path):
    told = Told()
    told.boot(A=(0, 8))
    told.events[1]["seq"] = 9
    text = " ".join(_Tree(_page_of(told, tmp_path, trailer=False)).words)
    assert "seq is 9; expected 2" in text
    assert "it was cut off" in text


def test_a_broken_rule_is_told(tmp_path: Path):
    told = Told()
    told.boot(A=(0, 8), B=(4, 8))
    with open_trace(told.write(tmp_path / "t.jsonl")) as reader:
        report = gather(reader)
    assert report.broken
    words = " ".join(_Tree(page(report)).words)
    assert "one-owner" in words
    assert "broken" in words


def test_the_same_trace_gives_the_same_page():
    assert page(report_of("exchange")) == page_of("exchange")


def test_without_a_script_the_timeline_is_there_with_its_times():
    elements = _Tree(page_of("figure-3")).elements
    bars = [attributes for _, attributes in elements if attributes.get("data-k") == "bar"]
    assert ("1001940000", "1641940000") in {(one["data-s"], one["data-e"]) for one in bars}
    assert all(float(one["x"] or 0) >= 130 and float(one["width"] or 0) > 0 for one in bars)


# --- in a browser -------------------------------------------------------------------------------------------


def _seen(path: Path, tmp_path: Path, fragment: str = "") -> _Tree:
    """The page's elements after its script has run."""
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", f"{path.as_uri()}{fragment}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return _Tree(done.stdout)


def _of(tree: _Tree, **wanted: str) -> dict[str, str | None]:
    return next(
        a
        for _, a in tree.elements
        if all(a.get(key.replace("_", "-")) == value for key, value in wanted.items())
    )


@needs_chromium
def test_the_script_zooms_to_the_window_in_the_address(tmp_path: Path):
    path = tmp_path / "page.html"
    path.write_text(page_of("figure-3"))
    whole, zoomed = _seen(path, tmp_path), _seen(path, tmp_path, "#from=1&to=1.01")
    assert (_of(whole, id="timeline")["data-from"], _of(whole, id="timeline")["data-to"]) == (
        "0",
        "3000000000",
    )
    assert _of(zoomed, id="timeline")["data-from"] == "1000000000"
    assert _of(zoomed, id="timeline")["data-to"] == "1010000000"
    stopping = {"data_k": "bar", "data_s": "1000000000", "data_e": "1001940000"}
    before, after = (float(_of(tree, **stopping)["width"] or 0) for tree in (whole, zoomed))
    assert before < 1
    assert after == pytest.approx(0.194 * 1030, abs=0.5)
    assert "STOPPING 1.94 ms" in zoomed.words
    assert any("(ms)" in word for word in zoomed.words)
    assert ("html", {"lang": "en", "class": "js"}) in zoomed.elements


@needs_chromium
def test_the_script_takes_any_address(tmp_path: Path):
    path = tmp_path / "page.html"
    path.write_text(page_of("figure-3"))
    svg = _of(_seen(path, tmp_path, "#from=7&to=NaN&x"), id="timeline")
    assert (svg["data-from"], svg["data-to"]) == ("0", "3000000000")
