"""How long a guest stood still, split by phase. Parts add up to the whole, by construction and by a rule."""

from collections.abc import Sequence

from lparvm.protocol.phases import Phase


def split(entries: Sequence[tuple[Phase, int]], left_ns: int, sie_ns: int) -> dict[str, int]:
    """Parts of `[left_ns, sie_ns)` by phase.

    Args:
        entries: phases in order, each with the time it was entered (ns, run clock).
        left_ns: when the LIP left SIE.
        sie_ns: when it entered SIE again.

    Returns:
        phase name -> ns, in order, without empty parts; the sum is `sie_ns - left_ns`.
    """
    parts: dict[str, int] = {}
    for position, (phase, entered_ns) in enumerate(entries):
        # What comes before the first phase known belongs to it; what comes after the last one, to that.
        begin = left_ns if position == 0 else max(entered_ns, left_ns)
        end = sie_ns if position + 1 == len(entries) else min(entries[position + 1][1], sie_ns)
        if end > begin:
            parts[str(phase)] = parts.get(str(phase), 0) + end - begin
    return parts
