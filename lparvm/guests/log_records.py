"""A write-ahead log's records: transactions in big-endian words, with check words.

    record        head: stamp, sequence, transactions, check word over all of it; transactions; filling stamps
    transaction   number << 16 | key, old value, new value, check word

A record is told from what lay there before by its sequence, and from what another writer wrote by the salt.
"""

import hashlib
import struct
from collections.abc import Sequence

from attrs import frozen

from lparvm.guests.records import record_bytes
from lparvm.guests.stamps import WORD_SHIFT

TRANSACTION_BYTES = 32
HEAD_BYTES = 32
KEY_BITS = 16
_KEY_MASK = (1 << KEY_BITS) - 1
_NUMBER_MASK = (1 << 64 - KEY_BITS) - 1
_transaction = struct.Struct(">QQQ")
_word = struct.Struct(">Q")
_COUNT_AT, _CHECK_AT = 2 << WORD_SHIFT, 3 << WORD_SHIFT


@frozen
class Transaction:
    """One change of the table.

    Attributes:
        number: of the transaction, ascending.
        key: index of the table's entry.
        old: the entry before.
        new: the entry after.
    """

    number: int
    key: int
    old: int
    new: int

    def encode(self, salt: int) -> bytes:
        """The bytes in a record."""
        words = _transaction.pack((self.number & _NUMBER_MASK) << KEY_BITS | self.key, self.old, self.new)
        return words + _check(salt, words)


def transactions_in(size: int) -> int:
    """How many transactions a record of `size` bytes holds."""
    return (size - HEAD_BYTES) // TRANSACTION_BYTES


def encode_record(
    salt: int, lip: int, sequence: int, block: int, size: int, transactions: Sequence[Transaction]
) -> bytes:
    """A record of `size` bytes that goes to a block of the disk."""
    filling = record_bytes(salt, lip, sequence, block, size)
    body = b"".join(transaction.encode(salt) for transaction in transactions)
    head = filling[: 1 << WORD_SHIFT] + _word.pack(sequence) + _word.pack(len(transactions))
    rest = body + filling[HEAD_BYTES + len(body) :]
    return head + _check(salt, head + rest) + rest


def decode_record(salt: int, sequence: int, data: bytes) -> list[Transaction] | None:
    """The transactions of a record, if it is whole and has this sequence; else None."""
    head, rest = data[:_CHECK_AT], data[HEAD_BYTES:]
    (found,) = _word.unpack_from(head, 1 << WORD_SHIFT)
    (count,) = _word.unpack_from(head, _COUNT_AT)
    if found != sequence or data[_CHECK_AT:HEAD_BYTES] != _check(salt, head + rest):
        return None
    if count > transactions_in(len(data)):
        return None
    transactions = []
    for place in range(0, count * TRANSACTION_BYTES, TRANSACTION_BYTES):
        first, old, new = _transaction.unpack_from(rest, place)
        words = rest[place : place + _transaction.size]
        if rest[place + _transaction.size : place + TRANSACTION_BYTES] != _check(salt, words):
            return None
        transactions.append(Transaction(first >> KEY_BITS, first & _KEY_MASK, old, new))
    return transactions


def _check(salt: int, data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=8, key=_word.pack(salt)).digest()
