"""Guests that do what a mutant needs to be seen: `mutant_guests:Suspending`."""

from io_guests import chain, disk_program
from lparvm.arch.channel import Ccw, CcwFlag, Command
from lparvm.arch.interception import ResumeSubchannel, StartSubchannel, TestSubchannel, WaitForInterruption
from lparvm.arch.subchannel import Orb
from machine_guests import Counting

_PROGRAM, _DATA = 0x1000, 0x4000
_SUSPENDED = Ccw(Command.NO_OPERATION, CcwFlag.SUSPEND | CcwFlag.SUPPRESS_LENGTH, 1, _DATA)
_GOES_ON = Ccw(Command.NO_OPERATION, CcwFlag.SUPPRESS_LENGTH, 1, _DATA)


class Suspending(Counting):
    """A channel program that suspends itself is resumed 6 ms later, again and again."""

    def program(self, cpu):
        device = cpu.devices[0]
        while True:
            orb = chain(cpu, _PROGRAM, _SUSPENDED)
            yield StartSubchannel(device, Orb(orb.program, suspend_control=True))
            yield WaitForInterruption((device,))
            yield TestSubchannel(device)
            cpu.store_bytes(_PROGRAM, _GOES_ON.encode())
            yield WaitForInterruption(duration_ns=6_000_000)
            yield ResumeSubchannel(device)
            yield WaitForInterruption((device,))
            ended = (yield TestSubchannel(device)).irb.scsw
            if not ended.ended_normally:
                cpu.damaged(_PROGRAM, "a normal end", str(ended))
            self.count(cpu)
            yield


class ReadingOnce(Counting):
    """Reads a block once; what becomes of it, it does not mind."""

    def program(self, cpu):
        yield StartSubchannel(cpu.devices[0], disk_program(cpu, _PROGRAM, _DATA))
        yield WaitForInterruption((cpu.devices[0],))
        while True:
            self.count(cpu)
            yield WaitForInterruption(duration_ns=20_000_000)
