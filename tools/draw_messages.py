"""Draws docs/messages.md from the catalogue: `python tools/draw_messages.py [--check]`."""

import sys
from pathlib import Path

import drawn_page

from lparvm.protocol.catalogue import CATALOGUE, MessageType
from lparvm.protocol.results import Result

PAGE = Path(__file__).resolve().parents[1] / "docs" / "messages.md"

INTRO = """\
# Result codes and messages

<!-- Drawn from lparvm/protocol/catalogue*.py by tools/draw_messages.py. Change those, then draw it again. -->

Every command ends with exactly one result code; a scenario's `expect` names it, and `--json` has it as `result`. Every
result code has one message; the others tell what happens meanwhile. The last letter of an id is I (information), W
(something waits or was refused, and nothing is lost) or E (error). `lparvm messages ID` prints one of them.

## Result codes

| result | message | what it means |
|---|---|---|
"""

MESSAGES = """
## Messages

| id | text | cause | what to do |
|---|---|---|---|
"""


def draw() -> str:
    """The whole page."""
    results = "".join(_result_row(result) for result in Result)
    return INTRO + results + MESSAGES + "".join(map(_message_row, CATALOGUE))


def _result_row(result: Result) -> str:
    entry = next(entry for entry in CATALOGUE if entry.result is result)
    return f"| `{result}` | {entry.code} | {_cell(entry.cause)} |\n"


def _message_row(entry: MessageType) -> str:
    return f"| {entry.code} | {_cell(entry.text)} | {_cell(entry.cause)} | {_cell(entry.action)} |\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(arguments: list[str] | None = None) -> int:
    """See `drawn_page`."""
    return drawn_page.main(draw, PAGE, "tools/draw_messages.py", __doc__ or "", arguments)


if __name__ == "__main__":
    sys.exit(main())
