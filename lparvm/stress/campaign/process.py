"""One worker process, as seen from outside: chunks go in, verdicts come out, and why it was lost is found out.

The process is this Python with this process's search path, and with the hash seed pinned: a seed comes to the same
verdict in each of them. Its standard error goes to a file that has no name, where a process that dies leaves its last
words (`faulthandler` writes where it was).
"""

import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress

import orjson

from lparvm.config import (
    CAMPAIGN_DETAIL_CHARACTERS_MAX,
    CAMPAIGN_LAST_WORDS_BYTES,
    CAMPAIGN_LINE_BYTES_MAX,
    CAMPAIGN_WORKER_END_S,
    CAMPAIGN_WORKER_START_S,
)
from lparvm.errors import UsageError
from lparvm.stress.campaign.model import WORKER_DIED, WORKER_HUNG, Chunk, Loss, Outcome
from lparvm.stress.campaign.wire import jobs_line, read_verdict
from lparvm.stress.campaign.worker import READY
from lparvm.stress.verdict import SeedVerdict
from lparvm.units import NS_PER_S, nanoseconds

_COMMAND = ("-P", "-m", "lparvm.stress.campaign.worker")
_READ_BYTES = 1 << 20
_PLACE = re.compile(r'^  File "(?P<file>[^\n]*)", line (?P<line>\d+) in (?P<name>[^\n]*)', re.MULTILINE)


def search_path() -> str:
    """Where this process finds modules, as `PYTHONPATH` has it."""
    return os.pathsep.join(one or os.getcwd() for one in sys.path)  # noqa: PTH109 - as Python itself takes ''


class WorkerProcess:
    """A worker process. It has one chunk at a time.

    Attributes:
        chunk: the chunk under way; None: it is idle.
        deadline_ns: when the seed under way has taken too long, on `time.monotonic_ns`.
    """

    def __init__(self, runner: str, seed_limit_s: float) -> None:
        """Start it.

        Args:
            runner: dotted name of the function that runs a seed.
            seed_limit_s: how long a seed may take, in seconds of real time.
        """
        self.chunk: Chunk | None = None
        self.deadline_ns = 0
        self._limit_s = seed_limit_s
        self._ready = False
        self._buffer = bytearray()
        self._verdicts: list[SeedVerdict] = []
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(  # noqa: S603 - this Python
            [sys.executable, *_COMMAND], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._words,
            start_new_session=True,  # else a Ctrl-C of the terminal would reach it
            env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": search_path()}, bufsize=0,
        )  # fmt: skip
        settings = {"runner": runner, "seed_limit_s": seed_limit_s}
        self._send(orjson.dumps(settings, option=orjson.OPT_APPEND_NEWLINE))

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def usable(self) -> bool:
        """Whether it lives, as far as is known."""
        return self._process.poll() is None

    def fileno(self) -> int:
        """Readable when there is something to `receive`."""
        assert self._process.stdout is not None, "the process was started with a pipe"
        return self._process.stdout.fileno()

    def start(self, chunk: Chunk) -> None:
        """Hand out a chunk."""
        assert self.chunk is None, "a worker has one chunk at a time"
        self.chunk = chunk
        self._verdicts = []
        self._set_deadline()
        self._send(jobs_line(chunk.jobs))

    def receive(self) -> Outcome | None:
        """Take what the process has written; the outcome, where that completes the chunk or the process was lost.

        Raises:
            UsageError: no such process can run seeds: there is no such runner, or lparvm can't be loaded.
        """
        data = os.read(self.fileno(), _READ_BYTES)
        if not data:
            return self._lost(self._reason_of_death())
        self._buffer += data
        if b"\n" in data:
            *lines, self._buffer = self._buffer.split(b"\n")
            try:
                for line in lines:
                    self._take(bytes(line))
            except ValueError as error:
                return self._lost(Loss(WORKER_DIED, f"the worker process wrote what is no verdict: {error}"))
            self._set_deadline()
        if len(self._buffer) > CAMPAIGN_LINE_BYTES_MAX:
            return self._lost(Loss(WORKER_DIED, "the worker process wrote a line without an end"))
        if self.chunk is None or len(self._verdicts) < len(self.chunk.jobs):
            return None
        outcome, self.chunk = Outcome(self.chunk, tuple(self._verdicts)), None
        return outcome

    def _take(self, line: bytes) -> None:
        if self._ready:
            self._verdicts.append(read_verdict(line))
        elif line == READY:
            self._ready = True
        else:
            raise UsageError(str(orjson.loads(line)["problem"]))

    def run(self, chunk: Chunk) -> Outcome:
        """Hand out a chunk, and wait for its outcome.

        Raises:
            UsageError: as `receive`.
        """
        self.start(chunk)
        while True:
            left_s = (self.deadline_ns - time.monotonic_ns()) / NS_PER_S
            readable, _, _ = select.select([self], [], [], max(0.0, left_s))
            outcome = self.receive() if readable else self.give_up()
            if outcome is not None:
                return outcome

    def give_up(self) -> Outcome:
        """The seed under way has taken too long: end the process; the outcome of its chunk."""
        self._end(signal.SIGABRT)  # so it says where it is
        place = self._place()
        detail = f"no verdict within {self._limit_s:g} s" + (f"; it was in {place}" if place else "")
        return self._lost(Loss(WORKER_HUNG, detail))

    def close(self) -> None:
        """End it. Harmless where it has ended."""
        self._end(signal.SIGKILL)
        for stream in (self._process.stdin, self._process.stdout, self._words):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def _lost(self, loss: Loss) -> Outcome:
        self.close()
        assert self.chunk is not None, "who is idle isn't asked"
        outcome, self.chunk = Outcome(self.chunk, tuple(self._verdicts), loss), None
        return outcome

    def _set_deadline(self) -> None:
        """For the seed that begins now; a new process has first to load what it runs."""
        limit_s = self._limit_s if self._ready else self._limit_s + CAMPAIGN_WORKER_START_S
        self.deadline_ns = time.monotonic_ns() + nanoseconds(limit_s)

    def _send(self, line: bytes) -> None:
        assert self._process.stdin is not None, "the process was started with a pipe"
        with suppress(BrokenPipeError):  # it has died, which the next `receive` finds
            self._process.stdin.write(line)

    def _end(self, how: signal.Signals) -> None:
        if self._process.poll() is None:
            self._process.send_signal(how)
            try:
                self._process.wait(CAMPAIGN_WORKER_END_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _reason_of_death(self) -> Loss:
        """Its output has ended: the process has died, or is about to."""
        try:
            code = self._process.wait(CAMPAIGN_WORKER_END_S)
        except subprocess.TimeoutExpired:
            return Loss(WORKER_DIED, "the worker process closed its output")
        if code < 0:
            number = -code
            name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
            how = f"the worker process was killed by {name}"
        else:
            how = f"the worker process ended itself with exit code {code}"
        place, words = self._place(), self._last_words().split("\n")
        last = next((line for line in reversed(words) if line.strip()), "")
        if not self._ready and code > 0:
            raise UsageError(f"the worker process can't start: {last.strip() or how}")
        told = f"; it was in {place}" if place else f"; it said: {last}" if last else ""
        return Loss(WORKER_DIED, " ".join(f"{how}{told}".split())[:CAMPAIGN_DETAIL_CHARACTERS_MAX])

    def _place(self) -> str:
        """Where Python was, as the last words say; empty where they don't."""
        match = _PLACE.search(self._last_words())
        return f"{match['name']} ({os.path.basename(match['file'])}:{match['line']})" if match else ""  # noqa: PTH119

    def _last_words(self) -> str:
        size = os.fstat(self._words.fileno()).st_size
        begin = max(0, size - CAMPAIGN_LAST_WORDS_BYTES)
        return os.pread(self._words.fileno(), size - begin, begin).decode(errors="replace")
