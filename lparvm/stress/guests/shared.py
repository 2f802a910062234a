"""`Shared`: the LIPs of an LPAR, and its device, share a few words; all calls on them are kept as a history.

The LIPs store, fetch, and count by compare and swap. The first LIP has the device write the words to a disk and reads
what arrived there, and has it read new values into them, while it goes on itself. An access of a LIP is one moment of
the history; a transfer takes effect for each word at some moment between its start and its end, and one that was
halted, cleared or failed may have had its effect or not. Order is counted, not timed.

The final check fetches all words, and `oracles.linearizability` judges the history of each. The order in which LIPs run
decides what is seen: this is no witness. Nobody else may use the same blocks of the disk.

    page 0         channel programs, where the guest does I/O
    data pages     the words, spread over all of them; in the first one also a private block, and filling: a transfer
                   chains data from word to word, and to the filling that makes them a block
"""

from collections.abc import Callable, Generator
from typing import Any

from attrs import define, evolve, field, frozen

from lparvm.arch.address import PAGE_SHIFT
from lparvm.arch.channel import Ccw
from lparvm.arch.fixed_block import EXTENT_BYTES, LOCATE_BYTES, DiskCommand, Operation
from lparvm.arch.interception import WaitForInterruption
from lparvm.arch.subchannel import Orb
from lparvm.config import DISK_BLOCK_BYTES, STRESS_GUEST_PAGES_MAX, STRESS_OPERATIONS_MAX
from lparvm.guests.base import GuestSetup
from lparvm.guests.driver import RETRY_WAIT_NS
from lparvm.guests.processor import Processor
from lparvm.guests.program_page import DiskProgram, ProgramPage
from lparvm.guests.python_guest import Program, PythonGuest
from lparvm.options import Option, duration, integer
from lparvm.stress.guests.patient_io import PATIENCE, Came, PatientIo
from lparvm.stress.oracles.linearizability import Call, Kind, Outcome, check_register

WORDS_MAX = 8
_WORD_SPACING, _PRIVATE_AT, _FILLING_AT = 64, 0x800, 0xC00
_OVERLAPPED_MAX = 6
"""Operations that go on while I/O runs."""
_PAUSE_NS_MAX = 1_000_000_000
_REST_BITS = 4
"""One in 2^this of the boundaries between operations is a rest."""
_COUNT_BITS = 16
"""The low bits of a word are counted by compare and swap; the others say who stored it."""


@frozen
class _Pieces:
    """What a channel program moves: a block, in pieces."""

    pieces: tuple[tuple[int, int], ...]
    size: int = DISK_BLOCK_BYTES

    @property
    def record(self) -> int:
        """Guest absolute address of the first byte."""
        return self.pieces[0][0]


@define
class _Channel:
    """The channel programs.

    Attributes:
        words: guest absolute addresses of the words.
        private: guest absolute address of the private block.
        filling: guest absolute address of the zeros that go with the words.
        page: where the programs lie.
        write_words, read_words: between the words and the disk.
        write_private, read_private: between the private block and the disk.
    """

    words: tuple[int, ...]
    private: int
    filling: int
    page: ProgramPage = field(init=False)
    write_words: DiskProgram = field(init=False)
    read_words: DiskProgram = field(init=False)
    write_private: DiskProgram = field(init=False)
    read_private: DiskProgram = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.page = ProgramPage(0)
        filling = (self.filling, DISK_BLOCK_BYTES - 8 * len(self.words))
        words = _Pieces((*((address, 8) for address in self.words), filling))
        private = _Pieces(((self.private, DISK_BLOCK_BYTES),))
        self.write_words = self._lay(words, Operation.WRITE)
        self.read_words = self._lay(words, Operation.READ)
        self.write_private = self._lay(private, Operation.WRITE)
        self.read_private = self._lay(private, Operation.READ)

    def _lay(self, record: _Pieces, operation: Operation) -> DiskProgram:
        """Like `DiskProgram.lay`, but by data chaining: words lie anywhere, and IDAWs name whole blocks."""
        parameters = self.page.lay(bytes(EXTENT_BYTES + LOCATE_BYTES))
        command = DiskCommand.WRITE if operation is Operation.WRITE else DiskCommand.READ
        program = self.page.chain(
            Ccw(DiskCommand.DEFINE_EXTENT, 0, EXTENT_BYTES, parameters),
            Ccw(DiskCommand.LOCATE, 0, LOCATE_BYTES, parameters + EXTENT_BYTES),
            *self.page.move(command, record, direct=True),
        )
        return DiskProgram(self.page, Orb(program), parameters, operation, 1)

    def load(self, cpu: Processor, block: int) -> None:
        """IPL: the programs, all for one block of the disk."""
        self.page.load(cpu)
        for program in (self.write_words, self.read_words, self.write_private, self.read_private):
            program.locate(cpu, block)

    def check(self, cpu: Processor) -> None:
        """Verify programs and filling."""
        self.page.check(cpu)
        for address in range(self.filling, self.filling + DISK_BLOCK_BYTES - 8 * len(self.words), 8):
            found = cpu.fetch(address)
            if found:
                cpu.damaged(address, 0, found)


class Shared(PythonGuest):
    """Its LIPs and its device share a few words; the history of each must be linearizable.

    Attributes:
        histories: guest absolute address of each word -> the calls on it.
        undecided: histories that the last final check could not judge.
    """

    OPTIONS = (
        Option("operations", integer(1, STRESS_OPERATIONS_MAX), 60, "Operations of each LIP."),
        Option("words", integer(1, WORDS_MAX), 2, "Words that are shared."),
        Option("io", integer(0, 100), 10, "How many in a hundred are I/O, of the first LIP."),
        Option("first_block", integer(0, 1 << 30), 0, "512-byte block of the disk that is used."),
        Option("pause", duration(0, _PAUSE_NS_MAX), 50_000, "How long a LIP rests at a boundary, on the average."),
        PATIENCE,
    )  # fmt: skip

    def __init__(self, setup: GuestSetup) -> None:
        """Check the options."""
        super().__init__(setup)
        self.histories: dict[int, list[Call]] = {}
        self.undecided = 0
        self._initial: dict[int, int] = {}
        self._left = [self.options["operations"]] * len(setup.lips)
        self._ticks = self._stored = 0
        self._channel: _Channel | None = None

    @property
    def finished(self) -> bool:
        """Whether every processor has done all its operations."""
        return not any(self._left)

    def ipl(self, cpu: Processor) -> None:
        """Lay out the words, and, with a device and two pages, the channel programs."""
        pages = min(cpu.extent_bytes >> PAGE_SHIFT, STRESS_GUEST_PAGES_MAX)
        does_io = bool(cpu.devices) and self.options["io"] > 0 and pages > 1
        first = 1 if does_io else 0
        for number in range(self.options["words"]):
            page = first + number % (pages - first)
            address = (page << PAGE_SHIFT) + number * _WORD_SPACING
            self._initial[address] = word = self._new_word(len(self._left))
            self.histories[address] = []
            cpu.store(address, word)
        if does_io:
            data = first << PAGE_SHIFT
            self._channel = _Channel(tuple(self.histories), data + _PRIVATE_AT, data + _FILLING_AT)
            self._channel.load(cpu, self.options["first_block"])

    def program(self, cpu: Processor) -> Program:
        """Operation after operation; then end."""
        lip, channel = cpu.cpu_address, self._channel if cpu.cpu_address == 0 else None
        io = PatientIo(cpu, cpu.devices[0], self.options["patience"]) if channel else None
        while self._left[lip]:
            if channel and io and cpu.rng.randrange(100) < self.options["io"]:
                if cpu.rng.getrandbits(1):
                    yield from self._write_out(cpu, io, channel)
                else:
                    yield from self._read_in(cpu, io, channel)
            else:
                yield from self._operate(cpu)

    def check(self, cpu: Processor) -> None:
        """Fetch each word for the last time, and judge its history."""
        self.undecided = 0
        for address, calls in self.histories.items():
            begin = self._tick()
            last = Call(Kind.FETCH, begin, self._tick(), cpu.fetch(address), who="the final check")
            judgement = check_register([*calls, last], self._initial[address])
            if judgement.outcome is Outcome.NOT_LINEARIZABLE:
                cpu.damaged(address, "a linearizable history", judgement.why)
            self.undecided += judgement.outcome is Outcome.UNDECIDED
        if self._channel is not None:
            self._channel.check(cpu)

    def _tick(self) -> int:
        self._ticks += 1
        return self._ticks

    def _new_word(self, who: int) -> int:
        """A word that was never stored before: whose it is, its number, and a count of 0."""
        self._stored += 1
        return (who << 32 | self._stored) << _COUNT_BITS

    def _did(self, cpu: Processor) -> None:
        self._left[cpu.cpu_address] -= 1
        cpu.step()

    # Accesses of a LIP.

    def _operate(self, cpu: Processor) -> Generator[Any, Any, None]:
        """Fetch, store, or count; what nobody fetched would be hidden by a store."""
        address = cpu.rng.choice(tuple(self.histories))
        kind, before = cpu.rng.getrandbits(2), self._fetch(cpu, address)
        if kind == 0:
            self._store(cpu, address, self._new_word(cpu.cpu_address))
        elif kind > 1:
            yield self._boundary(cpu)
            self._swap(cpu, address, before, before + 1)
        self._did(cpu)
        yield self._boundary(cpu)

    def _fetch(self, cpu: Processor, address: int) -> int:
        begin, word = self._tick(), cpu.fetch(address)
        self.histories[address].append(Call(Kind.FETCH, begin, self._tick(), word, who=_name(cpu)))
        return word

    def _store(self, cpu: Processor, address: int, word: int) -> None:
        begin = self._tick()
        cpu.store(address, word)
        self.histories[address].append(Call(Kind.STORE, begin, self._tick(), word, who=_name(cpu)))

    def _swap(self, cpu: Processor, address: int, before: int, word: int) -> None:
        begin, swapped = self._tick(), cpu.compare_and_swap(address, before, word)
        call = Call(Kind.SWAP, begin, self._tick(), word, before, swapped, who=_name(cpu))
        self.histories[address].append(call)

    def _boundary(self, cpu: Processor) -> WaitForInterruption | None:
        """An instruction boundary; sometimes a rest."""
        pause_ns = self.options["pause"]
        if not pause_ns or cpu.rng.getrandbits(_REST_BITS):
            return None
        return WaitForInterruption(duration_ns=1 + int(cpu.rng.random() * (pause_ns << _REST_BITS + 1)))

    # I/O.

    def _write_out(self, cpu: Processor, io: PatientIo, channel: _Channel) -> Program:
        """Have the words written to the disk, and read what arrived: each was fetched by the channel."""
        attempt = yield from self._attempts(cpu, io, channel.write_words.orb, lambda: None, lambda _: None)
        if attempt is not None and (yield from io.run(channel.read_private.orb)):
            for number, (address, calls) in enumerate(self.histories.items()):
                word = cpu.fetch(channel.private + 8 * number)
                calls.append(Call(Kind.FETCH, *attempt, word, who=f"channel, from {address:#x}"))
        self._did(cpu)
        yield self._boundary(cpu)

    def _read_in(self, cpu: Processor, io: PatientIo, channel: _Channel) -> Program:
        """Have new words read from the disk: each is stored by the channel."""
        words = [self._new_word(len(self._left)) for _ in self.histories]
        cpu.store_words(channel.private, words)
        yield
        if (yield from io.run(channel.write_private.orb)):
            places = [len(calls) for calls in self.histories.values()]

            def began() -> None:
                begin = self._tick()
                for number, (word, calls) in enumerate(zip(words, self.histories.values(), strict=True)):
                    places[number] = len(calls)
                    calls.append(Call(Kind.STORE, begin, None, word, optional=True, who="channel"))

            def ended(came: Came) -> None:
                end = self._tick()
                for place, calls in zip(places, self.histories.values(), strict=True):
                    calls[place] = evolve(calls[place], end=end, optional=came is not Came.WHOLE)

            yield from self._attempts(cpu, io, channel.read_words.orb, began, ended)
        self._did(cpu)
        yield self._boundary(cpu)

    def _attempts(
        self,
        cpu: Processor,
        io: PatientIo,
        orb: Orb,
        began: Callable[[], None],
        ended: Callable[[Came], None],
    ) -> Generator[Any, Any, tuple[int, int] | None]:
        """Start a channel program until one start moves all data; other operations go on during the first.

        Returns:
            Begin and end of the start that moved all; None: the machine is wrong, and damage was told.
        """
        overlapped = cpu.rng.randint(0, _OVERLAPPED_MAX)
        while True:
            begin = self._tick()
            began()
            yield from io.begin(orb)
            while overlapped and self._left[cpu.cpu_address] > 1:
                overlapped -= 1
                yield from self._operate(cpu)
            came = io.judge(orb, (yield from io.end()))
            ended(came)
            if came is Came.WHOLE:
                return begin, self._tick()
            if came is Came.WRONG:
                return None
            if came is Came.FAILED:
                yield WaitForInterruption(duration_ns=RETRY_WAIT_NS)


def _name(cpu: Processor) -> str:
    return f"{cpu.lip}"
