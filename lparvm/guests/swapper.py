"""`swapper`: more pages than it has room for, kept in expanded storage and brought to main storage in turn.

Each block that it uses has contents of its own: words stamped with the block's number and a generation. Slots,
pages spread over the zone, hold some of them. A round verifies what a slot holds and pages it out to its block,
pages another block in, verifies that, and overwrites it with the next generation. A move between any two of
these steps takes the slots along and leaves the blocks where they are; each must still be what it was.

Each LIP has blocks and slots of its own. Storage keys: no key is kept with a block, so a slot's key is known
exactly: what was set last, and what paging and accesses made of its reference and change bits.
"""

import numpy as np
from attrs import Factory, define

from lparvm.arch.address import PAGE_SHIFT
from lparvm.arch.storage_key import CHANGE, REFERENCE
from lparvm.errors import UsageError
from lparvm.guests.annex import AnnexGuest
from lparvm.guests.base import GuestSetup
from lparvm.guests.processor import PagingCode, Processor, Words
from lparvm.guests.python_guest import Program
from lparvm.guests.stamps import Footprint, describe, make_head, make_salt, stamp_block
from lparvm.options import Option, integer

_SETTABLE = 0xFE  # the unassigned bit is nobody's
_STORED = REFERENCE | CHANGE


@define
class _Slot:
    """A page of main storage, what it holds, and which storage key."""

    page: int
    block: int
    generation: int = 0
    key: int = 0

    @property
    def address(self) -> int:
        """Guest absolute address."""
        return self.page << PAGE_SHIFT


@define
class _Share:
    """What one LIP has.

    Attributes:
        lip: its number.
        blocks: generation that each of its blocks holds, by block number.
        slots: its slots.
        held: the slot that holds a block's contents, by block number.
    """

    lip: int
    blocks: dict[int, int] = Factory(dict)
    slots: list[_Slot] = Factory(list)
    held: dict[int, _Slot] = Factory(dict)


class Swapper(AnnexGuest):
    """Pages stamped pages out to expanded storage and in again, and verifies each; storage keys as well."""

    OPTIONS = (
        Option("blocks", integer(1, 1 << 20), 1024, "Blocks of expanded storage used, at most."),
        Option("pages", integer(1, 1 << 20), 64, "Pages of main storage used, at most, spread over the zone."),
    )  # fmt: skip

    def __init__(self, setup: GuestSetup) -> None:
        """Check the options, and that there is expanded storage.

        Raises:
            UsageError: an option is wrong, or the LPAR has no expanded storage.
        """
        super().__init__(setup)
        if setup.expanded is None or not setup.expanded.area_of(setup.lpar).blocks:
            problem = f"{setup.lpar} has no expanded storage"
            raise UsageError(f"guest Swapper: {problem}; expected expanded_storage, a size, in its [[lpar]]")
        self._salt = make_salt(self.seed)
        self._shares: list[_Share] = []

    def ipl(self, cpu: Processor) -> None:
        """Stamp every block, and bring the first ones of each LIP to its slots."""
        blocks = min(cpu.expanded_blocks, self.options["blocks"])
        footprint = Footprint.over(cpu.extent_bytes >> PAGE_SHIFT, self.options["pages"], block_pages=1)
        self._shares = [_Share(lip) for lip in range(cpu.lip_count)]
        for block in range(blocks):
            share = self._shares[block % cpu.lip_count]
            share.blocks[block] = 0
            cpu.store_block(0, self._contents(share, block, 0))  # page 0 becomes a slot
            _require(cpu.page_out(0, block))
        self._laid_out = footprint.page(footprint.page_count - 1) + 1
        for index in range(footprint.page_count):
            share = self._shares[index % cpu.lip_count]
            if len(share.slots) == len(share.blocks):
                continue  # nothing is left that it could hold
            slot = _Slot(footprint.page(index), list(share.blocks)[len(share.slots)])
            share.slots.append(slot)
            share.held[slot.block] = slot
            _require(cpu.page_in(slot.address, slot.block))
            cpu.set_key(slot.address, 0)

    def program(self, cpu: Processor) -> Program:
        """Take a random block of this LIP's own, and exchange what a random slot holds for it."""
        share = self._shares[cpu.cpu_address]
        blocks = list(share.blocks)
        while share.slots:
            block = cpu.rng.choice(blocks)
            slot = share.held.get(block) or cpu.rng.choice(share.slots)
            self._verify(cpu, share, slot)
            cpu.steps += 1
            yield
            self._swap_out(cpu, share, slot)
            yield
            self._swap_in(cpu, share, slot, block)
            yield
            self._verify(cpu, share, slot)
            cpu.steps += 1
            yield
            slot.generation += 1
            cpu.store_block(slot.address, self._contents(share, slot.block, slot.generation))
            slot.key |= _STORED
            self._annex.turn(cpu)
            yield

    def check(self, cpu: Processor) -> None:
        """The annex, every slot and its key; then every block, each paged in to a slot that was checked."""
        super().check(cpu)
        for share in self._shares:
            for slot in share.slots:
                self._verify(cpu, share, slot)
            for block in share.blocks if share.slots else ():
                self._swap_in(cpu, share, share.slots[0], block)
                self._verify(cpu, share, share.slots[0])

    def _swap_out(self, cpu: Processor, share: _Share, slot: _Slot) -> None:
        self._verify_key(cpu, slot)
        slot.key = cpu.rng.getrandbits(8) & _SETTABLE
        cpu.set_key(slot.address, slot.key)
        code = cpu.page_out(slot.address, slot.block)
        if code == PagingCode.DONE:
            slot.key |= REFERENCE
            share.blocks[slot.block] = slot.generation
        else:
            cpu.damaged(slot.address, _told(slot.block, PagingCode.DONE), _told(slot.block, code))

    def _swap_in(self, cpu: Processor, share: _Share, slot: _Slot, block: int) -> None:
        share.held.pop(slot.block, None)
        share.held[block] = slot
        slot.block, slot.generation = block, share.blocks[block]
        code = cpu.page_in(slot.address, block)
        if code != PagingCode.DONE:
            cpu.damaged(slot.address, _told(block, PagingCode.DONE), _told(block, code))
            cpu.store_block(slot.address, self._contents(share, block, slot.generation))  # told, so go on
        slot.key |= _STORED

    def _verify(self, cpu: Processor, share: _Share, slot: _Slot) -> None:
        """Compare key and contents of a slot; what is wrong is told, and made right again: it is told once."""
        self._verify_key(cpu, slot)
        expected = self._contents(share, slot.block, slot.generation)
        slot.key |= REFERENCE
        wrong = cpu.differences(slot.address, expected)
        for address, wanted, found in wrong:
            texts = (f"{describe(self._salt, word)} in block {slot.block}" for word in (wanted, found))
            cpu.damaged(address, *texts)
        if wrong:
            slot.key |= _STORED
            cpu.store_block(slot.address, expected)

    @staticmethod
    def _verify_key(cpu: Processor, slot: _Slot) -> None:
        key = cpu.get_key(slot.address)
        if key != slot.key:
            cpu.damaged(slot.address, f"storage key {slot.key:02X}", f"storage key {key:02X}")
            cpu.set_key(slot.address, slot.key)

    def _contents(self, share: _Share, block: int, generation: int) -> Words:
        """The words of a block, stamped as if expanded storage had addresses."""
        head = make_head(self._salt, generation, share.lip)
        return stamp_block(block, np.array([[head]], dtype=np.uint64))


def _told(block: int, code: int) -> str:
    return f"condition code {int(code)} of block {block}"


def _require(code: PagingCode) -> None:
    if code != PagingCode.DONE:
        raise RuntimeError(f"paging ended with condition code {int(code)}; expected 0")
