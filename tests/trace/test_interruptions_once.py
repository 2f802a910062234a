"""interruptions-once, by itself: what must be pending before SIE."""

from typing import Any

import pytest

from lparvm.trace.rules.interruptions import InterruptionsOnce


def told(event: str, **fields: Any) -> dict[str, Any]:
    return {"event": event, "t": 0, "seq": None, "actor": "IOP1", "op": "op.1", "lpar": "A", **fields}


ENDED = told("start.ended", device="0190", iop="IOP1", start=1)
QUIESCED = told("iop.quiesced", iop="IOP1")
BACKING_OUT = told("phase.entered", phase="BACKING_OUT")
SIE = told("sie.issued", lip="LIP1", origin_frame=0, extent_frames=4)
PENDING = told("interruption.pending", device="0190", number=1)


@pytest.mark.parametrize(
    ("events", "verdict"),
    [
        ((ENDED, QUIESCED, PENDING, SIE), "held"),
        ((ENDED, QUIESCED, SIE, PENDING), "broken"),
        ((QUIESCED, ENDED, SIE, PENDING), "held"),
        # The time was over and the guest is on its way back when the last start ends.
        ((BACKING_OUT, ENDED, QUIESCED, SIE, PENDING), "held"),
        ((BACKING_OUT, ENDED, {**QUIESCED, "op": "op.2"}, {**SIE, "op": "op.2"}, PENDING), "broken"),
    ],
)
def test_what_ended_before_the_quiesce_that_was_waited_for_is_pending_before_sie(events, verdict):
    checker = InterruptionsOnce()
    for event in events:
        checker.feed(event)
    assert str(checker.finish().verdict.value) == verdict
