"""Files that a campaign leaves beside its results: the tapes of failures, and pages."""

import os
from pathlib import Path

from lparvm.errors import UsageError
from lparvm.stress.campaign.model import Campaign
from lparvm.stress.campaign.totals import Totals
from lparvm.stress.verdict import SeedVerdict

_PAGES = (".html", ".htm")


class TapeKeeper:
    """Writes the choice tape of each failure, as it comes.

    Attributes:
        folder: where to.
        kept: the files, by seed.
    """

    def __init__(self, folder: Path, campaign: Campaign) -> None:
        """Make the folder.

        Args:
            folder: where to.
            campaign: whose tapes they are.

        Raises:
            UsageError: it can't be made.
        """
        self.folder, self.kept = folder, dict[int, Path]()
        self._campaign = campaign
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
        from lparvm.stress.replaying.tape_file import TapeFile  # noqa: PLC0415 - the whole machine

        path = self.folder / f"seed-{verdict.seed}.json"
        TapeFile.of(verdict, self._campaign.mutant, self._campaign.size).write(path)
        self.kept[verdict.seed] = path

    def looked(self, totals: Totals) -> None:
        """Nothing to do."""


def check_page(what: str, path: Path) -> None:
    """What can be known of a page's file before it is written, which may be an hour later.

    Raises:
        UsageError: it is no page, or can't be written.
    """
    if path.suffix.lower() not in _PAGES:
        raise UsageError(f"{what} {path}: expected a name that ends in {' or '.join(_PAGES)}")
    if (
        path.is_dir()
        or not path.parent.is_dir()
        or not os.access(path if path.exists() else path.parent, os.W_OK)
    ):
        raise UsageError(f"{what} {path}: can't be written there")


def write_page(path: Path, page: str) -> None:
    """Write the page.

    Raises:
        UsageError: it can't be written.
    """
    try:
        path.write_bytes(page.encode())
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: can't be written: {_reason(error)}") from None


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
