"""Where the bytes of a trace go: a file, compressed as its name ends, or nowhere.

Each block that is written can be read back whatever comes next: a compressor is flushed at its end. So a process that
is killed leaves a file whose beginning is readable up to its last block, compressed or not.
"""

from pathlib import Path
from typing import BinaryIO, Protocol

from lparvm.config import TRACE_GZIP_LEVEL, TRACE_ZSTANDARD_LEVEL
from lparvm.errors import UsageError


class _Packer(Protocol):
    """Turns blocks into what stands in the file."""

    def pack(self, block: bytes | bytearray) -> bytes | bytearray:
        """A block, so that it can be unpacked without what follows."""

    def finish(self) -> bytes:
        """What ends the file."""


class _Plain:
    def pack(self, block: bytes | bytearray) -> bytes | bytearray:
        return block

    def finish(self) -> bytes:
        return b""


class _Gzip:
    """One gzip member, without a time: the same events give the same bytes."""

    def __init__(self) -> None:
        import zlib  # noqa: PLC0415 - most traces are not compressed

        self._compressor = zlib.compressobj(TRACE_GZIP_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        self._sync, self._end = zlib.Z_SYNC_FLUSH, zlib.Z_FINISH

    def pack(self, block: bytes | bytearray) -> bytes:
        return self._compressor.compress(block) + self._compressor.flush(self._sync)

    def finish(self) -> bytes:
        return self._compressor.flush(self._end)


class _Zstandard:
    """One frame with a checksum."""

    def __init__(self) -> None:
        import zstandard  # noqa: PLC0415 - most traces are not compressed

        compressor = zstandard.ZstdCompressor(level=TRACE_ZSTANDARD_LEVEL, write_checksum=True)
        self._compressor = compressor.compressobj()
        self._block, self._end = zstandard.COMPRESSOBJ_FLUSH_BLOCK, zstandard.COMPRESSOBJ_FLUSH_FINISH

    def pack(self, block: bytes | bytearray) -> bytes:
        return self._compressor.compress(block) + self._compressor.flush(self._block)

    def finish(self) -> bytes:
        return self._compressor.flush(self._end)


_PACKERS: dict[str, type[_Gzip | _Zstandard]] = {".gz": _Gzip, ".zst": _Zstandard}
"""By the ending of the file's name."""


class Output:
    """A file to write blocks to; none where there is no path.

    A write that fails closes it: what was written stays, nothing is written twice.
    """

    __slots__ = ("_file", "_name", "_packer")

    def __init__(self, path: Path | None) -> None:
        """Open the file.

        Raises:
            UsageError: it cannot be written.
        """
        self._name = str(path)
        self._file: BinaryIO | None = None
        self._packer: _Packer = _Plain()
        if path is not None:
            try:
                self._file = path.open("wb", buffering=0)
            except OSError as error:
                raise self._problem(error) from error
            self._packer = _PACKERS.get(path.suffix.lower(), _Plain)()

    def write(self, block: bytes | bytearray) -> None:
        """Write a block.

        Raises:
            UsageError: it cannot be written; the file is closed.
        """
        if self._file is not None:
            self._put(self._file, self._packer.pack(block))

    def close(self) -> None:
        """End the file and close it; a second call does nothing.

        Raises:
            UsageError: its end cannot be written; it is closed all the same.
        """
        file, self._file = self._file, None
        if file is not None:
            with file:
                self._put(file, self._packer.finish())

    def _put(self, file: BinaryIO, packed: bytes | bytearray) -> None:
        view = memoryview(packed)
        try:
            while view:
                view = view[file.write(view) :]
        except OSError as error:
            self._file = None
            file.close()
            raise self._problem(error) from error

    def _problem(self, error: OSError) -> UsageError:
        return UsageError(f"trace file {self._name}: cannot be written: {error.strerror}")
