"""A guest of one's own: counts in one word of every page, and knows what each must hold."""

from lparvm.guests import PythonGuest, WaitForInterruption


class Counter(PythonGuest):
    def ipl(self, cpu):  # initial program load: the zone is all zero
        for address in range(0, cpu.extent_bytes, 4096):
            cpu.store(address, address)

    def program(self, cpu):  # one for each LIP; this one owns every n-th page
        for count in range(1_000_000):
            for address in range(4096 * cpu.cpu_address, cpu.extent_bytes, 4096 * cpu.lip_count):
                found = cpu.fetch(address)
                if found != address + count:
                    cpu.damaged(address, address + count, found)
                cpu.store(address, address + count + 1)
                cpu.step()
                yield  # an instruction boundary: here the partition may be moved
            yield WaitForInterruption(duration_ns=100_000)
