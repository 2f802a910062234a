"""The very same run again, from its tape."""

from attrs import fields, frozen

from lparvm.machine import Options
from lparvm.stress.episode.run import Episode, run_episode
from lparvm.stress.replaying.tape_file import Shown, TapeFile
from lparvm.stress.verdict import SeedVerdict
from lparvm.trace.writer import Listener

_LEVEL_SHIFTS = ("digest", "detail")
"""What another trace level changes: more events are in the digest, and their numbers stand in words."""


@frozen
class Replayed:
    """What a replay came to.

    Attributes:
        file: what was replayed.
        episode: the run.
        verdict: its verdict.
        differences: what it showed that is not as in the file; empty: it was the very same run.
    """

    file: TapeFile
    episode: Episode
    verdict: SeedVerdict
    differences: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether it was the very same run."""
        return not self.differences


def replay(file: TapeFile) -> Replayed:
    """Run a tape as it was run when it was found."""
    return _compared(file, run_episode(file.job, file.tape.again()), ())


def replay_traced(file: TapeFile, options: Options, listeners: tuple[Listener, ...] = ()) -> Replayed:
    """Run it once more with a trace file at any level; its digest is another one then, and is not compared.

    Args:
        file: what is replayed.
        options: trace file and level.
        listeners: told of each event.
    """
    return _compared(
        file, run_episode(file.job, file.tape.again(), options=options, listeners=listeners), _LEVEL_SHIFTS
    )


def _compared(file: TapeFile, episode: Episode, left_out: tuple[str, ...]) -> Replayed:
    verdict = episode.verdict()
    found = Shown.of(verdict)
    names = [one.name for one in fields(Shown) if one.name not in left_out]
    differences = tuple(
        f"{name} {getattr(found, name) or 'none'}, not {getattr(file.shown, name) or 'none'}"
        for name in names
        if getattr(found, name) != getattr(file.shown, name)
    )
    return Replayed(file, episode, verdict, differences)
