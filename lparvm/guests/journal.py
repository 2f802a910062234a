"""`journal`: a table with a write-ahead log on a disk, whose records are committed in groups.

LIP `i` drives the LPAR's device `i`, all with the same blocks; a LIP without a device does the same in storage
only. Everything the channel programs use lies in guest storage (`journal_lane`): a relocation between a start and
its end must leave the IOP with the right frames.

Some transactions are put into the log's buffers, one channel program writes all of them, and only then are they
applied to the table. Now and then the table itself goes to the disk, as a *checkpoint*, to one of two places in
turn, and the log before it may be overwritten. Before many of them the guest *recovers*: it reads the last
checkpoint and the log back and makes the table again, from nothing but that. It must be the same.

While the I/O runs, the LIP goes on storing into the lines around the records, in the same pages. Of the records
themselves it keeps away, as any program must.
"""

from collections.abc import Generator
from typing import Any

from attrs import Factory, define

from lparvm.arch.address import PAGE_SHIFT
from lparvm.arch.channel import CCW_ADDRESS_MAX
from lparvm.arch.interception import WaitForInterruption
from lparvm.arch.subchannel import Orb
from lparvm.config import DISK_BLOCK_BYTES
from lparvm.guests.annex import AnnexGuest
from lparvm.guests.base import GuestSetup
from lparvm.guests.driver import TOLERATE, Driver
from lparvm.guests.journal_lane import Lane
from lparvm.guests.log_records import KEY_BITS, Transaction, decode_record, encode_record, transactions_in
from lparvm.guests.processor import Processor
from lparvm.guests.python_guest import Program
from lparvm.guests.records import Area, digest_of, unread
from lparvm.guests.stamps import WORD_SHIFT, describe, make_salt
from lparvm.options import Kind, Option, boolean, integer, power_of_two
from lparvm.units import format_size, parse_size

RECORD_BYTES_MAX = 32 << 10
GROUP_MAX = 16
STORAGE_ONLY_WAIT_NS = 1_000_000
_CHECKPOINTS = 2
_TRANSACTIONS_MAX = 64
_TRANSACTIONS_AT_ONCE = 16


def record_size(maximum: int) -> Kind:
    """Sizes of whole blocks."""

    def parse(value: Any) -> int:
        size = parse_size(value)
        if size % DISK_BLOCK_BYTES or not DISK_BLOCK_BYTES <= size <= maximum:
            raise ValueError(value)
        return size

    return Kind(f"a multiple of {DISK_BLOCK_BYTES} bytes, {maximum} at most, such as 2K", parse, format_size)


@define
class _Group:
    """Records that are written together.

    Attributes:
        block: where they begin on the disk.
        sequence: of the first record.
        records: their bytes.
        transactions: what is in them.
    """

    block: int
    sequence: int
    records: list[bytes] = Factory(list)
    transactions: list[Transaction] = Factory(list)


@define
class _Log:
    """What a LIP knows of its log.

    Attributes:
        lane: the storage used.
        transactions: how many there were.
        records: how many there were.
        place: of the next group in the log.
        written: the groups since the last checkpoint.
        checkpoint: which of the two places holds the last one.
        table: the table as of then.
    """

    lane: Lane
    transactions: int = 0
    records: int = 0
    place: int = 0
    written: list[_Group] = Factory(list)
    checkpoint: int = 0
    table: bytes = b""


class Journal(AnnexGuest):
    """Commits transactions to a write-ahead log on a disk, and makes its table again from what it reads back."""

    OPTIONS = (
        Option("first_block", integer(0, 1 << 30), 0, "First 512-byte block of the disk to be used."),
        Option("blocks", integer(1, 1 << 20), 64, "Blocks used from there on."),
        Option("record", record_size(RECORD_BYTES_MAX), 1024, "Bytes of a log record."),
        Option("group", integer(1, GROUP_MAX), 2, "Log records that one channel program writes."),
        Option("keys", power_of_two(64, 1 << KEY_BITS - 4), 128, "Entries of the table."),
        Option("checkpoint", integer(1, 1 << 16), 8,
               "Groups after which the table is written, or before, as the log goes round."),
        Option("reserve", boolean(), False, "Whether the disk is reserved while a group is committed."),
        TOLERATE,
    )  # fmt: skip

    def __init__(self, setup: GuestSetup) -> None:
        """Check the options, also against each other.

        Raises:
            UsageError: an option is wrong, or the blocks hold no log.
        """
        super().__init__(setup)
        self._salt = make_salt(self.seed)
        self._size: int = self.options["record"]
        self._group: int = self.options["group"]
        self._table_size: int = self.options["keys"] << WORD_SHIFT
        self._table_blocks = self._table_size // DISK_BLOCK_BYTES
        self._group_blocks = self._group * self._size // DISK_BLOCK_BYTES
        self._log_block = self.options["first_block"] + _CHECKPOINTS * self._table_blocks
        needed = _CHECKPOINTS * self._table_blocks + self._group_blocks
        if self.options["blocks"] < needed:
            self.refuse_option("blocks", f"{needed} at least, for two checkpoints and a group of records")
        self._places = (self.options["blocks"] - needed) // self._group_blocks + 1
        self._interval = min(self._places, self.options["checkpoint"])
        self._lanes: list[Lane] = []

    def ipl(self, cpu: Processor) -> None:
        """Lay out one lane for each LIP, spread over the zone as far as 31-bit addresses reach."""
        extent = min(cpu.extent_bytes, CCW_ADDRESS_MAX + 1) >> PAGE_SHIFT
        part, pages = extent // cpu.lip_count, Lane.pages(self._size, self._group, self._table_size)
        if part < pages:
            raise ValueError(f"a zone of {extent} pages; expected {pages} for each LIP")
        self._laid_out = cpu.lip_count * part
        # A lane ends where its part does: the last one at the end of the zone.
        self._lanes = [
            Lane(
                (lip + 1) * part - pages, self._size, self._group, self._table_size, lip, self._salt,
                self.options["reserve"],
            )
            for lip in range(cpu.lip_count)
        ]  # fmt: skip
        for lane in self._lanes:
            lane.load(cpu)

    def program(self, cpu: Processor) -> Program:
        """Commit group after group; checkpoints, and recoveries before some."""
        log = _Log(self._lanes[cpu.cpu_address])
        if cpu.cpu_address >= len(cpu.devices):
            yield from self._storage_only(cpu, log)
        driver = Driver(cpu, cpu.devices[cpu.cpu_address], lambda: self._meanwhile(cpu, log.lane))
        yield from self._write_checkpoint(cpu, driver, log)
        while True:
            yield from self._commit(cpu, driver, log)
            if len(log.written) >= self._interval:
                if cpu.rng.random() < 0.5:
                    yield from self._recover(cpu, driver, log)
                yield from self._write_checkpoint(cpu, driver, log)
            yield

    def check(self, cpu: Processor) -> None:
        """All lanes and the annex; what lies on the disk was compared whenever it was read."""
        super().check(cpu)
        for lane in self._lanes:
            lane.check(cpu)

    def _meanwhile(self, cpu: Processor, lane: Lane) -> None:
        lane.overwrite_guard(cpu)
        self._annex.turn(cpu)

    # With a disk.

    def _commit(self, cpu: Processor, driver: Driver, log: _Log) -> Program:
        """Write a group of records ahead, then apply it."""
        lane = log.lane
        block = self._log_block + log.place * self._group_blocks
        group = yield from self._fill(cpu, log, block)
        yield from driver.run(lane.write_log.locate(cpu, block))
        log.place = (log.place + 1) % self._places
        log.written.append(group)
        yield from self._apply(cpu, lane, group)
        if self.options["reserve"]:
            yield from driver.order(lane.release)
        cpu.step()

    def _write_checkpoint(self, cpu: Processor, driver: Driver, log: _Log) -> Program:
        table, place = log.lane.table, 1 - log.checkpoint
        assert table.holds is not None, "no I/O stores there"
        log.table = bytes(table.holds)
        yield from driver.run(log.lane.write_checkpoint.locate(cpu, self._checkpoint_block(place)))
        table.check_record(cpu)
        log.checkpoint = place
        log.written.clear()

    def _recover(self, cpu: Processor, driver: Driver, log: _Log) -> Program:
        """Make the table again in the shadow: the last checkpoint, then each record of the log since."""
        lane, block = log.lane, self._checkpoint_block(log.checkpoint)
        yield from self._read(cpu, driver, lane.read_checkpoint.locate(cpu, block), [lane.shadow])
        lane.shadow.expect(cpu, log.table)
        yield
        for group in log.written:
            orb = lane.read_log.locate(cpu, group.block)
            yield from self._read(cpu, driver, orb, lane.read)
            for number, area in enumerate(lane.read):
                area.expect(cpu, group.records[number])
                yield
                yield from self._replay(cpu, lane, area, group.sequence + number)
                cpu.step()
        self._compare_shadow(cpu, lane)
        yield

    def _read(self, cpu: Processor, driver: Driver, orb: Orb, areas: list[Area]) -> Program:
        """Read into areas, which hold before what no disk does."""
        for area in areas:
            area.fill(cpu, unread(self._salt, area.lip, area.size))
            yield
        for area in areas:
            area.holds = None
        yield from driver.run(orb)

    def _checkpoint_block(self, place: int) -> int:
        block: int = self.options["first_block"] + place * self._table_blocks
        return block

    # Without one.

    def _storage_only(self, cpu: Processor, log: _Log) -> Program:
        """What would go to the disk and come back goes from the log's buffers to those for reading."""
        lane = log.lane
        lane.shadow.fill(cpu, lane.table.fetch(cpu))
        while True:
            group = yield from self._fill(cpu, log, self._log_block)
            self._meanwhile(cpu, lane)
            yield from self._apply(cpu, lane, group)
            for number, area in enumerate(lane.read):
                area.fill(cpu, lane.log[number].fetch(cpu))
                yield
                area.expect(cpu, group.records[number])
                yield from self._replay(cpu, lane, area, group.sequence + number)
            self._compare_shadow(cpu, lane)
            cpu.step()
            yield WaitForInterruption(duration_ns=STORAGE_ONLY_WAIT_NS)

    # Transactions.

    def _fill(self, cpu: Processor, log: _Log, block: int) -> Generator[Any, Any, _Group]:
        """Put a group of new transactions into the log's buffers."""
        group, pending = _Group(block, log.records), dict[int, int]()
        for area in log.lane.log:
            transactions = self._draw(cpu, log, pending)
            yield
            record = encode_record(self._salt, area.lip, log.records, block, self._size, transactions)
            area.fill(cpu, record)
            group.records.append(record)
            group.transactions += transactions
            log.records += 1
            block += self._size // DISK_BLOCK_BYTES
            yield
        return group

    def _draw(self, cpu: Processor, log: _Log, pending: dict[int, int]) -> list[Transaction]:
        """New transactions for a record; `pending` has the entries that earlier ones of the group change."""
        lane, transactions = log.lane, []
        for _ in range(cpu.rng.randint(1, min(transactions_in(self._size), _TRANSACTIONS_MAX))):
            key = cpu.rng.randrange(self.options["keys"])
            log.transactions += 1
            old = pending.get(key)
            if old is None:
                old = lane.table.word(cpu, key << WORD_SHIFT)
            new = pending[key] = lane.entry(key, log.transactions)
            transactions.append(Transaction(log.transactions, key, old, new))
        return transactions

    def _apply(self, cpu: Processor, lane: Lane, group: _Group) -> Program:
        """The group is in the log: verify its buffers, and change the table."""
        for area in lane.log:
            area.check_record(cpu)
            yield
        for number, transaction in enumerate(group.transactions):
            place = transaction.key << WORD_SHIFT
            lane.table.word(cpu, place)
            lane.table.put(cpu, place, transaction.new)
            if number % _TRANSACTIONS_AT_ONCE == 0:
                yield

    def _replay(self, cpu: Processor, lane: Lane, area: Area, sequence: int) -> Program:
        """Change the shadow as a record says that was read back."""
        assert area.holds is not None, "its read has ended"
        transactions = decode_record(self._salt, sequence, bytes(area.holds))
        if transactions is None:
            cpu.damaged(area.record, f"log record {sequence}, whole", "a record whose check words do not fit")
            return
        for transaction in transactions:
            place = transaction.key << WORD_SHIFT
            old = lane.shadow.word(cpu, place)
            if old != transaction.old:
                wanted, found = describe(self._salt, transaction.old), describe(self._salt, old)
                cpu.damaged(lane.shadow.address_of(place), wanted, found)
            lane.shadow.put(cpu, place, transaction.new)
        yield

    def _compare_shadow(self, cpu: Processor, lane: Lane) -> None:
        """The table that was made again must be the table."""
        table, shadow = lane.table, lane.shadow
        assert table.holds is not None, "no I/O stores there"
        table.check_record(cpu)
        if digest_of(shadow.fetch(cpu)) != digest_of(table.holds):
            shadow.expect(cpu, table.holds)
