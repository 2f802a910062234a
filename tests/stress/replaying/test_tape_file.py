"""The file of a failing seed: what is written is read; what is none is refused in one line."""

import json
from pathlib import Path

import pytest
from attrs import evolve

from lparvm.config import STRESS_TAPE_STREAMS_MAX
from lparvm.dst import Tape
from lparvm.errors import UsageError
from lparvm.stress.replaying.tape_file import Shown, TapeFile, load
from lparvm.stress.verdict import SeedJob

FILE = TapeFile(
    SeedJob(17, "pct:3", "skip-stop", "small"),
    Shown("failed", "guest-data", 'A: expected "1", found 2', "ab" * 32, 120, 5_000_000),
    Tape(given={"machine": (1, 0, 2), "schedule": (0,) * 90 + (1,)}),
)


def test_what_is_written_is_read(tmp_path: Path):
    path = tmp_path / "seed-17.json"
    FILE.write(path)
    read = load(path)
    assert (read.job, read.shown, read.tape.choices) == (FILE.job, FILE.shown, FILE.tape.choices)
    assert read.text() == FILE.text() == path.read_text()


def test_the_file_has_a_line_for_each_stream():
    assert '    "schedule": [-90, 1]' in FILE.text().splitlines(), FILE.text()


def test_the_tape_of_batches_stays_one(tmp_path: Path):
    batches = evolve(
        FILE, job=evolve(FILE.job, policy="seeded"), tape=Tape(given={"schedule": (1,)}, mode="batch")
    )
    batches.write(tmp_path / "t.json")
    assert load(tmp_path / "t.json").tape.mode == "batch"


def changed(**told: object) -> bytes:
    return json.dumps({**json.loads(FILE.text()), **told}).encode()


def within(part: str, **told: object) -> bytes:
    return changed(**{part: {**json.loads(FILE.text())[part], **told}})


STREAMS = {str(number): [1] for number in range(STRESS_TAPE_STREAMS_MAX + 1)}
BAD = {
    "no JSON": (b"\xff{", "this is no tape of a seed: not JSON"),
    "another file": (b'{"trace": "lparvm"}', "format 'lparvm.stress tape', as lparvm stress --keep"),
    "no object": (b"[1]", "this is no tape of a seed"),
    "nested without end": (b"[" * 100_000, "not JSON"),
    "the tape alone": (json.dumps(FILE.tape.as_json()).encode(), "this is no tape of a seed"),
    "a later format": (changed(version=2), "a tape file of version 2; expected 1"),
    "another swarm": (
        within("made_by", swarm=0),
        "from another version: made by swarm 0, and this is swarm 1",
    ),
    "another trio": (within("made_by", trio="0.20.0"), "made by trio 0.20.0, and this is trio "),
    "another lparvm": (within("made_by", lparvm="0.0.1"), "made by lparvm 0.0.1, and this is lparvm "),
    "made by nobody": (changed(made_by=None), "made by lparvm unknown, trio unknown, swarm unknown"),
    "no job": (changed(job=None), "damaged tape: job; expected an object with seed, policy, mutant, size"),
    "a job with more": (within("job", more=1), "damaged tape: job"),
    "a seed that is none": (within("job", seed=True), "job: seed True; expected a whole number"),
    "a size that is none": (within("job", size="huge"), "size 'huge'; expected small or mixed"),
    "a mutant that is none": (within("job", mutant="skip-stopp"), "there is no mutant 'skip-stopp'"),
    "a policy that is none": (within("job", policy="random"), "policy 'random'"),
    "what it showed, in words": (
        within("shown", steps="many"),
        "shown: steps 'many'; expected a whole number",
    ),
    "no tape": (changed(tape=None), "this is no choice tape"),
    "a stream that is none": (
        within("tape", streams={"machine": [1, "x"]}),
        "damaged tape: stream 'machine'",
    ),
    "too many streams": (within("tape", streams=STREAMS), "streams; expected 4096 at most"),
    "another mode": (within("tape", mode="batch"), "mode batch; expected step, by policy pct:3"),
}


@pytest.mark.parametrize(("data", "expected"), BAD.values(), ids=BAD)
def test_a_file_that_is_no_tape_is_refused_in_one_line(tmp_path: Path, data: bytes, expected: str):
    path = tmp_path / "seed-17.json"
    path.write_bytes(data)
    with pytest.raises(UsageError) as raised:
        load(path)
    told = str(raised.value)
    assert told.startswith(f"{path}: ")
    assert expected in told
    assert "\n" not in told


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(UsageError, match=r"no\.json: No such file or directory"):
        load(tmp_path / "no.json")
    with pytest.raises(UsageError, match="Is a directory"):
        load(tmp_path)
    with pytest.raises(UsageError, match="can't be written: No such file"):
        FILE.write(tmp_path / "nowhere" / "t.json")
