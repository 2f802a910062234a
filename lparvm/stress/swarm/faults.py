"""Draws what fails beside devices, and how finely work is cut up."""

from lparvm.dst.tape import Tape
from lparvm.stress.swarm.plan import Blow, Pace, StressFault

BLOWS_MAX = {"small": 2, "mixed": 8}
_US, _MS = 1_000, 1_000_000
_DURATIONS_NS = (50 * _US, 500 * _US, 3 * _MS, 20 * _MS)
_PHASES = (
    "",
    "QUIESCING",
    "QUIESCING",
    "RESTARTING",
    "MOVING",
    "NOTIFYING",
    "RESTARTING",
    "RESTARTING",
    "BACKING_OUT",
)
_KINDS = (
    (StressFault.CONTROL_DIES, 7), (StressFault.MOVER, 3), (StressFault.LIP_STUCK, 6), (StressFault.SALE_REFUSED, 3),
    (StressFault.FRAME, 4), (StressFault.DUPLICATE_ENDING, 2),
)  # fmt: skip


def draw_blows(tape: Tape, size: str, span_ns: int) -> tuple[Blow, ...]:
    """Faults within a span of time; none in half of the runs."""
    if not tape.stream("faults").chance(1, 2):
        return ()
    blows = []
    for place in range(BLOWS_MAX[size]):
        stream = tape.stream(f"fault.{place}")
        there = stream.chance(1, 2)
        kind = stream.weighted(_KINDS)
        at_ns = stream.draw(1000) * max(1, span_ns // 1000)
        number, duration_ns = stream.draw(64), stream.choice(_DURATIONS_NS)
        phase = stream.choice(_PHASES)
        if there:
            blows.append(Blow(kind, at_ns, number, duration_ns, phase))
    return tuple(blows)


def draw_pace(tape: Tape) -> tuple[Pace, int, int]:
    """How finely work is cut up; jumps of the clock and freezes in 100 windows."""
    stream = tape.stream("pace")
    pace = Pace(
        slice_max=stream.choice((200, 50, 10, 2)),
        chunk_pages_max=stream.choice((4096, 1, 2, 4)),
        points=stream.choice((0, 20, 100)),
        blocks_at_once=stream.choice((None, 1)),
        delays=stream.choice((0, 0, 10, 100)),
        echoes=stream.choice((0, 0, 10, 30)),
    )
    return pace, *stream.choice(((0, 0), (10, 0), (0, 20), (50, 50)))
