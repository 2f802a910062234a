"""Every built-in scenario still does what its trace in traces/ tells, and the page there says how to read it."""

import importlib
import re
from pathlib import Path

import pytest

from lparvm.runner import run
from lparvm.scenario import builtin_names
from lparvm.trace.reader import read_trace

ROOT = Path(__file__).resolve().parents[1]
TRACES = ROOT / "traces"
BYTES_MAX = 3_000_000


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    return importlib.import_module("renew_traces")


def test_there_is_one_for_each_scenario_and_they_are_small():
    files = sorted(TRACES.glob("*.jsonl"))
    assert [file.stem for file in files] == sorted(builtin_names())
    assert sum(file.stat().st_size for file in files) < BYTES_MAX


@pytest.mark.parametrize("name", builtin_names())
def test_a_scenario_does_what_its_trace_tells(name, tool, tmp_path):
    if run(name, clock="virtual").digest != tool.digest_of(tool.reference(name)):
        tool.record(name, tmp_path / f"{name}.jsonl")
        lines = tool.difference(tool.reference(name), tmp_path / f"{name}.jsonl")
        pytest.fail("\n".join([*lines, "tools/renew_traces.py renews it, if that is meant"]), pytrace=False)


@pytest.mark.parametrize("name", builtin_names())
def test_the_program_on_the_page_reads_it(name, capsys):
    """In the page's own words: what another language needs, and no more."""
    (program,) = re.findall(
        r"^```python\n(.*?)^```", (TRACES / "README.md").read_text(), re.DOTALL | re.MULTILINE
    )
    scope: dict[str, object] = {"path": TRACES / f"{name}.jsonl"}
    exec(program, scope)
    told = read_trace(TRACES / f"{name}.jsonl")
    assert capsys.readouterr().out.split() == [str(len(told.events)), "events,", told.trailer["verdict"]]


def test_renewing_shows_where_traces_part_and_keeps_what_is_the_same(tool, tmp_path, capsys):
    name = "stuck-device"
    file = tool.reference(name, tmp_path)
    assert tool.main([name], tmp_path) == 0
    first = file.read_bytes()
    assert tool.main(["--check", name], tmp_path) == 0, "the same again"
    file.write_bytes(first.replace(b'"text":"MVSTOR', b'"text":"MOVE', 1))
    file.write_bytes(_with_its_digest(file.read_bytes()))
    changed = file.read_bytes()
    capsys.readouterr()
    assert tool.main(["--check", name], tmp_path) == 1
    out = capsys.readouterr().out
    assert "events are equal, then they part" in out
    assert "text: MOVE" in out
    assert file.read_bytes() == changed, "a check changes nothing"
    assert tool.main([name], tmp_path) == 0
    assert file.read_bytes().split(b"\n")[1:] == first.split(b"\n")[1:]


def _with_its_digest(data: bytes) -> bytes:
    import hashlib

    header, *events, trailer = data.splitlines(keepends=True)
    digest = hashlib.sha256(b"".join(events)).hexdigest().encode()
    return b"".join([header, *events, re.sub(rb'"digest":"\w+"', b'"digest":"' + digest + b'"', trailer)])


def test_traces_of_scenarios_that_are_gone_go_as_well(tool, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tool, "builtin_names", lambda: ["stuck-device"])
    (tmp_path / "old.jsonl").write_text("{}\n")
    assert tool.main(["--check"], tmp_path) == 1
    assert (tmp_path / "old.jsonl").exists()
    assert tool.main([], tmp_path) == 0
    assert [file.name for file in tmp_path.iterdir()] == ["stuck-device.jsonl"]
    assert "no such scenario any more" in capsys.readouterr().out
