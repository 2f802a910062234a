"""`lparvm stress --replay`: a failure again, exactly; shrunk, traced, told, as a regression test."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import orjson
from attrs import asdict, evolve
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lparvm.config import STRESS_SHRINK_ATTEMPTS_MAX
from lparvm.console.terminal import make_console
from lparvm.errors import UsageError
from lparvm.machine import Options
from lparvm.stress.campaign.summary import one_line
from lparvm.stress.replaying.regression import regression_test
from lparvm.stress.replaying.replay import Replayed, replay, replay_traced
from lparvm.stress.replaying.shrinking import Measures, OnAttempt, ShrunkFile, shrink_file
from lparvm.stress.replaying.story import level_for, tell, text_of
from lparvm.stress.replaying.tape_file import TapeFile, load, title_of
from lparvm.stress_cli.keeping import check_page, write_page
from lparvm.stress_cli.replay_options import ReplayOptions
from lparvm.trace.vocabulary import Level


def run(options: ReplayOptions) -> int:
    """Replay it, and do what was asked for; returns 1 where a failure shows, 0 where the run passes.

    Raises:
        UsageError: the tape is none, or of another version; something can't be written.
    """
    path, output = options.replay, options.output
    if options.story is not None:
        check_page("story", options.story)
    file = load(path)
    if options.shrink and output is None:
        output = path.with_name(f"{path.stem}-shrunk.json")
    if output is not None and output.resolve() == path.resolve():
        raise UsageError(f"--output {output}: is the tape itself; expected another file")
    # What is meant for programs stands alone on standard output.
    console = make_console(stderr=options.as_json or options.regression)
    shrunk = None
    if output is not None:
        shrunk = _shrunk(file, options)
        file = shrunk.file
        file.write(output)
        _show_shrunk(shrunk, output, console)
    replayed = replay(file)
    _show(replayed, console)
    if options.trace is not None:
        _trace(file, options.trace, Level[(options.trace_level or "protocol").upper()], console)
    if options.regression:
        click.echo(regression_test(file), nl=False)
    if options.as_json:
        click.echo(orjson.dumps(_as_json(replayed, shrunk, output), option=orjson.OPT_INDENT_2))
    if options.story is not None or not (options.as_json or options.regression):
        _tell(file, options.story, console)
    return int(not replayed.verdict.passed)


# --- shrinking ---------------------------------------------------------------------------------------------


def _shrunk(file: TapeFile, options: ReplayOptions) -> ShrunkFile:
    attempts = options.attempts or STRESS_SHRINK_ATTEMPTS_MAX
    with _progress(make_console(stderr=True)) as told:
        try:
            return shrink_file(file, attempts_max=attempts, on_attempt=told)
        except UsageError as error:
            raise UsageError(f"{options.replay}: {error}") from None


@contextmanager
def _progress(console: Console) -> Iterator[OnAttempt]:
    """On a terminal a line that changes."""
    if not console.is_terminal:
        yield lambda _attempt, _measures: None
        return
    with console.status("the tape is replayed") as status:

        def told(attempt: int, now: Measures) -> None:
            status.update(
                f"attempt {attempt:,}: {now.choices:,} choices, {now.lpars} LPARs, {now.commands} commands, "
                f"{now.faults} faults"
            )

        yield told


def _show_shrunk(shrunk: ShrunkFile, output: Path, console: Console) -> None:
    how = "" if shrunk.done else ", and there may be simpler ones: all attempts or steps were used up"
    console.print(f"shrunk in {shrunk.attempts:,} attempts{how}", soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    for name in ("", "before", "after"):
        table.add_column(name, justify="right" if name else "left")
    before, after = asdict(shrunk.before), asdict(shrunk.after)
    for name, count in before.items():
        table.add_row({"lpars": "LPARs"}.get(name, name), f"{count:,}", f"{after[name]:,}")
    console.print(table)
    console.print(f"{shlex.join(('lparvm', 'stress', '--replay', str(output)))}\n", soft_wrap=True)


# --- the run -----------------------------------------------------------------------------------------------


def _show(replayed: Replayed, console: Console) -> None:
    """The same as in the file; or, loudly, what is not."""
    verdict, file = replayed.verdict, replayed.file
    found = f"{verdict.oracle}: {verdict.detail}" if not verdict.passed else "no problem was found"
    style = "bold green" if verdict.passed else "bold red"
    console.print(Text(f"{title_of(file)}: {one_line(found)}", style=style), soft_wrap=True)
    if replayed.same:
        console.print(f"the same run as in the tape, digest {verdict.digest or 'none'}", soft_wrap=True)
        return
    passes = verdict.passed and bool(file.shown.oracle)
    console.print(
        Text("NOT THE SAME RUN AS IN THE TAPE" + "; what it showed is gone" * passes, style="bold red")
    )
    for told in replayed.differences:
        console.print(f"    {one_line(told)}", soft_wrap=True)


def _trace(file: TapeFile, path: Path, level: Level, console: Console) -> None:
    traced = _traced(file, path, level)
    console.print(f"trace: {path}", soft_wrap=True)
    if not traced.same:
        console.print(Text("NOT THE SAME RUN: it went another way with a trace", style="bold red"))


def _traced(file: TapeFile, path: Path, level: Level) -> Replayed:
    traced = replay_traced(file, Options(trace=path, level=level))
    error = traced.episode.run.error
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, UsageError):
        raise error  # the trace can't be written
    return traced


def _tell(file: TapeFile, page: Path | None, console: Console) -> None:
    with TemporaryDirectory(prefix="lparvm-") as folder:
        trace = Path(folder, f"{title_of(file)}.jsonl".replace("/", "-"))
        traced = _traced(file, trace, level_for(file))
        story = tell(file, traced.episode, trace)
        # Its first line was shown.
        for line in list(text_of(story))[1:] if page is None else ():
            console.print(line, soft_wrap=True)
        if page is not None:
            from lparvm.stress.replaying.story_page import story_page  # noqa: PLC0415 - matplotlib

            write_page(page, story_page(story, trace))
            console.print(f"story: {page}", soft_wrap=True)


def _as_json(replayed: Replayed, shrunk: ShrunkFile | None, output: Path | None) -> dict[str, Any]:
    """One object; `shrunk` is null where nothing was."""
    verdict = evolve(replayed.verdict, tape=None).as_json()
    del verdict["tape"]
    told = None
    if shrunk is not None:
        told = {
            "file": str(output), "attempts": shrunk.attempts, "done": shrunk.done,
            "before": asdict(shrunk.before), "after": asdict(shrunk.after),
        }  # fmt: skip
    job = replayed.file.job
    return {
        **verdict, "mutant": job.mutant, "size": job.size, "same": replayed.same,
        "differences": list(replayed.differences), "shrunk": told,
    }  # fmt: skip
