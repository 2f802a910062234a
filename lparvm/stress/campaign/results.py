"""The results file of a campaign: JSON lines, from which it goes on after it was interrupted or killed.

The first line says what wrote it and for which campaign; each further line is a verdict, written when it came.

    {"results":"lparvm stress","version":1,"lparvm":...,"source":...,"python":...,...,"campaign":{...}}
    {"seed":0,"policy":"walk","verdict":"passed",...}

- Verdicts of one file are of one campaign (policy, mutant, size, runner), and of one source of lparvm: else the digest
  would mean nothing. Which seeds were asked for is not part of that: a file may be extended.
- A last line without its end was cut off: it is taken away, and its seed is run again. Any other damage is an error.
- While a campaign writes it, no other one can.
"""

import fcntl
import hashlib
import platform
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import orjson

from lparvm.config import CAMPAIGN_LINE_BYTES_MAX
from lparvm.errors import UsageError
from lparvm.stress.campaign.model import Campaign
from lparvm.stress.campaign.wire import LINE_BEGIN, read_verdict, verdict_line
from lparvm.stress.verdict import SeedVerdict
from lparvm.version import VERSION

FORMAT, FORMAT_VERSION = "lparvm stress", 1
_VERSIONS = ("lparvm", "source", "trio", "python", "numpy")


@cache
def source_digest() -> str:
    """SHA-256, hex, of all of lparvm's source: what a seed comes to may change with each of its lines."""
    digest = hashlib.sha256()
    for name, file in _sources(resources.files("lparvm"), ""):
        digest.update(f"{name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _sources(folder: Traversable, name: str) -> Iterator[tuple[str, Traversable]]:
    for one in sorted(folder.iterdir(), key=lambda each: each.name):
        path = f"{name}/{one.name}"
        if one.is_dir():
            yield from _sources(one, path)
        elif one.name.endswith(".py"):
            yield path, one


def header(campaign: Campaign) -> dict[str, Any]:
    """The first line of a file that this lparvm writes for this campaign."""
    versions = {"lparvm": VERSION, "source": source_digest(), "python": platform.python_version()}
    versions |= {name: metadata.version(name) for name in ("trio", "numpy")}
    return {
        "results": FORMAT, "version": FORMAT_VERSION, **versions,
        "campaign": {
            "policy": campaign.policy, "mutant": campaign.mutant, "size": campaign.size, "runner": campaign.runner,
        },
    }  # fmt: skip


class ResultsFile:
    """A results file, new or to be continued.

    Attributes:
        path: the file.
    """

    def __init__(self, path: Path, campaign: Campaign) -> None:
        """Open it; a line that was cut off is taken away.

        Raises:
            UsageError: it can't be opened, is no results file, is damaged, or is another campaign's.
        """
        self.path = path
        self._header = header(campaign)
        try:
            self._file: BinaryIO = path.open("a+b")
        except (OSError, ValueError) as error:
            raise UsageError(f"results file {path}: can't be opened: {_reason(error)}") from None
        try:
            self._begin()
        except (OSError, UsageError) as error:
            self._file.close()
            if isinstance(error, UsageError):
                raise
            raise UsageError(f"results file {path}: can't be used: {_reason(error)}") from None

    def __enter__(self) -> Self:
        """It is open already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it. What could not be written was told when that was tried."""
        with suppress(OSError):
            self._file.close()

    def verdicts(self) -> Iterator[SeedVerdict]:
        """What stands in it.

        Raises:
            UsageError: a line is damaged.
        """
        seen: set[int] = set()
        self._file.seek(0)
        number = 0
        while line := self._file.readline(CAMPAIGN_LINE_BYTES_MAX + 1):
            number += 1
            if number == 1:
                continue
            try:
                verdict = read_verdict(line)
            except ValueError as error:
                raise self._damaged(number, str(error)) from None
            if verdict.seed in seen:
                raise self._damaged(number, f"seed {verdict.seed} stands in the file twice")
            seen.add(verdict.seed)
            yield verdict

    def append(self, verdict: SeedVerdict) -> None:
        """Write a verdict.

        Raises:
            UsageError: it can't be written, such as on a full disk.
        """
        self._write(verdict_line(verdict))

    def _begin(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"results file {self.path}: another campaign is writing it") from None
        self._file.seek(0)
        mine = orjson.dumps(self._header, option=orjson.OPT_APPEND_NEWLINE)
        first = self._file.readline(CAMPAIGN_LINE_BYTES_MAX)
        if first.endswith(b"\n"):
            self._check_header(first)
            self._repair_end()
        elif mine.startswith(first):  # new, or killed while its first line was written
            self._file.truncate(0)
            self._write(mine)
        else:
            raise UsageError(f"results file {self.path}: is no results file of lparvm stress")

    def _check_header(self, line: bytes) -> None:
        try:
            read = orjson.loads(line)
        except ValueError:
            read = None
        if not isinstance(read, dict) or read.get("results") != FORMAT:
            raise UsageError(f"results file {self.path}: line 1: is no results file of lparvm stress")
        if read.get("version") != FORMAT_VERSION:
            problem = f"version {read.get('version')!r} of the format; expected {FORMAT_VERSION}"
            raise UsageError(f"results file {self.path}: line 1: {problem}")
        for name in _VERSIONS:
            if read.get(name) != self._header[name]:
                was, now = (str(each)[:12] for each in (read.get(name), self._header[name]))
                what = "another source of lparvm" if name == "source" else f"another version of {name}"
                raise UsageError(
                    f"results file {self.path}: line 1: written by {what}, {was}; this is {now}; expected the same, or "
                    "another file"
                )
        if read.get("campaign") != self._header["campaign"]:
            raise UsageError(
                f"results file {self.path}: line 1: {self._other_campaign(read.get('campaign'))}"
            )

    def _other_campaign(self, other: object) -> str:
        for name, mine in self._header["campaign"].items():
            its = other.get(name) if isinstance(other, dict) else None
            if its != mine:
                return f"another campaign's, with {name} {its or 'none'}, not {mine or 'none'}; expected another file"
        return "another campaign's; expected another file"

    def _repair_end(self) -> None:
        """Take a last line away that was cut off."""
        end = self._file.seek(0, 2)
        self._file.seek(max(0, end - CAMPAIGN_LINE_BYTES_MAX))
        tail = self._file.read()
        rest = tail[tail.rfind(b"\n") + 1 :]
        if not rest:
            return
        if rest[: len(LINE_BEGIN)] != LINE_BEGIN[: len(rest)]:
            self._file.seek(0)
            raise self._damaged(sum(1 for _ in self._file), "not the begin of a verdict")
        self._file.truncate(end - len(rest))

    def _damaged(self, number: int, problem: str) -> UsageError:
        told = " ".join(problem.split())[:200]
        return UsageError(f"results file {self.path}: line {number} is damaged: {told}")

    def _write(self, line: bytes) -> None:
        try:
            self._file.write(line)
            self._file.flush()
        except OSError as error:
            raise UsageError(f"results file {self.path}: can't be written: {error.strerror}") from None


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
