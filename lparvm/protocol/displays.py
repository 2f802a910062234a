"""The LPAR frame and the map of storage as lines of text (patent Figs. 3A, 3B, 4A, 4B)."""

from collections.abc import Collection, Mapping, Sequence

from attrs import evolve, frozen

from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.config import RETIRED_NAMED_MAX
from lparvm.protocol import messages as m
from lparvm.protocol.lpar_entry import LparEntry
from lparvm.units import format_duration, format_size

BAR_COLUMNS = 64
# In the bar: a column with a frame that is out of use.
RETIRED_MARK = "x"
# A column that shows what an LPAR holds beside its zone.
BESIDE_MARK = "-"
# As many as there can be LPARs.
_MARKS = "123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvw#yz0+*"


@frozen
class OperationView:
    """An operation under way, as an operator sees it.

    Attributes:
        op: its id.
        kind: the command or what is done: MVSTOR, XCHSTOR, PLAN.
        lpars: the LPARs that it holds.
        phase: its phase; of a command made of several operations, the step it is at.
        target_text: where it leads, such as `to 192M`.
        percent: of its work, 0 to 100; None: its own operations tell.
        left_ns: estimate of the time until it ends; None: unknown.
    """

    op: str
    kind: str
    lpars: tuple[str, ...]
    phase: str
    target_text: str
    percent: int | None = 0
    left_ns: int | None = None


def frame_lines(
    rows: Sequence[m.FrameRow],
    main_storage_bytes: int,
    retired: Sequence[int] = (),
    lpars: Collection[LparEntry] = (),
) -> tuple[str, ...]:
    """The LPAR frame: name, origin, size and gap of each LPAR, by origin; expanded storage where one has any.

    Below them the frames that are out of use (`retired`, host absolute frames), and those of `lpars` that are only
    defined, where there are any.
    """
    expanded = has_expanded(rows)
    head = f"{'LPAR':<16} {'origin':>8} {'size':>8} {'gap':>8}" + expanded * f" {'expanded':>8}" + "  state"
    lines = [f"main storage {format_size(main_storage_bytes)}", head]
    for row in rows:
        line = f"{row.name:<16} {_size(row.origin):>8} {_size(row.size):>8} {_size(row.gap):>8}"
        lines.append(line + expanded * f" {_size(row.expanded):>8}" + f"  {row.state}")
    return (*lines, *retired_lines(rows, retired), *defined_lines(lpars))


def defined_lines(lpars: Collection[LparEntry]) -> tuple[str, ...]:
    """The line that names the LPARs that are defined and not active; none where there are none."""
    named = [f"{one.name} ({_size(one.plan.extent)}, {one.plan.guest})" for one in lpars if not one.active]
    return (f"defined: {', '.join(named)}",) if named else ()


def retired_lines(rows: Sequence[m.FrameRow], retired: Sequence[int]) -> tuple[str, ...]:
    """The line that names the frames out of use, and in which zone each lies; none where there are none."""
    named = []
    for frame in retired[:RETIRED_NAMED_MAX]:
        inside = "".join(f" in {row.name}" for row in rows if row.origin <= frame < row.origin + row.size)
        named.append(f"frame {frame} ({frame * PAGE_BYTES / (1 << 20):.1f}M){inside}")
    more = len(retired) - RETIRED_NAMED_MAX
    named += [f"and {more} more"] if more > 0 else []
    return (f"out of use: {', '.join(named)}",) if named else ()


def has_expanded(rows: Sequence[m.FrameRow]) -> bool:
    """Whether an LPAR has expanded storage: only then the frame has a column for it."""
    return any(row.expanded for row in rows)


def storage_lines(
    rows: Sequence[m.FrameRow],
    main_storage_bytes: int,
    retired: Sequence[int] = (),
    beside: Sequence[Zone] = (),
) -> tuple[str, ...]:
    """The bar and its legend."""
    bar = storage_bar(rows, main_storage_bytes, BAR_COLUMNS, retired, beside)
    legend = "  ".join(f"{mark_of(position)} {row.name}" for position, row in enumerate(rows)) or "no LPAR"
    legend += f"  {BESIDE_MARK} held beside a zone" if beside else ""
    legend += f"  {RETIRED_MARK} out of use" if retired else ""
    return (f"0 [{bar}] {format_size(main_storage_bytes)}", legend)


def mark_of(position: int) -> str:
    """The mark of the LPAR that is at this position by origin."""
    return _MARKS[position % len(_MARKS)]


def storage_bar(
    rows: Sequence[m.FrameRow],
    main_storage_bytes: int,
    columns: int,
    retired: Sequence[int] = (),
    beside: Sequence[Zone] = (),
) -> str:
    """Main storage from left to right: the mark of the LPAR (its place by origin), `.` where nothing is.

    Areas that LPARs hold `beside` their zones are shown where they cover a column's middle.

    A column shows what its middle belongs to; an LPAR too small for that takes one column from what is
    beside it, so that every LPAR has one. With more LPARs than columns the highest are not shown. A column
    with a frame that is out of use (`retired`) shows that instead.
    """
    frames = main_storage_bytes // PAGE_BYTES
    shown = rows[:columns]
    spans = [
        [_middles_below(row.origin, frames, columns), _middles_below(row.origin + row.size, frames, columns)]
        for row in shown
    ]
    begin = 0
    for span in spans:  # upwards: none begins before the one below it ends, and each has a column
        span[0] = max(span[0], begin)
        begin = span[1] = max(span[1], span[0] + 1)
    end = columns
    for span in reversed(spans):  # downwards: back below the end of the bar
        span[1] = min(span[1], end)
        end = span[0] = min(span[0], span[1] - 1)
    cells = ["."] * columns
    for area in beside:
        first, last = (_middles_below(frame, frames, columns) for frame in (area.origin, area.end))
        cells[first:last] = BESIDE_MARK * (last - first)
    for mark, (first, last) in zip(_MARKS, spans, strict=False):
        cells[first:last] = mark * (last - first)
    for frame in retired:
        cells[frame * columns // frames] = RETIRED_MARK
    return "".join(cells)


def _middles_below(frame: int, frames: int, columns: int) -> int:
    """How many columns have their middle below the frame."""
    return (2 * frame * columns + frames - 1) // (2 * frames)


def device_lines(
    devices: Mapping[int, tuple[str, str]],
    paths: Mapping[int, tuple[str, ...]],
    varied_off: Collection[tuple[str, int]] = (),
) -> tuple[str, ...]:
    """Devices by number: kind, and whether each path is varied on.

    Args:
        devices: number -> (kind, IOPs as text).
        paths: number -> its IOPs.
        varied_off: (IOP, device) of the paths that are varied off.
    """
    lines = []
    for number, (kind, _) in sorted(devices.items()):
        states = [f"{iop} {'off' if (iop, number) in varied_off else 'on'}" for iop in paths.get(number, ())]
        lines.append(f"{number:04X}  {kind:<8} {', '.join(states) or 'no path'}")
    return tuple(lines) or ("no devices",)


def with_failed(rows: Sequence[m.FrameRow], failed: Collection[str]) -> tuple[m.FrameRow, ...]:
    """The frame, with the state of LPARs whose guest can't go on; one that is check-stopped stays so."""
    return tuple(
        evolve(row, state="failed") if row.name in failed and row.state != "check-stopped" else row
        for row in rows
    )


def operation_lines(operations: Sequence[OperationView]) -> tuple[str, ...]:
    """Operations under way: id, what is done, LPARs, phase, target, percent, time left as far as it is known."""
    widths = [8, 10, 16, 12]  # at least; longer words make their column wider
    for one in operations:
        cells = (one.op, one.kind, ", ".join(one.lpars), one.phase)
        widths = [max(width, len(cell)) for width, cell in zip(widths, cells, strict=True)]
    lines = []
    for one in operations:
        cells = (one.op, one.kind, ", ".join(one.lpars), one.phase)
        percent = "" if one.percent is None else f"{one.percent} %"
        left = "" if one.left_ns is None else f"about {format_duration(one.left_ns)} left"
        told = ", ".join(filter(None, (one.target_text, percent, left)))
        columns = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        lines.append(" ".join([*columns, told]))
    return tuple(lines) or ("no operations",)


def _size(frames: int) -> str:
    return format_size(frames * PAGE_BYTES)
