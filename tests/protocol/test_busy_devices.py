from hypothesis import given
from hypothesis import strategies as st

from lparvm.config import BUSY_DEVICES_NAMED_MAX, BUSY_PAGES_NAMED_MAX, DEVICES_MAX
from lparvm.protocol.busy_devices import BusyDevice, describe, describe_all, names


def busy(number: int = 0x190, pages: tuple[tuple[int, int], ...] = ((1, 1), (5, 7))) -> BusyDevice:
    return BusyDevice(number, "IOP1", 1, "READ", 0x06, 0x1008, 4096, 3_000_000, pages)


def test_everything_about_a_busy_device_is_told():
    assert describe(busy()) == (
        "0190 on IOP1, path 1: READ (06), CCW at 0x1008, 4096 bytes left, active 3 ms, pages 1, 5-7"
    )


def test_one_page_and_none_are_told_as_such():
    assert describe(busy(pages=((9, 9),))).endswith(", page 9")
    assert describe(busy(pages=((9, 10),))).endswith(", pages 9-10")
    assert describe(busy(pages=())).endswith(", no pages")


def test_one_device_stands_in_the_line_of_the_message():
    assert describe_all([busy()]) == describe(busy())


@given(st.integers(2, BUSY_DEVICES_NAMED_MAX))
def test_several_devices_have_a_line_each(count: int):
    text = describe_all([busy(number) for number in range(count)])
    head, *lines = text.split("\n")
    assert head == ""
    assert [int(line.split()[0], 16) for line in lines] == list(range(count))
    assert all(line.startswith("  ") for line in lines)


def test_as_many_devices_as_a_machine_can_have_are_named():
    assert max(DEVICES_MAX, 256) <= BUSY_DEVICES_NAMED_MAX


def test_beyond_the_limit_devices_are_counted():
    devices = [busy(number) for number in range(BUSY_DEVICES_NAMED_MAX + 5)]
    lines = describe_all(devices).split("\n")
    assert lines[-1] == "  and 5 more"
    assert len(lines) == 1 + BUSY_DEVICES_NAMED_MAX + 1
    assert names(devices).endswith(" on IOP1, and 5 more")


def test_beyond_the_limit_pages_are_counted():
    pages = tuple((2 * page, 2 * page) for page in range(BUSY_PAGES_NAMED_MAX + 3))
    text = describe(busy(pages=pages))
    assert text.endswith(", and 3 more")
    assert str(pages[BUSY_PAGES_NAMED_MAX - 1][0]) in text


def test_names_are_short():
    assert names([busy(), busy(0x1A)]) == "0190 on IOP1, 001A on IOP1"
