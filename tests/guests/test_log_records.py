from hypothesis import given
from hypothesis import strategies as st

from lparvm.guests.log_records import (
    HEAD_BYTES,
    Transaction,
    decode_record,
    encode_record,
    transactions_in,
)

WORDS = st.integers(0, (1 << 64) - 1)
SALT = 0xABCDEF << 30
TRANSACTIONS = st.lists(
    st.builds(Transaction, st.integers(0, (1 << 48) - 1), st.integers(0, (1 << 16) - 1), WORDS, WORDS),
    max_size=15,
)


@given(transactions=TRANSACTIONS, sequence=st.integers(0, 1 << 40), size=st.sampled_from([512, 1024, 4096]))
def test_a_record_gives_back_its_transactions(transactions, sequence, size):
    data = encode_record(SALT, 3, sequence, 100, size, transactions)
    assert len(data) == size
    assert decode_record(SALT, sequence, data) == transactions


@given(transactions=TRANSACTIONS, byte=st.integers(0, 511), bit=st.integers(0, 7))
def test_a_record_with_any_bit_flipped_is_none(transactions, byte, bit):
    data = bytearray(encode_record(SALT, 0, 5, 0, 512, transactions))
    data[byte] ^= 1 << bit
    assert decode_record(SALT, 5, bytes(data)) is None


def test_a_record_of_before_or_of_somebody_else_is_none():
    data = encode_record(SALT, 0, 5, 0, 512, [])
    assert decode_record(SALT, 5, data) == []
    assert decode_record(SALT, 6, data) is None
    assert decode_record(SALT ^ 1 << 50, 5, data) is None
    assert decode_record(SALT, 5, bytes(512)) is None


def test_a_full_record_is_full():
    assert transactions_in(512) == 15
    full = [Transaction(n, n, n, n) for n in range(15)]
    data = encode_record(SALT, 0, 1, 0, 512, full)
    assert decode_record(SALT, 1, data) == full
    assert HEAD_BYTES + 15 * 32 == 512
