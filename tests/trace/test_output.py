"""What is written is readable, on every way out, compressed or not."""

import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard

from lparvm.errors import UsageError
from lparvm.trace.output import Output
from lparvm.trace.reader import open_trace, read_trace
from lparvm.trace.writer import Trace

ENDINGS = ["", ".gz", ".zst"]


def unpacked(path):
    data = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(data)
    return zstandard.ZstdDecompressor().decompressobj().decompress(data) if path.suffix == ".zst" else data


@pytest.fixture(params=ENDINGS, ids=lambda ending: ending or "plain")
def path(request, tmp_path):
    return tmp_path / f"run.jsonl{request.param}"


def write(path, count=2_000):
    with Trace(now_ns=lambda: 5, path=path) as trace:
        log = trace.logger("SVP")
        for number in range(count):
            log.emit("command.received", op=f"op.{number}", text="DISPLAY FRAME")
    return trace


def test_the_name_says_how_a_file_is_compressed(path):
    trace = write(path)
    lines = unpacked(path).splitlines()
    assert len(lines) == 2_002
    assert json.loads(lines[-1])["digest"] == trace.digest
    told = read_trace(path)
    assert len(told.events) == 2_000
    assert not told.cut_off


def test_compression_makes_a_file_much_smaller(tmp_path):
    sizes = []
    for ending in ENDINGS:
        path = tmp_path / f"run.jsonl{ending}"
        write(path)
        sizes.append(path.stat().st_size)
    assert max(sizes[1:]) * 10 < sizes[0]


@pytest.mark.parametrize("name", ["run.JSONL.GZ", "run.Zst"])
def test_the_case_of_an_ending_does_not_matter(tmp_path, name):
    write(tmp_path / name, 1)
    assert (tmp_path / name).read_bytes()[:2] in (b"\x1f\x8b", b"\x28\xb5")
    assert len(read_trace(tmp_path / name).events) == 1


def test_the_same_events_give_the_same_bytes(path, tmp_path):
    other = tmp_path / f"other{path.suffix}"
    write(path, 50)
    write(other, 50)
    assert path.read_bytes() == other.read_bytes(), "no time, no file name in it"


PROGRAM = """
import os, signal, sys
from pathlib import Path
from lparvm.trace.writer import Trace
trace = Trace(now_ns=lambda: 5, path=Path(sys.argv[1]))
log = trace.logger("SVP")
for number in range(3000):
    log.emit("command.received", op=f"op.{number}", text="DISPLAY FRAME")
"""


def left_by(path, ending):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM + ending, str(path)], check=False, capture_output=True
    )
    with open_trace(path) as trace:
        return done.returncode, sum(1 for _ in trace), trace


def test_a_process_that_is_killed_leaves_a_readable_prefix(path):
    code, events, trace = left_by(path, "os.kill(os.getpid(), signal.SIGKILL)")
    assert code == -signal.SIGKILL
    assert 1_500 < events < 3_000, "all but the last block"
    assert trace.cut_off
    expected = int(path.suffix in (".gz", ".zst"))
    assert trace.problem_count == expected, "of compressed data, that they end early"


@pytest.mark.parametrize(
    "ending",
    ["", "raise SystemExit(3)", "raise RuntimeError", "raise KeyboardInterrupt"],
    ids=["end", "exit", "crash", "interrupt"],
)
def test_a_process_that_forgets_to_close_leaves_every_event_and_no_trailer(path, ending):
    _, events, trace = left_by(path, ending)
    assert (events, trace.cut_off, trace.problems) == (3_000, True, [])


def test_what_is_flushed_can_be_read_at_once(path):
    trace = Trace(now_ns=lambda: 5, path=path)
    trace.logger("SVP").emit("command.received", op="op.1", text="x")
    trace.flush()
    with open_trace(path) as reader:
        assert [event["op"] for event in reader] == ["op.1"]
    trace.close("intact")


@pytest.mark.parametrize("kind", [".gz", ".zst"])
def test_a_full_disk_is_told_in_one_line_also_when_compressing(tmp_path, kind):
    path = tmp_path / f"full{kind}"
    path.symlink_to("/dev/full")
    with pytest.raises(UsageError, match=r"^trace file .*: cannot be written: No space left on device$"):
        Trace(now_ns=lambda: 5, path=path)


def test_a_pipe_takes_a_trace_as_well():
    read, written = os.pipe()
    write(Path(f"/dev/fd/{written}"), 1)
    os.close(written)
    with os.fdopen(read, "rb") as pipe:
        assert len(pipe.read().splitlines()) == 3


def test_nothing_is_written_after_the_end(tmp_path):
    output = Output(tmp_path / "x.gz")
    output.write(b"one\n")
    output.close()
    size = (tmp_path / "x.gz").stat().st_size
    output.write(b"two\n")
    output.close()
    assert (tmp_path / "x.gz").stat().st_size == size
