"""The LPAR frame on the terminal."""

import io

from rich.console import Console

from lparvm.console.render import frame
from lparvm.protocol.messages import FrameRow

M = 256  # frames of a MiB


def shown(*rows: FrameRow, retired: tuple[int, ...] = ()) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=100).print(frame("before", rows, 509 * M, retired))
    return out.getvalue().splitlines()


def test_without_expanded_storage_there_is_no_column_for_it():
    title, head, row, bar = shown(FrameRow("LPAR1", 0, 128 * M, 381 * M, "active"))
    assert title == "before"
    assert head.split() == ["LPAR", "origin", "size", "gap", "state"]
    assert row.split() == ["1", "LPAR1", "0", "128M", "381M", "active"]
    assert bar.startswith("0 1111")
    assert bar.endswith(" 509M")


def test_expanded_storage_has_a_column_where_an_lpar_has_any():
    lines = shown(
        FrameRow("LPAR1", 0, 128 * M, 0, "active"), FrameRow("LPAR2", 128 * M, M, 380 * M, "moving", 16 * M)
    )
    assert lines[1].split() == ["LPAR", "origin", "size", "gap", "expanded", "state"]
    assert lines[2].split() == ["1", "LPAR1", "0", "128M", "0", "0", "active"]
    assert lines[3].split() == ["2", "LPAR2", "128M", "1M", "380M", "16M", "moving"]
    assert lines[2].rindex("0") == lines[1].index("expanded") + 7, "to the right, as sizes are"


def test_a_frame_out_of_use_is_marked_and_named():
    *_, bar, line = shown(FrameRow("LPAR1", 0, 128 * M, 381 * M, "active"), retired=(1, 509 * M - 1))
    assert (bar[2], bar[-6]) == ("x", "x"), bar
    assert line == "out of use: frame 1 (0.0M) in LPAR1, frame 130303 (509.0M)"
