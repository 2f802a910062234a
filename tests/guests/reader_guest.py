"""A guest of one's own that does I/O: writes a number to block 7 of its disk, and reads it back."""

from lparvm.guests import (
    Ccw,
    CcwFlag,
    DiskCommand,
    Operation,
    Orb,
    PythonGuest,
    define_extent,
    locate,
    run_program,
)

PROGRAM, PARAMETERS, DATA = 0x1000, 0x1080, 0x2000  # guest absolute


class Reader(PythonGuest):
    def put_program(self, cpu, command, operation):
        cpu.store_bytes(PARAMETERS, define_extent(0, 127) + locate(operation, block=7, count=1))
        ccws = (
            Ccw(DiskCommand.DEFINE_EXTENT, CcwFlag.CHAIN_COMMAND, 16, PARAMETERS),
            Ccw(DiskCommand.LOCATE, CcwFlag.CHAIN_COMMAND, 8, PARAMETERS + 16),
            Ccw(command, 0, 512, DATA),
        )
        cpu.store_bytes(PROGRAM, b"".join(ccw.encode() for ccw in ccws))

    def program(self, cpu):
        for number in range(1, 1_000_000):
            cpu.store(DATA, number)
            for command in (DiskCommand.WRITE, DiskCommand.READ):
                self.put_program(cpu, command, Operation[command.name])
                scsw = yield from run_program(cpu.devices[0], Orb(PROGRAM))  # SSCH, wait, TSCH
                if not scsw.ended_normally:
                    cpu.damaged(PROGRAM, "channel end and device end", scsw)
                elif cpu.fetch(DATA) != number:
                    cpu.damaged(DATA, number, cpu.fetch(DATA))
                cpu.store(DATA, 0 if command is DiskCommand.WRITE else number)
            cpu.step()
