"""Channel programs for disks."""

import os

from lparvm.arch.fixed_block import DiskCommand, Operation, define_extent, locate
from lparvm.devices import files as files_module

from .data_areas import Run

LAST = 15
"""Last block of the small disks of the tests."""


def open_chain(device, operation, block, count, last=LAST, **kwargs):
    start = Run(device, **kwargs)
    try:
        start.output(DiskCommand.DEFINE_EXTENT, define_extent(0, last))
        start.output(DiskCommand.LOCATE, locate(operation, block, count))
    except BaseException:
        start.end()
        raise
    start.waits.clear()
    return start


def write(device, block, data, count=None, **kwargs):
    with open_chain(device, Operation.WRITE, block, count or -(-len(data) // 512), **kwargs) as start:
        return start.output(DiskCommand.WRITE, data)


def read(device, block, count, size=None, **kwargs):
    with open_chain(device, Operation.READ, block, count, **kwargs) as start:
        return start.input(DiskCommand.READ, count * 512 if size is None else size)


def partly(monkeypatch, bytes_written, then):
    """The next write of blocks does a part of it, then calls `then`."""
    whole = os.pwritev

    def pwritev(descriptor, parts, offset):
        if sum(map(len, parts)) < 512:  # a record of the intents
            return whole(descriptor, parts, offset)
        monkeypatch.setattr(files_module.os, "pwritev", whole)
        written = whole(descriptor, [b"".join(parts)[:bytes_written]], offset)
        return then() or written

    monkeypatch.setattr(files_module.os, "pwritev", pwritev)
