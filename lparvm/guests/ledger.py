"""`ledger`: accounts spread over the zone, and transfers between them by compare-and-swap from all LIPs.

An account is one word: a tag of 24 bits that belongs to this account alone, and a balance of 40 bits. A
transfer is two compare-and-swaps, a debit and a credit; between them the LIP *holds* the amount, which is
noted in the same instruction as the swap.

Invariants:

- At every instruction boundary: balances + amounts held = what IPL put in.
- Posted to the audit: while an audit runs, whoever changes a balance that it has counted already adds the
  change to its total. So the total is at every boundary the sum of the present balances of the accounts
  counted, and with the last account it is that of all of them, without anyone having stopped.

Every step advances the one audit by one account; it is nobody's in particular.

Accounts are opened in storage that joins the zone. Before storage is given up, the accounts there are closed, from the
last one on: what is in them goes to others, so that the sum still tells whether it was right. Whoever has chosen an
account, and yielded, looks whether it is open still.
"""

from bisect import bisect_left

import numpy as np

from lparvm.arch.address import PAGE_SHIFT
from lparvm.arch.interception import ServiceCall
from lparvm.arch.service_signal import (
    ServiceSignal,
    StorageGivenUp,
    StorageGrown,
    StorageKept,
    StorageUsed,
)
from lparvm.guests.base import GuestSetup
from lparvm.guests.processor import Processor, Words
from lparvm.guests.python_guest import Program, PythonGuest
from lparvm.options import Option, integer
from lparvm.units import stream_seed

_BALANCE_BITS = 40
_BALANCE_MASK = (1 << _BALANCE_BITS) - 1
_OPENING_BALANCE = 1000
_AMOUNT_BITS = 6
_TAGS = 1 << 24
ACCOUNTS_MIN = 2
"""Accounts that are never closed: a transfer has two ends."""


class Ledger(PythonGuest):
    """Moves amounts between accounts by compare-and-swap from all LIPs; their sum must stay."""

    OPTIONS = (
        Option("accounts", integer(2, 1 << 20), 1024, "Accounts at IPL, evenly spread over the zone."),
    )

    def __init__(self, setup: GuestSetup) -> None:
        """Check the options."""
        super().__init__(setup)
        self._tags: list[int] = []
        self._places: list[int] = []
        self._open = 0
        self._part_words = 0
        self._held = [0] * len(setup.lips)
        self._sum = 0
        self._audited = 0
        self._audit_total = 0

    def ipl(self, cpu: Processor) -> None:
        """Open the accounts, each somewhere in its equal part of the zone."""
        words = cpu.extent_bytes >> 3
        count = min(self.options["accounts"], words)
        random = np.random.Generator(np.random.PCG64(stream_seed(self.seed, "accounts")))
        part = self._part_words = words // count
        places = np.arange(count, dtype=np.uint64) * np.uint64(part)
        places += random.integers(0, part, count, dtype=np.uint64)
        places <<= np.uint64(3)
        tags = np.arange(count, dtype=np.uint64) ^ np.uint64(stream_seed(self.seed, "tags") & _TAGS - 1)
        self._tags, self._places, self._sum = tags.tolist(), places.tolist(), count * _OPENING_BALANCE
        self._open = count
        cpu.store_scattered(places, tags << np.uint64(_BALANCE_BITS) | np.uint64(_OPENING_BALANCE))

    def program(self, cpu: Processor) -> Program:
        """Transfer after transfer, with one account audited after each."""
        places, random, bits = self._places, cpu.rng.random, cpu.rng.getrandbits
        lip = cpu.cpu_address
        while True:
            source = int(random() * self._open)
            word = cpu.fetch(places[source])
            amount = min(1 + bits(_AMOUNT_BITS), word & _BALANCE_MASK)
            yield
            # Closed, lost to another LIP, or nothing left: another account.
            if (
                source < self._open
                and self._intact(cpu, source, word)
                and amount
                and cpu.compare_and_swap(places[source], word, word - amount)
            ):
                self._held[lip] = amount
                self._post(source, -amount)
                yield
                while self._held[lip]:
                    target = int(random() * self._open)
                    word = cpu.fetch(places[target])
                    yield
                    self._credit(cpu, target, word, amount)
                cpu.step()
                yield
            self._audit(cpu)
            yield

    def service_signal(self, cpu: Processor, signal: ServiceSignal) -> Program:
        """Accounts are opened, or closed."""
        extent, used = signal.extent, cpu.extent_bytes >> PAGE_SHIFT
        if isinstance(signal, StorageGrown):
            yield from self._open_accounts(cpu, used, extent)
            yield ServiceCall(StorageUsed(extent))
        elif bisect_left(self._places, extent << PAGE_SHIFT) < ACCOUNTS_MIN:
            yield ServiceCall(StorageKept(f"fewer than {ACCOUNTS_MIN} accounts would be left"))
        else:
            yield from self._close_accounts(cpu, extent)
            in_force: int = yield ServiceCall(StorageGivenUp(extent))
            yield from self._open_accounts(cpu, extent, min(used, in_force))

    def check(self, cpu: Processor) -> None:
        """Every account and their sum."""
        addresses = np.array(self._places, dtype=np.uint64)
        words = cpu.fetch_scattered(addresses)
        wrong = words >> np.uint64(_BALANCE_BITS) != np.array(self._tags, dtype=np.uint64)
        for account in np.flatnonzero(wrong).tolist():
            self._intact(cpu, account, int(words[account]))
        self._compare_sum(cpu, int(_balances(words).sum()))

    def _open_accounts(self, cpu: Processor, first: int, end: int) -> Program:
        """Open accounts in the pages `first` to `end`, exclusive, as dense as those that IPL opened."""
        part, seed = self._part_words, stream_seed(self.seed, "tags") & _TAGS - 1
        for place in range(first << PAGE_SHIFT - 3, (end << PAGE_SHIFT - 3) - part + 1, part):
            account = len(self._places)
            if account == _TAGS:
                return
            self._places.append(place + cpu.rng.randrange(part) << 3)
            self._tags.append(account ^ seed)
            cpu.store(self._places[account], self._tags[account] << _BALANCE_BITS | _OPENING_BALANCE)
            self._sum += _OPENING_BALANCE
            self._open = account + 1
            yield

    def _close_accounts(self, cpu: Processor, extent: int) -> Program:
        """Nobody chooses accounts at or behind a page any more; pay out what is in them, to other accounts."""
        self._open = bisect_left(self._places, extent << PAGE_SHIFT)
        while (account := len(self._places) - 1) >= self._open:
            word = cpu.fetch(self._places[account])
            self._intact(cpu, account, word)
            balance, target = word & _BALANCE_MASK, cpu.rng.randrange(self._open)
            cpu.store(self._places[target], cpu.fetch(self._places[target]) + balance)
            self._post(account, -balance)
            self._post(target, balance)
            del self._places[account], self._tags[account]
            self._end_audit(cpu)
            yield

    def _credit(self, cpu: Processor, target: int, word: int, amount: int) -> None:
        """Credit what this LIP holds, unless another was quicker, or the account is closed or damaged."""
        if (
            target < self._open
            and self._intact(cpu, target, word)
            and cpu.compare_and_swap(self._places[target], word, word + amount)
        ):
            self._held[cpu.cpu_address] = 0
            self._post(target, amount)

    def _post(self, account: int, change: int) -> None:
        if account < self._audited:
            self._audit_total += change

    def _audit(self, cpu: Processor) -> None:
        word = cpu.fetch(self._places[self._audited])
        self._intact(cpu, self._audited, word)
        self._audit_total += word & _BALANCE_MASK
        self._audited += 1
        self._end_audit(cpu)

    def _end_audit(self, cpu: Processor) -> None:
        if self._audited == len(self._places):
            self._compare_sum(cpu, self._audit_total)
            self._audited = self._audit_total = 0

    def _compare_sum(self, cpu: Processor, balances: int) -> None:
        found = balances + sum(self._held)
        if found != self._sum:
            cpu.damaged(self._places[0], f"accounts with a sum of {self._sum}", f"a sum of {found}")
            self._sum = found  # told once

    def _intact(self, cpu: Processor, account: int, word: int) -> bool:
        """Whether the word carries the account's tag; the sum shows whether its balance is right."""
        tag = self._tags[account]
        if word >> _BALANCE_BITS == tag:
            return True
        cpu.damaged(self._places[account], f"account {account}, tag {tag:#x}", f"{word:#x}")
        return False


def _balances(words: Words) -> Words:
    return words & np.uint64(_BALANCE_MASK)
