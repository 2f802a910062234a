"""Channel programs for disks."""

from lparvm.arch.fixed_block import DiskCommand, Operation, define_extent, locate

from .data_areas import Run

LAST = 15
"""Last block of the small disks of the tests."""


def open_chain(device, operation, block, count, last=LAST, **kwargs):
    start = Run(device, **kwargs)
    start.output(DiskCommand.DEFINE_EXTENT, define_extent(0, last))
    start.output(DiskCommand.LOCATE, locate(operation, block, count))
    start.waits.clear()
    return start


def write(device, block, data, count=None, **kwargs):
    with open_chain(device, Operation.WRITE, block, count or -(-len(data) // 512), **kwargs) as start:
        return start.output(DiskCommand.WRITE, data)


def read(device, block, count, size=None, **kwargs):
    with open_chain(device, Operation.READ, block, count, **kwargs) as start:
        return start.input(DiskCommand.READ, count * 512 if size is None else size)
