"""The rich console that everything is printed on."""

import os
from typing import TextIO

from rich.console import Console

# Where no terminal sets a width: wide enough for every table, so that nothing in a file is folded or cut.
_FILE_COLUMNS = 160


def make_console(
    *, stderr: bool = False, file: TextIO | None = None, force_terminal: bool | None = None
) -> Console:
    """A console for texts that are shown as they are: titles and messages may hold brackets and colons.

    Args:
        stderr: standard error, not standard output.
        file: another stream to write to.
        force_terminal: whether the stream leads to a terminal; None: it knows.
    """
    console = Console(
        stderr=stderr, file=file, force_terminal=force_terminal, highlight=False, markup=False, emoji=False
    )
    if not console.is_terminal and not os.environ.get("COLUMNS", "").isdigit():
        console.width = _FILE_COLUMNS
    return console
