"""The board: one page that loads nothing, whatever seeds say."""

import re
from html.parser import HTMLParser

from lparvm.stress.campaign.board import board
from lparvm.stress.campaign.model import Campaign
from lparvm.stress.campaign.summary import Summary
from lparvm.stress.campaign.totals import Totals
from lparvm.stress.verdict import FAILED, PASSED, SeedVerdict

EVIL = '<script>alert("1")</script>&amp;\x00\x1b'


class Page(HTMLParser):
    """What a browser sees: elements, attributes, text."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attributes

    def handle_data(self, data: str) -> None:
        self.text += f"{data} "


def page_of(*verdicts: SeedVerdict, probes: tuple[str, ...] = ()) -> tuple[str, Page]:
    totals = Totals()
    for verdict in verdicts:
        totals.add(verdict)
    text = board(Summary(Campaign(0, len(verdicts)), "pool", 2, totals, probes))
    return text, Page(text)


PASSING = [SeedVerdict(seed, "walk" if seed % 2 else "pct:3", PASSED, digest="a", probes={"tie": 1} if seed == 3 else {},
                       faults={"late": 1}, relocations=1000) for seed in range(40)]  # fmt: skip


def test_it_tells_verdict_numbers_and_digest():
    _, page = page_of(*PASSING)
    for told in ("green", "40,000", "late", "pct:3", "5 %"):
        assert told in page.text, f"{told!r} is missing in: {page.text}"
    assert re.search(r"\b[0-9a-f]{64}\b", page.text)


def test_it_has_a_heat_map_of_probes_and_marks_those_never_reached():
    text, page = page_of(*PASSING, probes=("tie", "storm"))
    assert "1 of 2 were never reached" in page.text
    assert ("class", "missed") in page.attributes
    assert 'class="number heat3" title="1 of 20 seeds">5 %<' in text
    assert text.count(">never<") == 3, "storm under both policies, the tie under one"


def test_it_lists_failures_with_the_command_that_runs_them_again():
    failure = SeedVerdict(40, "walk", FAILED, "guest-data", "page 3 differs", "b")
    _, page = page_of(*PASSING, failure)
    for told in ("lparvm stress --seeds 40:41", "guest-data", "page 3 differs", "failures"):
        assert told in page.text


def test_nothing_is_loaded_and_nothing_that_seeds_say_becomes_markup():
    text, page = page_of(
        SeedVerdict(0, EVIL, FAILED, EVIL, EVIL, EVIL, faults={EVIL: 1}, probes={EVIL: 1}), probes=(EVIL,)
    )
    assert "script" not in page.tags
    assert 'alert("1")' in page.text
    assert not re.search(r"https?:|//|@import|url\(", text), "an address of something to load"
    assert {name for name, _ in page.attributes} & {"src", "onload", "onclick"} == set()
    assert ("href", "data:,") in page.attributes
    assert not re.search("[\x00-\x08\x0b-\x1f]", text), "control characters are shown as such"
    assert "default-src 'none'" in text
    text.encode()


def test_a_campaign_without_a_seed_has_a_board_as_well():
    _, page = page_of()
    assert "No probe is known." in page.text
