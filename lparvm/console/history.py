"""The console's history of commands: kept in memory, and over sessions where the user's state directory allows it."""

import os
from pathlib import Path

from prompt_toolkit.history import FileHistory, History, InMemoryHistory

# A file that has grown beyond this is put aside (one is kept), and a new one is begun.
_HISTORY_BYTES_MAX = 1 << 20


class _UnfailingHistory(FileHistory):
    """A disk that fills up meanwhile must not end the session."""

    def store_string(self, string: str) -> None:
        """Append a command to the file, if it can be done."""
        try:
            super().store_string(string)
        except OSError:
            return


def state_directory() -> Path:
    """Where the user keeps the state of programs: `$XDG_STATE_HOME/lparvm`, by default in `~/.local/state`."""
    given = os.environ.get("XDG_STATE_HOME", "")
    base = Path(given) if Path(given).is_absolute() else Path("~/.local/state").expanduser()
    return base / "lparvm"


def open_history() -> History:
    """The history of earlier sessions, if it can be read and written; else an empty one."""
    try:
        path = state_directory() / "console-history"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > _HISTORY_BYTES_MAX:
            path.replace(path.with_suffix(".old"))
        path.touch(mode=0o600)
        with path.open("rb+"):
            return _UnfailingHistory(path)
    except (OSError, RuntimeError):  # RuntimeError: there is no home
        return InMemoryHistory()
