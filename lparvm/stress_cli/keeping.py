"""Files that a campaign leaves beside its results: the tapes of failures, the board."""

from pathlib import Path

import orjson

from lparvm.errors import UsageError
from lparvm.stress.campaign.totals import Totals
from lparvm.stress.verdict import SeedVerdict


class TapeKeeper:
    """Writes the choice tape of each failure, as it comes.

    Attributes:
        folder: where to.
        kept: the files, by seed.
    """

    def __init__(self, folder: Path) -> None:
        """Make the folder.

        Raises:
            UsageError: it can't be made.
        """
        self.folder, self.kept = folder, dict[int, Path]()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            raise UsageError(f"--keep {folder}: can't be made: {_reason(error)}") from None

    def judged(self, verdict: SeedVerdict) -> None:
        """Keep its tape, if it has failed. A seed whose worker died has left none.

        Raises:
            UsageError: it can't be written.
        """
        if verdict.passed or verdict.tape is None:
            return
        path = self.folder / f"seed-{verdict.seed}.json"
        _write(path, orjson.dumps(verdict.tape, option=orjson.OPT_APPEND_NEWLINE))
        self.kept[verdict.seed] = path

    def looked(self, totals: Totals) -> None:
        """Nothing to do."""


def write_board(path: Path, page: str) -> None:
    """Write the page.

    Raises:
        UsageError: it can't be written.
    """
    _write(path, page.encode())


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: can't be written: {_reason(error)}") from None


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
