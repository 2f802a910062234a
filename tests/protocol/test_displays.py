from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.config import LPARS_MAX, RETIRED_NAMED_MAX
from lparvm.protocol import messages as m
from lparvm.protocol.displays import (
    BAR_COLUMNS,
    OperationView,
    device_lines,
    frame_lines,
    operation_lines,
    storage_bar,
    storage_lines,
    with_failed,
)
from lparvm.protocol.lpar_entry import NO_ZONE, Definition, LparEntry, Stage

M = 256  # frames of a MiB
FIGURE_3 = (
    m.FrameRow("LPAR1", 0, 128 * M, 0, "active"),
    m.FrameRow("LPAR2", 128 * M, 256 * M, 125 * M, "moving"),
)
STORAGE = 509 << 20


@st.composite
def frames(draw: st.DrawFn) -> tuple[tuple[m.FrameRow, ...], int]:
    """LPARs by origin, none overlapping, and the frames of the storage they are in."""
    parts = draw(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), max_size=20))
    rest = draw(st.sampled_from((0, 1, 1000, 1_000_000)))
    rows, at = [], 0
    for number, (gap, size) in enumerate(parts):
        rows.append(m.FrameRow(f"LPAR{number}", at + gap, size, 0, "active"))
        at += gap + size
    return tuple(rows), max(1, at + rest)


def test_the_frame_of_figure_3_is_shown_as_in_the_patent():
    assert frame_lines(FIGURE_3, STORAGE) == (
        "main storage 509M",
        "LPAR               origin     size      gap  state",
        "LPAR1                   0     128M        0  active",
        "LPAR2                128M     256M     125M  moving",
    )


def test_expanded_storage_has_a_column_where_an_lpar_has_any():
    rows = (FIGURE_3[0], evolve(FIGURE_3[1], expanded=16 * M))
    assert frame_lines(rows, STORAGE)[1:] == (
        "LPAR               origin     size      gap expanded  state",
        "LPAR1                   0     128M        0        0  active",
        "LPAR2                128M     256M     125M      16M  moving",
    )
    assert storage_lines(rows, STORAGE) == storage_lines(FIGURE_3, STORAGE), "the bar is of main storage"


def test_the_bar_of_figure_3_shows_what_the_middle_of_each_column_belongs_to():
    bar, legend = storage_lines(FIGURE_3, STORAGE)
    assert bar == f"0 [{'1' * 16}{'2' * 32}{'.' * 16}] 509M"
    assert legend == "1 LPAR1  2 LPAR2"


def test_an_empty_machine_says_so():
    assert storage_lines((), STORAGE) == (f"0 [{'.' * BAR_COLUMNS}] 509M", "no LPAR")
    assert device_lines({}, {}) == ("no devices",)
    assert operation_lines(()) == ("no operations",)


@given(frames(), st.integers(20, 80))
def test_every_lpar_has_a_column_and_they_stand_in_order(
    storage: tuple[tuple[m.FrameRow, ...], int], columns: int
):
    rows, frame_count = storage
    bar = storage_bar(rows, frame_count * PAGE_BYTES, columns)
    assert len(bar) == columns
    marks = "".join(dict.fromkeys(bar.replace(".", "")))
    assert marks == "123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[: len(rows)], bar
    for mark in marks:
        assert bar.strip(".").count(mark) == bar.rindex(mark) - bar.index(mark) + 1, f"{mark} is torn: {bar}"


@given(frames(), st.integers(1, 80))
def test_a_column_shows_what_its_middle_belongs_to_where_all_are_large_enough(
    storage: tuple[tuple[m.FrameRow, ...], int], columns: int
):
    rows, frame_count = storage
    naive = ""
    for column in range(columns):
        # The middle is at (column + 1/2) * frames / columns; doubled, to stay in integers.
        middle = (2 * column + 1) * frame_count
        inside = [
            number for number, row in enumerate(rows, start=1)
            if 2 * row.origin * columns <= middle < 2 * (row.origin + row.size) * columns
        ]  # fmt: skip
        naive += "123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[inside[0] - 1] if inside else "."
    if len(set(naive) - {"."}) == len(rows):
        assert storage_bar(rows, frame_count * PAGE_BYTES, columns) == naive


@given(st.integers(1, 8), st.integers(9, 30))
def test_more_lpars_than_columns_don_t_overflow_the_bar(columns: int, lpars: int):
    rows = [m.FrameRow(f"LPAR{number}", number, 1, 0, "active") for number in range(lpars)]
    bar = storage_bar(rows, lpars * PAGE_BYTES, columns)
    assert bar == "123456789"[:columns]


def test_as_many_lpars_as_there_can_be_have_a_column_and_a_mark_each():
    rows = [m.FrameRow(f"L{number}", number, 1, 0, "active") for number in range(LPARS_MAX)]
    bar, legend = storage_lines(rows, 1 << 40)
    marks = bar[bar.index("[") + 1 : bar.index("]")]
    assert len(set(marks)) == LPARS_MAX, "tiny LPARs at the bottom of a large storage are all shown"
    assert [entry.split()[1] for entry in legend.split("  ")] == [row.name for row in rows]


def test_devices_are_listed_by_number_in_hex_with_their_paths():
    devices = {0x191: ("fault", "IOP2"), 0x0F: ("disk", "IOP1, IOP2"), 0x1: ("null", "")}
    paths = {0x191: ("IOP2",), 0x0F: ("IOP1", "IOP2")}
    assert device_lines(devices, paths, [("IOP2", 0x0F), ("IOP1", 0x191)]) == (
        "0001  null     no path",
        "000F  disk     IOP1 on, IOP2 off",
        "0191  fault    IOP2 on",
    )


def test_a_failed_guest_shows_in_the_frame_but_not_over_a_check_stop():
    lost = m.FrameRow("LPAR3", 400 * M, M, 0, "check-stopped")
    rows = with_failed((*FIGURE_3, lost), ("LPAR3", "LPAR2"))
    assert [row.state for row in rows] == ["active", "failed", "check-stopped"]
    assert with_failed(FIGURE_3, ()) == FIGURE_3


def test_operations_show_phase_target_percent_and_time_left():
    moving = OperationView("op.3", "MVSTOR", ("LPAR2",), "MOVING", "to 192M", 25, 1_500_000_000)
    exchange = OperationView("op.4.1", "XCHSTOR", ("A", "B"), "STOPPING", "A to 0, B to 64M", 1)
    plan = OperationView("op.4", "PLAN", ("A", "B"), "step 1 of 2", "PLAN FREE 64M", percent=None)
    loading = OperationView("op.5", "IPL", ("A",), "LOADING", "", 50)
    assert operation_lines((moving, plan, exchange, loading)) == (
        "op.3     MVSTOR     LPAR2            MOVING       to 192M, 25 %, about 1.5 s left",
        "op.4     PLAN       A, B             step 1 of 2  PLAN FREE 64M",
        "op.4.1   XCHSTOR    A, B             STOPPING     A to 0, B to 64M, 1 %",
        "op.5     IPL        A                LOADING      50 %",
    )


def test_frames_out_of_use_are_named_with_the_zone_they_lie_in():
    lines = frame_lines(FIGURE_3, STORAGE, (1234, 400 * M))
    assert lines[:-1] == frame_lines(FIGURE_3, STORAGE)
    assert lines[-1] == "out of use: frame 1234 (4.8M) in LPAR1, frame 102400 (400.0M)"


def test_very_many_frames_out_of_use_are_counted():
    (line,) = frame_lines((), STORAGE, range(RETIRED_NAMED_MAX + 3))[2:]
    assert line.count("frame ") == RETIRED_NAMED_MAX
    assert line.endswith(", and 3 more")


@given(frames(), st.integers(1, 80), st.data())
def test_the_bar_marks_each_column_with_a_frame_out_of_use_and_no_other(
    storage: tuple[tuple[m.FrameRow, ...], int], columns: int, data: st.DataObject
):
    rows, frame_count = storage
    retired = data.draw(st.lists(st.integers(0, frame_count - 1), max_size=5))
    plain = storage_bar(rows, frame_count * PAGE_BYTES, columns)
    marked = storage_bar(rows, frame_count * PAGE_BYTES, columns, retired)
    expected = {frame * columns // frame_count for frame in retired}
    assert {column for column, mark in enumerate(marked) if mark == "x"} == expected
    assert all(
        one == other or column in expected
        for column, (one, other) in enumerate(zip(plain, marked, strict=True))
    )


def test_the_legend_explains_the_mark_only_where_it_is_used():
    assert storage_lines(FIGURE_3, STORAGE, (0,))[1] == "1 LPAR1  2 LPAR2  x out of use"
    assert storage_lines(FIGURE_3, STORAGE)[1] == "1 LPAR1  2 LPAR2"


def test_operations_are_aligned_also_where_words_are_long():
    views = (
        OperationView("op.1", "IPL", ("A",), "STOPPING", "", 0),
        OperationView("op.12345.1", "XCHSTOR", ("ABCDEFGHIJKLMNOP", "B"), "MOVING", "A to 8M", 5),
    )
    first, second = operation_lines(views)
    for word, other in (("IPL", "XCHSTOR"), ("A ", "ABCDEFG"), ("STOPPING", "MOVING"), ("0 %", "A to 8M")):
        assert first.index(word, first.index("IPL")) == second.index(other)


def test_the_frame_names_the_lpars_that_are_only_defined():
    defined = LparEntry("Q", NO_ZONE, (), (), stage=Stage.DEFINED, definition=Definition(256, guest="hammer"))
    active = LparEntry("LPAR1", Zone(0, 256), (), ())
    lines = frame_lines(FIGURE_3, STORAGE, lpars=(active, defined))
    assert lines == (*frame_lines(FIGURE_3, STORAGE), "defined: Q (1M, hammer)")
    assert frame_lines(FIGURE_3, STORAGE, lpars=(active,)) == frame_lines(FIGURE_3, STORAGE)
