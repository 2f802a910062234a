"""The results file: what it goes on from, and what it refuses in one line that names file and line."""

from pathlib import Path

import orjson
import pytest
from attrs import evolve

from lparvm.errors import UsageError
from lparvm.stress.campaign import results as results_module
from lparvm.stress.campaign.model import Campaign
from lparvm.stress.campaign.results import ResultsFile, header, source_digest
from lparvm.stress.verdict import PASSED, SeedVerdict

CAMPAIGN = Campaign(policy="walk", size="small")
HEADER = orjson.dumps(header(CAMPAIGN)) + b"\n"
VERDICTS = [SeedVerdict(seed, "walk", PASSED, digest=f"{seed:x}", faults={"late": 1}) for seed in (0, 2, 1)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with three verdicts."""
    path = tmp_path / "results.jsonl"
    with ResultsFile(path, CAMPAIGN) as results:
        for verdict in VERDICTS:
            results.append(verdict)
    return path


def read(path: Path, campaign: Campaign = CAMPAIGN) -> list[SeedVerdict]:
    with ResultsFile(path, campaign) as results:
        return list(results.verdicts())


def refused(path: Path, campaign: Campaign = CAMPAIGN) -> str:
    before = path.read_bytes()
    with pytest.raises(UsageError) as caught:
        read(path, campaign)
    assert path.read_bytes() == before, "a file that is refused stays as it is"
    told = str(caught.value)
    assert told.startswith(f"results file {path}: "), told
    assert "\n" not in told
    return told


def test_what_was_written_is_read(path: Path):
    assert read(path) == VERDICTS
    first, *lines = path.read_bytes().splitlines()
    assert orjson.loads(first)["results"] == "lparvm stress"
    assert len(lines) == 3


def test_each_verdict_is_in_the_file_at_once(path: Path):
    with ResultsFile(path, CAMPAIGN) as results:
        results.append(SeedVerdict(9, "walk", PASSED))
        assert path.read_bytes().count(b"\n") == 5


def test_a_last_line_that_was_cut_off_anywhere_is_taken_away(path: Path):
    whole = path.read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    for cut in (last + 1, last + 5, last + 9, last + 50, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with ResultsFile(path, CAMPAIGN) as results:
            assert list(results.verdicts()) == VERDICTS[:2], f"cut at {cut}"
            results.append(VERDICTS[2])
        assert path.read_bytes() == whole


def test_a_first_line_that_was_cut_off_is_written_anew(path: Path):
    for cut in (0, 1, 30, len(HEADER) - 1):
        path.write_bytes(HEADER[:cut])
        assert read(path) == []
        assert path.read_bytes() == HEADER


FOREIGN = {
    "a note without an end": b"my thesis",
    "a note": b"my thesis\n",
    "JSON": b'{"trace":"lparvm","version":1}\n',
    "a list": b"[]\n",
    "nothing but zeros": bytes(100),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_a_file_that_is_none_is_refused(case: str, path: Path):
    path.write_bytes(FOREIGN[case])
    assert "is no results file of lparvm stress" in refused(path)


@pytest.mark.parametrize(
    ("name", "told"),
    [("version", "version 'other' of the format"), ("source", "another source"), ("trio", "another version of trio"),
     ("numpy", "of numpy"), ("python", "of python"), ("lparvm", "another version of lparvm, other; this is ")],
)  # fmt: skip
def test_a_file_of_another_version_is_refused(name: str, told: str, path: Path):
    path.write_bytes(orjson.dumps({**header(CAMPAIGN), name: "other"}) + b"\n")
    assert told in refused(path)


@pytest.mark.parametrize(
    ("change", "told"),
    [({"policy": "fifo"}, "policy walk, not fifo"), ({"mutant": "skip-stop"}, "mutant none, not skip-stop"),
     ({"size": "mixed"}, "size small, not mixed"), ({"runner": "a:b"}, "runner ")],
)  # fmt: skip
def test_a_file_of_another_campaign_is_refused(change: dict[str, str], told: str, path: Path):
    message = refused(path, evolve(CAMPAIGN, **change))
    assert "line 1: another campaign's" in message
    assert told in message


def test_other_seeds_are_no_other_campaign(path: Path):
    assert read(path, evolve(CAMPAIGN, first=7, end=9)) == VERDICTS


DAMAGE = {
    "a line in the middle is cut": (lambda lines: [lines[0], lines[1][:30] + b"\n", *lines[2:]], 2),
    "bytes in a line": (lambda lines: [*lines[:2], lines[2].replace(b"walk", b"w\xff\x00k"), lines[3]], 3),
    "an empty line": (lambda lines: [*lines[:2], b"\n", *lines[2:]], 3),
    "a seed twice": (lambda lines: [*lines, lines[2]], 5),
    "another file's line at the end": (lambda lines: [*lines, b'{"seq":1}\n'], 5),
    "words behind the end": (lambda lines: [*lines, b"words"], 5),
    "zeros behind the end": (lambda lines: [*lines, bytes(500)], 5),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_any_other_damage_is_told_with_its_line(case: str, path: Path):
    damage, line = DAMAGE[case]
    path.write_bytes(b"".join(damage(path.read_bytes().splitlines(keepends=True))))
    assert f"line {line} is damaged: " in refused(path)


def test_two_campaigns_cannot_write_one_file(path: Path):
    with ResultsFile(path, CAMPAIGN):
        assert "another campaign is writing it" in refused(path)


@pytest.mark.parametrize("place", ["nowhere/results.jsonl", "", "\0"])
def test_a_file_that_cannot_be_opened_is_told(place: str, tmp_path: Path):
    with pytest.raises(UsageError, match="can't be opened"):
        ResultsFile(tmp_path / place, CAMPAIGN)


def test_a_full_disk_is_told(path: Path):
    results = ResultsFile(path, CAMPAIGN)
    results._file.close()
    results._file = Path("/dev/full").open("wb")  # noqa: SIM115 - closed with the results
    with pytest.raises(UsageError, match=r"results\.jsonl: can't be written: No space left"), results:
        results.append(VERDICTS[0])


def test_the_source_is_digested_by_names_and_contents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "a.py").write_text("a = 1\n")
    monkeypatch.setattr(results_module.resources, "files", lambda _name: tmp_path)

    def digest() -> str:
        source_digest.cache_clear()
        return source_digest()

    try:
        digests = [digest()]
        (tmp_path / "part" / "notes.txt").write_text("no source")
        assert digest() == digests[0]
        (tmp_path / "part" / "a.py").write_text("a = 2\n")
        digests.append(digest())
        (tmp_path / "part" / "a.py").rename(tmp_path / "part" / "b.py")
        digests.append(digest())
        assert len(set(digests)) == 3
    finally:
        source_digest.cache_clear()
