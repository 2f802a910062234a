"""PAGE IN and PAGE OUT, as a guest's processor has them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lparvm.arch.address import Zone
from lparvm.arch.psw import Psw
from lparvm.arch.state_description import StateDescription
from lparvm.arch.storage_key import CHANGE, FETCH_PROTECTION, REFERENCE
from lparvm.guests import Processor, ProgramCode, ProgramInterruption
from lparvm.guests.processor import PagingCode
from lparvm.storage.access import Span
from lparvm.storage.expanded_storage import ExpandedStorage
from lparvm.storage.main_storage import MainStorage

PAGE = 4096
PAGES, BLOCKS = 4, 5
ORIGIN, FIRST = 3, 6
DONE, DATA_ERROR, NOT_AVAILABLE = PagingCode


def processor(key=0, expanded=True):
    state = StateDescription("LPAR1", "LIP1", 0, Zone(ORIGIN, PAGES), psw=Psw().with_key(key),
                             expanded_origin=FIRST, expanded_blocks=BLOCKS)  # fmt: skip
    return Processor(MainStorage(16), state, lip="LIP1", lip_count=1, seed=0, devices=(), options={},
                     report=lambda *_: None, expanded=ExpandedStorage(16) if expanded else None)  # fmt: skip


def pattern(seed):
    return np.random.default_rng(seed).integers(0, 256, PAGE, dtype=np.uint8)


def test_the_condition_codes_are_those_of_the_architecture():
    assert (int(DONE), int(DATA_ERROR), int(NOT_AVAILABLE)) == (0, 1, 3)


def test_a_page_goes_out_and_comes_in_elsewhere():
    cpu = processor()
    cpu.storage.frames[ORIGIN + 1] = pattern(1)
    assert cpu.page_out(1 * PAGE, 2) == 0
    assert (cpu._expanded.blocks[FIRST + 2] == pattern(1)).all(), "the guest's block 2 is in its area"
    assert cpu.page_in(3 * PAGE, 2) == 0
    assert (cpu.storage.frames[ORIGIN + 3] == pattern(1)).all()
    assert (cpu.storage.frames[ORIGIN + 1] == pattern(1)).all(), "paging out leaves the page"


def test_it_is_a_copy():
    cpu = processor()
    cpu.store(0, 1)
    cpu.page_out(0, 0)
    cpu.store(0, 2)
    cpu.page_in(PAGE, 0)
    cpu.store(PAGE, 3)
    cpu.page_in(2 * PAGE, 0)
    assert cpu.fetch(2 * PAGE) == 1


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, PAGES - 1), st.integers(0, BLOCKS - 1))),
       st.integers(0, 12))  # fmt: skip
def test_any_paging_does_to_area_and_zone_what_it_should_and_nothing_else(steps, origin):
    cpu = processor()
    cpu.storage.frames[:] = np.arange(16, dtype=np.uint8)[:, None]
    cpu._expanded.blocks[:] = np.arange(100, 116, dtype=np.uint8)[:, None]
    frames, blocks = list(range(16)), list(range(100, 116))
    cpu.state.zone = Zone(origin, PAGES)  # SIE at another origin: only main storage is elsewhere
    for into, page, block in steps:
        if into:
            assert cpu.page_in(page * PAGE, block) == DONE
            frames[origin + page] = blocks[FIRST + block]
        else:
            assert cpu.page_out(page * PAGE, block) == DONE
            blocks[FIRST + block] = frames[origin + page]
    assert cpu.storage.frames[:, 0].tolist() == frames
    assert cpu._expanded.blocks[:, 4095].tolist() == blocks


def test_the_rightmost_twelve_bits_of_the_address_are_ignored():
    cpu = processor()
    cpu.store(PAGE + 8, 7)
    assert cpu.page_out(PAGE + 0xFFF, 0) == DONE
    assert cpu.page_in(2 * PAGE + 1, 0) == DONE
    assert cpu.fetch(2 * PAGE + 8) == 7


def test_reference_and_change_bits_are_those_of_a_fetch_and_a_store():
    cpu = processor()
    cpu.set_keys(0, bytes([0x30, 0x50 | FETCH_PROTECTION, 0x71, 0]))
    cpu.page_out(0, 0)
    cpu.page_in(PAGE, 0)
    keys = cpu.keys_of(0, 4).tolist()
    assert keys == [0x30 | REFERENCE, 0x50 | FETCH_PROTECTION | REFERENCE | CHANGE, 0x71, 0]


def test_it_costs_an_instruction_a_word_and_is_in_the_account_of_accesses():
    cpu = processor()
    seen = []
    cpu.observer = lambda *access: seen.append(access)
    cpu.page_out(PAGE, 0)
    assert (cpu.instructions, cpu.take_span()) == (512, Span(512, 0, 4 * PAGE, 5 * PAGE - 1))
    cpu.page_in(0, 0)
    assert (cpu.instructions, cpu.take_span()) == (1024, Span(0, 512, 3 * PAGE, 4 * PAGE - 1))
    assert seen == [("fetch", PAGE, 4 * PAGE, PAGE), ("store", 0, 3 * PAGE, PAGE)]


@pytest.mark.parametrize("block", [-1, BLOCKS, BLOCKS + FIRST, 1 << 32, -FIRST])
@pytest.mark.parametrize("address", [0, 1 << 40])
def test_a_block_that_is_not_the_guests_is_not_available_whatever_the_address(block, address):
    cpu = processor(key=3)
    cpu._expanded.blocks[:] = 9
    assert cpu.page_in(address, block) == cpu.page_out(address, block) == NOT_AVAILABLE
    assert (cpu._expanded.blocks == 9).all()
    assert not cpu.storage.frames.any()
    assert not cpu.storage.keys.any()
    assert cpu.take_span() == Span()
    assert cpu.instructions == 2, "it is an instruction all the same"


def test_without_expanded_storage_no_block_is_available():
    cpu = processor(expanded=False)
    assert cpu.page_in(0, 0) == cpu.page_out(0, 0) == NOT_AVAILABLE
    cpu = processor()
    cpu.state.expanded_blocks = 0
    assert cpu.page_in(0, 0) == cpu.page_out(0, 0) == NOT_AVAILABLE
    assert cpu.expanded_blocks == 0


def test_a_faulty_block_is_a_data_error_and_leaves_both_storages_alone():
    cpu = processor()
    cpu.store(0, 7)
    cpu._expanded.fail_block(FIRST + 1)
    cpu.set_keys(0, bytes([0, 0]))
    assert cpu.page_out(0, 1) == cpu.page_in(0, 1) == DATA_ERROR
    assert cpu.keys_of(0, 2).tolist() == [0, 0]
    assert cpu.fetch(0) == 7
    assert not cpu._expanded.blocks.any()
    assert cpu.page_out(0, 2) == DONE, "the others are good"


@pytest.mark.parametrize("faulty", [False, True])
def test_a_bad_address_is_a_program_interruption_and_nothing_is_moved(faulty):
    cpu = processor(key=3)
    cpu.set_keys(0, bytes([0x30, 0x40, 0x40 | FETCH_PROTECTION, 0x30 | FETCH_PROTECTION]))
    cpu.storage.frames[:] = 5
    if faulty:
        cpu._expanded.fail_block(FIRST)
    for call, address, code in (
        (cpu.page_in, PAGES * PAGE, ProgramCode.ADDRESSING),
        (cpu.page_out, PAGES * PAGE, ProgramCode.ADDRESSING),
        (cpu.page_in, -PAGE, ProgramCode.ADDRESSING),
        (cpu.page_in, PAGE, ProgramCode.PROTECTION),
        (cpu.page_in, 2 * PAGE, ProgramCode.PROTECTION),
        (cpu.page_out, 2 * PAGE, ProgramCode.PROTECTION),
    ):
        with pytest.raises(ProgramInterruption) as caught:
            call(address, 0)
        assert (caught.value.code, caught.value.address) == (code, address), call
    assert not cpu._expanded.blocks.any()
    assert (cpu.storage.frames == 5).all()
    if not faulty:
        assert cpu.page_out(PAGE, 0) == DONE, "fetching is permitted without fetch protection"
        assert cpu.page_in(3 * PAGE, 0) == cpu.page_in(0, 0) == DONE
