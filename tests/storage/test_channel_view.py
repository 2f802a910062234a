"""What a channel program may touch."""

import struct

import pytest

from lparvm.arch.address import PAGE_BYTES, Zone
from lparvm.arch.channel import SubchannelStatus
from lparvm.arch.storage_key import CHANGE, REFERENCE
from lparvm.storage.access import Span
from lparvm.storage.channel_view import ChannelCheck, ChannelView, TransferRefused
from lparvm.storage.main_storage import MainStorage

ORIGIN, EXTENT = 8, 4
END = EXTENT * PAGE_BYTES


class Sale:
    """The zone that SALE set last."""

    def __init__(self):
        self.zone = Zone(ORIGIN, EXTENT)


@pytest.fixture
def storage():
    with MainStorage(32) as storage:
        yield storage


@pytest.fixture
def sale():
    return Sale()


@pytest.fixture
def view(storage, sale):
    return ChannelView(storage, lambda: sale.zone, 3)


def refused(view, storage, access, *arguments):
    before = bytes(storage.buffer), bytes(storage.key_buffer), view.span, view.origin
    with pytest.raises(ChannelCheck) as caught:
        getattr(view, access)(*arguments)
    assert (bytes(storage.buffer), bytes(storage.key_buffer), view.span, view.origin) == before
    return caught.value.status, caught.value.address


def test_data_moves_at_the_origin_that_sale_gave(view, storage, sale):
    assert view.origin is None
    storage.keys[:] = 0x30
    view.store(PAGE_BYTES - 2, b"abcd")
    assert bytes(storage.frames[ORIGIN, -2:]) + bytes(storage.frames[ORIGIN + 1, :2]) == b"abcd"
    assert view.origin == ORIGIN
    sale.zone = Zone(20, EXTENT)
    assert view.fetch(PAGE_BYTES - 2, 4) == bytes(4)
    assert view.origin == 20


@pytest.mark.parametrize(
    ("address", "count", "outside"), [(-1, 4, -1), (END - 3, 4, END), (END, 1, END), (END + 9, 1, END + 9)]
)
def test_an_address_outside_the_zone_is_a_program_check_and_touches_nothing(
    view, storage, address, count, outside
):
    assert refused(view, storage, "fetch", address, count) == (SubchannelStatus.PROGRAM_CHECK, outside)
    assert refused(view, storage, "store", address, bytes(count)) == (SubchannelStatus.PROGRAM_CHECK, outside)


def test_a_protected_frame_is_a_protection_check_and_touches_nothing(view, storage):
    storage.keys[ORIGIN : ORIGIN + 2] = [0x30, 0x58]
    assert refused(view, storage, "store", 4000, bytes(200)) == (
        SubchannelStatus.PROTECTION_CHECK,
        PAGE_BYTES,
    )
    assert refused(view, storage, "fetch", 4200, 8) == (SubchannelStatus.PROTECTION_CHECK, 4200)
    storage.keys[ORIGIN + 1] = 0x50
    assert view.fetch(4200, 8) == bytes(8), "not fetch-protected"
    assert refused(view, storage, "store", 4200, b"1")[0] is SubchannelStatus.PROTECTION_CHECK


def test_key_0_is_master(storage, sale):
    storage.keys[:] = 0xF8
    view = ChannelView(storage, lambda: sale.zone, 0)
    view.store(0, b"x")
    assert view.fetch(0, 1) == b"x"


def test_reference_and_change_bits_are_set(view, storage):
    storage.keys[:] = 0x30
    view.fetch(0, PAGE_BYTES + 1)
    view.store(2 * PAGE_BYTES, b"1")
    expected = [0x30 | REFERENCE, 0x30 | REFERENCE, 0x30 | REFERENCE | CHANGE, 0x30]
    assert storage.keys[ORIGIN : ORIGIN + 4].tolist() == expected


def test_a_span_tells_what_was_touched_since_the_last_one(view, storage):
    storage.keys[:] = 0x30
    base = ORIGIN * PAGE_BYTES
    view.fetch(100, 8)
    view.store(512, bytes(512))
    assert view.take_span() == Span(fetches=2, stores=64, lowest_host=base + 100, highest_host=base + 1023)
    assert view.take_span() == Span()


def test_nothing_is_touched_by_no_bytes(view, storage):
    assert view.fetch(0, 0) == b""
    assert view.span == Span()
    assert not storage.keys.any()
    with pytest.raises(ValueError, match="expected 0 or more"):
        view.fetch(0, -1)


def test_accesses_of_every_kind_are_accounted_alike(view, storage):
    storage.keys[:] = 0x30
    view.store(8, bytes(range(16)))
    assert view.fetch_fields(8, struct.Struct(">HH")) == (0x0001, 0x0203)
    assert view.window(12, 3) == b"\x04\x05\x06"
    assert (view.span.fetches, view.span.stores) == (2, 2)


def test_a_window_is_storage_itself_and_only_for_a_store_writable(view, storage):
    storage.keys[:] = 0x30
    window = view.window(PAGE_BYTES - 1, 2, store=True)
    window[:] = b"ab"
    assert view.fetch(PAGE_BYTES - 1, 2) == b"ab"
    assert storage.keys[ORIGIN : ORIGIN + 3].tolist() == [0x36, 0x36, 0x30]
    with pytest.raises(TypeError):
        view.window(0, 8)[0] = 1
    storage.keys[:] = 0x40
    with pytest.raises(ChannelCheck):
        view.window(0, 8, store=True)


def test_a_faulty_frame_is_a_channel_data_check_and_touches_nothing(view, storage):
    storage.keys[:] = 0x30
    storage.fail_frame(ORIGIN + 2)
    storage.fail_frame(ORIGIN + EXTENT)
    check = (SubchannelStatus.CHANNEL_DATA_CHECK, 2 * PAGE_BYTES)
    assert refused(view, storage, "store", PAGE_BYTES, bytes(2 * PAGE_BYTES)) == check
    assert refused(view, storage, "fetch", 2 * PAGE_BYTES, 1) == check
    view.store(PAGE_BYTES, bytes(PAGE_BYTES))
    storage.repair_frame(ORIGIN + 2)
    assert view.fetch(2 * PAGE_BYTES, 1) == b"\0"


@pytest.mark.parametrize(
    ("access", "arguments"),
    [
        ("fetch", (16, 8)), ("store", (16, bytes(8))), ("window", (16, 8)),
        ("fetch_fields", (16, struct.Struct(">Q"))), ("fetch", (END, 8)),
    ],
)  # fmt: skip
def test_a_revoked_view_refuses_every_access_and_touches_nothing(view, storage, access, arguments):
    storage.keys[:] = 0x30
    view.fetch(0, 1)
    before = bytes(storage.buffer), bytes(storage.key_buffer), view.span, view.origin
    view.revoke()
    view.revoke()
    with pytest.raises(TransferRefused) as caught:
        getattr(view, access)(*arguments)
    assert (caught.value.address, caught.value.count) == (arguments[0], 8)
    assert (bytes(storage.buffer), bytes(storage.key_buffer), view.span, view.origin) == before


def test_a_new_origin_is_told_before_the_first_access_under_it(storage, sale):
    told = []
    view = ChannelView(storage, lambda: sale.zone, 0, lambda: told.append((view.origin, view.take_span())))
    view.store(0, bytes(8))
    sale.zone = Zone(ORIGIN, EXTENT + 1)
    view.store(8, bytes(8))
    assert told == []
    sale.zone = Zone(20, EXTENT)
    with pytest.raises(ChannelCheck):
        view.fetch(END, 1)
    assert told == [], "nothing was touched under the new origin"
    view.fetch(0, 8)
    base = ORIGIN * PAGE_BYTES
    assert told == [(ORIGIN, Span(stores=2, lowest_host=base, highest_host=base + 15))]
    assert view.origin == 20
    assert view.span == Span(fetches=1, lowest_host=20 * PAGE_BYTES, highest_host=20 * PAGE_BYTES + 7)


@pytest.mark.parametrize("frames", [1, 2, 17, 30])
def test_key_bits_of_all_frames_of_an_access_are_set_and_no_others(storage, frames):
    storage.keys[:] = 0x31
    view = ChannelView(storage, lambda: Zone(1, 31), 3)
    view.store(100, bytes(frames * PAGE_BYTES - 200))
    assert storage.keys.tolist() == [0x31] + [0x37] * frames + [0x31] * (31 - frames)
