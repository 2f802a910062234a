"""A machine of 64 GiB with a large zone that is hardly touched: it starts at once and uses memory for what is touched."""

import resource

import pytest

from lparvm.machine import Options
from lparvm.runner import Clock, run
from lparvm.scenario import parse_scenario
from machines import story

SPARSE = """
[machine]
main_storage = "64G"
[[lpar]]
name = "A"
origin = "0"
size = "16G"
guest = "hammer"
options = { footprint = "16M" }
[[command]]
at = "50ms"
text = "MVSTOR A HSA=8G"
[run]
duration = "100ms"
"""


@pytest.mark.parametrize("clock", ["real", "virtual"])
def test_16_gib_move_over_their_old_area_in_many_chunks_and_little_memory(clock: Clock):
    events: list[dict] = []
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = run(parse_scenario(SPARSE), clock=clock, options=Options(listeners=(events.append,)))
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
    assert report.verdict == "intact", story(report)
    chunks = [event for event in events if event["event"] == "chunk.moved"]
    assert len(chunks) > 10
    across = 0
    for chunk in chunks:
        across += chunk["pages"]
        assert chunk["pages_across"] == across, (
            "each chunk tells the cursor after it, not where the mover is by now"
        )
    assert grown_kib < 1 << 20, f"{grown_kib >> 10} MiB for 16 MiB that were touched"
