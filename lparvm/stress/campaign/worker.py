"""The worker process: reads chunks of seeds from standard input, writes a verdict a line to standard output.

What a seed's code prints, and the last words of a process that dies, go to standard error, which the other side keeps
(see `process.py`). The process ends when its input does, so none is left over when a campaign is killed.
"""

import faulthandler
import os
import resource
import signal
import sys
import time
import traceback
from io import FileIO
from typing import Any

import orjson

from lparvm.errors import UsageError
from lparvm.stress.campaign.runners import Runner, load_runner
from lparvm.stress.campaign.wire import read_jobs, verdict_line
from lparvm.stress.verdict import CRASHED, SeedJob, SeedVerdict

READY = b'{"ready":true}'


def main() -> int:
    """Run seeds until there are no more; the first line of input says how. Returns the exit code."""
    commands, answers = _take_streams()
    faulthandler.enable(all_threads=False)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the campaign decides what a Ctrl-C ends
    settings: dict[str, Any] = orjson.loads(commands.readline())
    try:
        runner = load_runner(settings["runner"])
    except UsageError as error:
        answers.write(orjson.dumps({"problem": str(error)}, option=orjson.OPT_APPEND_NEWLINE))
        return 2
    answers.write(READY + b"\n")
    watchdog = _Watchdog(settings["seed_limit_s"])
    for line in commands:
        for job in read_jobs(line):
            watchdog.feed()
            _forget_words()
            _write(answers, _verdict(runner, job))
        watchdog.rest()
    return 0


def _take_streams() -> tuple[Any, FileIO]:
    """Input and output, as the worker's own: a seed's code finds an empty input, and its output goes to the errors'."""
    commands, answers = os.fdopen(os.dup(0), "rb"), FileIO(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return commands, answers


def _forget_words() -> None:
    """Only what the seed under way says is of interest, should it end the process."""
    if os.lseek(2, 0, os.SEEK_CUR):
        os.ftruncate(2, 0)
        os.lseek(2, 0, os.SEEK_SET)


def _write(answers: FileIO, line: bytes) -> None:
    left = memoryview(line)
    while left:
        left = left[answers.write(left) :]


def _verdict(runner: Runner, job: SeedJob) -> bytes:
    """The line of a seed's verdict. A runner that raises, or gives something else, has crashed."""
    try:
        verdict = runner(job)
        if not isinstance(verdict, SeedVerdict) or verdict.seed != job.seed:
            raise TypeError(f"the runner gave {verdict!r:.40}...; expected a verdict of seed {job.seed}")  # noqa: TRY301
        return verdict_line(verdict)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - told as this seed's verdict
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{os.path.basename(where.filename)}:{where.lineno}"  # noqa: PTH119 - it may be no path: `<string>`
        detail = " ".join(f"{type(error).__name__}: {error} ({place})".split())
        return verdict_line(SeedVerdict(job.seed, job.policy, CRASHED, "exception", detail))


class _Watchdog:
    """Ends a worker that hangs when nobody else does, because the campaign was killed."""

    def __init__(self, seed_limit_s: float) -> None:
        self._limit_s = seed_limit_s
        self._fed_s: float | None = None

    def feed(self) -> None:
        """A seed begins. Sets the time anew now and then only: that takes as long as a hundredth of a seed."""
        now_s = time.monotonic()
        if self._fed_s is None or now_s - self._fed_s > self._limit_s / 4:
            faulthandler.dump_traceback_later(self._limit_s * 2, exit=True)
            self._fed_s = now_s

    def rest(self) -> None:
        """The worker waits for seeds, as long as it takes."""
        faulthandler.cancel_dump_traceback_later()
        self._fed_s = None


if __name__ == "__main__":
    sys.exit(main())
