"""What `journal` keeps in storage for each LIP, and on its disk.

A *lane* is the storage of one LIP, page by page:

    program page    the channel programs that write and read the log, write and read a checkpoint, RELEASE
    table           the entries, one word each
    shadow          where a recovery makes the table again
    log buffers     scattered records that are written together
    read buffers    scattered records into which the log is read
"""

from attrs import define, field

from lparvm.arch.address import PAGE_SHIFT
from lparvm.arch.channel import Command
from lparvm.arch.subchannel import Orb
from lparvm.guests.processor import Processor
from lparvm.guests.program_page import DiskProgram, ProgramPage, lay_command
from lparvm.guests.records import Area, unread
from lparvm.guests.stamps import WORD_SHIFT, make_head


@define
class Lane:
    """The storage of one LIP.

    Attributes:
        page: number of its first page.
        size: bytes of a log record.
        group: log records that are written together.
        table_size: bytes of the table.
        lip: number of the LIP.
        salt: the guest's.
        reserve: whether the disk is reserved before the log is written.
    """

    page: int
    size: int
    group: int
    table_size: int
    lip: int
    salt: int
    reserve: bool
    programs: ProgramPage = field(init=False)
    table: Area = field(init=False)
    shadow: Area = field(init=False)
    log: list[Area] = field(init=False)
    read: list[Area] = field(init=False)
    write_log: DiskProgram = field(init=False)
    read_log: DiskProgram = field(init=False)
    write_checkpoint: DiskProgram = field(init=False)
    read_checkpoint: DiskProgram = field(init=False)
    release: Orb = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Lay out areas and programs."""
        self.programs = programs = ProgramPage(self.page << PAGE_SHIFT)
        at = (self.page + 1) << PAGE_SHIFT
        areas = []
        for number in range(2 + 2 * self.group):
            scattered = number >= 2
            size = self.size if scattered else self.table_size
            areas.append(Area(at, size, self.lip, self.salt, scattered))
            at = areas[-1].end
        self.table, self.shadow, *records = areas
        self.log, self.read = records[: self.group], records[self.group :]
        self.write_log = DiskProgram.lay(
            programs, self.log, write=True, first=Command.RESERVE if self.reserve else None
        )
        self.read_log = DiskProgram.lay(programs, self.read, write=False)
        self.write_checkpoint = DiskProgram.lay(programs, [self.table], write=True)
        self.read_checkpoint = DiskProgram.lay(programs, [self.shadow], write=False)
        self.release = lay_command(programs, Command.RELEASE)

    @staticmethod
    def pages(size: int, group: int, table_size: int) -> int:
        """Pages of a lane."""
        return 1 + 2 * Area.pages(table_size) + 2 * group * Area.pages(size, scattered=True)

    @property
    def areas(self) -> tuple[Area, ...]:
        """All areas."""
        return (self.table, self.shadow, *self.log, *self.read)

    def entry(self, key: int, generation: int) -> int:
        """What the table's entry of a key holds after the transaction of this number; 0: at first."""
        index = (self.table.record >> WORD_SHIFT) + key
        return make_head(self.salt, generation, self.lip) ^ index

    def load(self, cpu: Processor) -> None:
        """IPL: the channel programs, the table, and in each buffer a record that no disk holds."""
        self.programs.load(cpu)
        for area in self.areas:
            area.load(cpu, unread(self.salt, self.lip, area.size))
        count = self.table_size >> WORD_SHIFT
        self.table.fill(cpu, b"".join(self.entry(key, 0).to_bytes(8, "big") for key in range(count)))

    def overwrite_guard(self, cpu: Processor) -> None:
        """Some guard."""
        areas = self.areas
        area = areas[cpu.rng.randrange(len(areas))]
        area.overwrite_guard(cpu, cpu.rng.randrange(len(area.guards)))

    def check(self, cpu: Processor) -> None:
        """Verify everything: channel programs, guards, records, the table."""
        self.programs.check(cpu)
        for area in self.areas:
            area.check(cpu)
