import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lparvm.guests.stamps import (
    BLOCK_PAGES,
    GENERATIONS,
    Footprint,
    describe,
    make_head,
    make_heads,
    make_salt,
    stamp_block,
)

salts = st.integers(0, 1 << 32).map(make_salt)
lips = st.integers(0, 63)
generations = st.integers(0, 3 * GENERATIONS)


@given(
    salt=salts,
    first_page=st.integers(0, 1 << 20).map(lambda block: block * BLOCK_PAGES),
    shape=st.tuples(st.integers(1, BLOCK_PAGES), st.sampled_from([1, 4, 512])),
    lip_and_generation=st.tuples(lips, generations),
    data=st.data(),
)
def test_a_block_holds_the_stamp_of_each_of_its_words(salt, first_page, shape, lip_and_generation, data):
    (pages, lines), (lip, generation) = shape, lip_and_generation
    numbers = np.full((pages, lines), generation, dtype=np.uint64)
    numbers[-1, -1] += 1
    heads = make_heads(salt, numbers, np.uint64(lip))
    words = stamp_block(first_page, heads)
    place = data.draw(st.integers(0, pages * 512 - 1))
    last = place // (512 // lines) == pages * lines - 1
    index = first_page * 512 + place
    assert int(words[place]) == make_head(salt, generation + last, lip) ^ index


@given(salt=salts, one=st.tuples(lips, generations), other=st.tuples(lips, generations))
def test_stamps_differ_by_lip_generation_and_index_and_none_is_zero(salt, one, other):
    heads = [make_head(salt, generation, lip) for lip, generation in (one, other)]
    same = one[0] == other[0] and (one[1] - other[1]) % GENERATIONS == 0
    assert (heads[0] == heads[1]) == same
    for head in heads:
        for index in (0, 1, (1 << 37) - 1):
            assert 0 < head ^ index < 1 << 64


@given(salt=salts, lip=lips, generation=st.integers(0, GENERATIONS - 1), index=st.integers(0, (1 << 37) - 1))
def test_a_stamp_is_described_by_its_parts(salt, lip, generation, index):
    word = make_head(salt, generation, lip) ^ index
    assert describe(salt, word) == f"{word:#x} (LIP {lip}, generation {generation}, {index * 8:#x})"


def test_what_is_no_stamp_is_described_as_the_number_it_is():
    assert describe(make_salt(1), 0) == "0x0"


@given(salt=salts)
def test_stamps_of_neighbouring_words_are_neighbouring_numbers(salt):
    assert salt % 512 == 0


@given(
    extent=st.integers(0, 3000),
    pages_max=st.integers(1, 3000),
    block_pages=st.sampled_from([1, 4, BLOCK_PAGES]),
)
def test_a_footprint_has_distinct_pages_of_the_zone_and_keeps_its_bound(extent, pages_max, block_pages):
    footprint = Footprint.over(extent, pages_max, block_pages)
    if extent <= pages_max:
        assert footprint.page_count == extent
    else:
        assert 0 < footprint.page_count <= pages_max
    pages = [footprint.page(index) for index in range(footprint.page_count)]
    assert pages == sorted(set(pages))
    assert all(0 <= page < extent for page in pages)
    listed = [
        (index + offset, page + offset)
        for index, page, count in footprint.blocks()
        for offset in range(count)
    ]
    assert listed == list(enumerate(pages))
    for _, page, count in footprint.blocks():
        assert page % (1 << (count - 1).bit_length()) == 0, "a block's index bits never carry"


def test_a_spread_footprint_reaches_both_ends():
    footprint = Footprint.over(4096, 640)
    assert footprint.page(0) == 0
    assert footprint.page(footprint.page_count - 1) == 4095


@given(
    extent=st.integers(0, 600),
    pages_max=st.integers(1, 600),
    block_pages=st.sampled_from([1, 4, BLOCK_PAGES]),
    below=st.integers(0, 700),
)
def test_what_lies_below_an_extent_are_the_first_pages_of_a_footprint(extent, pages_max, block_pages, below):
    whole = Footprint.over(extent, pages_max, block_pages)
    part = whole.below(below)
    pages = [whole.page(index) for index in range(whole.page_count)]
    assert [part.page(index) for index in range(part.page_count)] == [page for page in pages if page < below]
    assert sum(count for _, _, count in part.blocks()) == part.page_count
