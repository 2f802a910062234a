"""Where two zones stand after they were exchanged (claims 7 and 14), and what frames that takes.

The lower zone L = `[a, a + l)` and the upper one U = `[b, b + u)`, in host absolute frames, may differ in
extent and may have a gap between them. Afterwards U stands at `[a, a + u)` and L at `[b + u - l, b + u)`: the
upper lands where the lower began, and the lower ends where the upper ended. What lies between stays between:
other zones there don't move, and as many frames are unused as before.

        a          a+l               b             b+u
        |--- L ---|        gap       |------ U ------|      before
        |------ U ------|      gap         |--- L ---|      after

The larger zone reaches `|u - l|` frames into the gap, or into its own old frames where the gap is smaller.
"""

from lparvm.arch.address import Zone


def exchange_targets(first: Zone, second: Zone) -> tuple[Zone, Zone]:
    """Where two zones stand after their exchange, in the order given."""
    lower, upper = in_order(first, second)
    of_upper = Zone(lower.origin, upper.extent)
    of_lower = Zone(upper.end - lower.extent, lower.extent)
    return (of_lower, of_upper) if first == lower else (of_upper, of_lower)


def frames_between_needed(first: Zone, second: Zone) -> tuple[Zone, ...]:
    """Frames between two zones that their exchange writes to, and that must be unused: none, or one area.

    This is the union of the targets without the union of the zones themselves.
    """
    lower, upper = in_order(first, second)
    longer = upper.extent - lower.extent
    if longer > 0:
        needed = Zone(lower.end, min(longer, upper.origin - lower.end))
    else:
        origin = max(lower.end, upper.origin + longer)
        needed = Zone(origin, upper.origin - origin)
    return (needed,) if needed.extent else ()


def in_order(first: Zone, second: Zone) -> tuple[Zone, Zone]:
    """Two zones that are neither empty nor overlap: the lower one, the upper one."""
    assert first.extent > 0 < second.extent, "a zone has at least one frame"
    assert not first.overlaps(second), "no frame lies in two zones"
    return (first, second) if first.origin < second.origin else (second, first)
