"""The LPAR frame and the map of storage as lines of text (patent Figs. 3A, 3B, 4A, 4B)."""

from collections.abc import Mapping, Sequence

from lparvm.arch.address import PAGE_BYTES
from lparvm.protocol import messages as m
from lparvm.protocol.relocation_record import Relocation
from lparvm.units import format_size

BAR_COLUMNS = 64
_MARKS = "123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def frame_lines(rows: Sequence[m.FrameRow], main_storage_bytes: int) -> tuple[str, ...]:
    """The LPAR frame: name, origin, size and gap of each LPAR, by origin."""
    head = f"{'LPAR':<16} {'origin':>8} {'size':>8} {'gap':>8}  state"
    lines = [f"main storage {format_size(main_storage_bytes)}", head]
    lines += [
        f"{row.name:<16} {_size(row.origin):>8} {_size(row.size):>8} {_size(row.gap):>8}  {row.state}"
        for row in rows
    ]
    return tuple(lines)


def storage_lines(rows: Sequence[m.FrameRow], main_storage_bytes: int) -> tuple[str, ...]:
    """The bar and its legend."""
    bar = storage_bar(rows, main_storage_bytes, BAR_COLUMNS)
    legend = "  ".join(f"{mark} {row.name}" for mark, row in zip(_MARKS, rows, strict=False))
    return (f"0 [{bar}] {format_size(main_storage_bytes)}", legend or "no LPAR")


def storage_bar(rows: Sequence[m.FrameRow], main_storage_bytes: int, columns: int) -> str:
    """Main storage from left to right: the mark of the LPAR (its place by origin), `.` where nothing is.

    A column shows what its middle belongs to, and every LPAR has one column at least.
    """
    cells = ["."] * columns
    frames = main_storage_bytes // PAGE_BYTES
    for position, row in enumerate(rows):
        mark = _MARKS[position % len(_MARKS)]
        first = row.origin * columns // frames
        last = max(first + 1, round((row.origin + row.size) * columns / frames))
        cells[first:last] = mark * (min(last, columns) - first)
    return "".join(cells)


def device_lines(devices: Mapping[int, tuple[str, str]]) -> tuple[str, ...]:
    """Devices by number: kind and IOP."""
    lines = [f"{number:04X}  {kind:<8} {iop}" for number, (kind, iop) in sorted(devices.items())]
    return tuple(lines) or ("no devices",)


def operation_lines(operations: Sequence[Relocation]) -> tuple[str, ...]:
    """Operations under way: id, LPAR, phase, target, share of pages across."""
    lines = [
        f"{one.op:<7} {one.lpar:<16} {one.phase:<12} to {_size(one.target.origin)}, "
        f"{100 * one.pages_across // one.source.extent}% across"
        for one in operations
    ]
    return tuple(lines) or ("no operations",)


def _size(frames: int) -> str:
    return format_size(frames * PAGE_BYTES)
