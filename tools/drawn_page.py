"""The command line of tools that draw a page of docs/: write it, or with `--check` see whether it is stale."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path


def main(draw: Callable[[], str], page: Path, tool: str, doc: str, arguments: Sequence[str] | None) -> int:
    """Write the page, or compare it; exit code 1 where it is stale.

    Args:
        draw: gives the whole page.
        page: where it stands.
        tool: the tool's path in the project, for the message.
        doc: its docstring, of which the first line is shown.
        arguments: of the command line; None: those of this process.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if the page is stale")
    parser.add_argument("--page", type=Path, default=page, help=f"the page; default: docs/{page.name}")
    given = parser.parse_args(arguments)
    drawn = draw()
    if given.check:
        if not given.page.exists() or given.page.read_text(encoding="utf-8") != drawn:
            print(f"{given.page} is stale: run python {tool}", file=sys.stderr)
            return 1
        return 0
    given.page.parent.mkdir(parents=True, exist_ok=True)
    given.page.write_text(drawn, encoding="utf-8")
    return 0
