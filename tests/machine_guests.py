"""Guests that do one thing each, for the tests of the machine: named in a scenario as `machine_guests:Slow`."""

from io_guests import disk_program
from lparvm.arch.interception import StartSubchannel, TestSubchannel, WaitForInterruption
from lparvm.guests import Option, PythonGuest, integer

_PROGRAM, _DATA = 0x1000, 0x8000


class Counting(PythonGuest):
    """Counts in the last word of its zone, each LIP in its own; the check knows what must be there."""

    def __init__(self, setup):
        super().__init__(setup)
        self.counts = [0] * len(setup.lips)

    def address(self, cpu, lip):
        return cpu.extent_bytes - 8 * (lip + 1)

    def count(self, cpu):
        address = self.address(cpu, cpu.cpu_address)
        found = cpu.fetch(address)
        if found != self.counts[cpu.cpu_address]:
            cpu.damaged(address, self.counts[cpu.cpu_address], found)
        self.counts[cpu.cpu_address] += 1
        cpu.store(address, self.counts[cpu.cpu_address])
        cpu.step()

    def check(self, cpu):
        for lip, count in enumerate(self.counts):
            found = cpu.fetch(self.address(cpu, lip))
            if found != count:
                cpu.damaged(self.address(cpu, lip), count, found)


class Slow(Counting):
    """The instructions of its first processor take long: each fetches many words at once."""

    OPTIONS = (Option("words", integer(1, 1 << 20), 8192, "Words an instruction fetches."),)

    def program(self, cpu):
        while True:
            if cpu.cpu_address == 0:
                cpu.fetch_words(0, self.options["words"])
            self.count(cpu)
            yield


class Raising(Counting):
    """Its first processor raises a Python exception after so many steps."""

    OPTIONS = (Option("after", integer(0, 1 << 20), 20, "Steps before it fails."),)

    def program(self, cpu):
        while True:
            if cpu.cpu_address == 0 and cpu.steps >= self.options["after"]:
                self.fail(cpu)
            self.count(cpu)
            yield

    def fail(self, cpu):
        raise LookupError("no such\nrecord")


class Stillborn(Counting):
    """Stores something, then fails, while it is loaded."""

    def ipl(self, cpu):
        cpu.store(0x1000, 1)
        raise LookupError("no boot record")


class Programless(PythonGuest):
    """Can be loaded, and has nothing to run."""

    def ipl(self, cpu):
        cpu.store(0, 1)


class Trespassing(Raising):
    """Its first processor fetches the first word after its zone, and has no handler for the interruption."""

    def fail(self, cpu):
        cpu.fetch(cpu.extent_bytes)


class Ending(Counting):
    """Its processors end after a few steps."""

    def program(self, cpu):
        for _ in range(20):
            self.count(cpu)
            yield


class Waiting(Counting):
    """Its processors count once and wait, without end and enabled for nothing."""

    def program(self, cpu):
        self.count(cpu)
        yield WaitForInterruption()


class Sleeping(PythonGuest):
    """Waits for ever, and never looks at its storage: tests may put there what they like."""

    def program(self, cpu):
        while True:
            yield WaitForInterruption()


class Reading(Counting):
    """Each processor reads a block from its device, over and over; counts what ended well.

    `started` and `ended` hold the start functions of all processors.
    """

    def __init__(self, setup):
        super().__init__(setup)
        self.started = self.ended = 0

    def ipl(self, cpu):
        self.orbs = [
            disk_program(cpu, _PROGRAM + 0x400 * lip, _DATA + 512 * lip) for lip in range(cpu.lip_count)
        ]

    def program(self, cpu):
        device = cpu.devices[cpu.cpu_address % len(cpu.devices)]
        orb = self.orbs[cpu.cpu_address]
        while True:
            condition_code = yield StartSubchannel(device, orb)
            if condition_code:
                cpu.damaged(orb.program, "condition code 0", condition_code)
                return
            self.started += 1
            yield WaitForInterruption((device,))
            ended = (yield TestSubchannel(device)).irb.scsw
            self.ended += 1
            if not ended.ended_normally:
                cpu.damaged(orb.program, "a normal end", str(ended))
            self.count(cpu)
            yield
