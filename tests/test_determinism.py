"""The same scenario and seed give the same trace, byte for byte but for the header, in any process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lparvm.machine import Options
from lparvm.trace.vocabulary import Level
from machines import TWO_LPARS, run_virtual

_RUN = """
import sys
from pathlib import Path
from lparvm import Options, parse_scenario, run
from lparvm.trace.vocabulary import Level
text = Path(sys.argv[1]).read_text()
report = run(parse_scenario(text), clock="virtual",
             options=Options(seed=int(sys.argv[3]), trace=Path(sys.argv[2]), level=Level[sys.argv[4]]))
print(report.digest, report.verdict)
"""


def _in_a_process(
    tmp_path: Path, hash_seed: str, seed: int = 0, level: str = "IO"
) -> tuple[str, list[bytes]]:
    scenario, trace = tmp_path / "scenario.toml", tmp_path / f"{hash_seed}-{seed}-{level}.jsonl"
    scenario.write_text(TWO_LPARS)
    done = subprocess.run(
        [sys.executable, "-c", _RUN, str(scenario), str(trace), str(seed), level],
        env={**os.environ, "PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.split()[0], trace.read_bytes().splitlines()


@pytest.mark.parametrize("level", ["PROTOCOL", "IO", "STORAGE"])
def test_two_processes_with_different_hash_seeds_write_the_same_trace(tmp_path: Path, level: str):
    first_digest, first = _in_a_process(tmp_path, "1", level=level)
    second_digest, second = _in_a_process(tmp_path, "4242", level=level)
    assert first_digest == second_digest
    assert first[1:] == second[1:], "only the header line may differ"
    assert len(first) > 50


def test_seeds_make_a_difference():
    digests = {run_virtual(seed=seed, level=Level.IO).digest for seed in range(4)}
    assert len(digests) == 4


def test_the_digest_is_the_same_with_and_without_a_file(tmp_path: Path):
    with_file = run_virtual(trace=tmp_path / "t.jsonl").digest
    assert run_virtual().digest == with_file
    assert f'"digest":"{with_file}"' in (tmp_path / "t.jsonl").read_text().splitlines()[-1]


def test_level_off_has_no_event_lines():
    report = run_virtual(level=Level.OFF)
    assert report.digest == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", (
        "SHA-256 of nothing"
    )
    assert report.verdict == "intact"
    assert Options().level is Level.PROTOCOL
