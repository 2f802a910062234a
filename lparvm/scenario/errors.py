"""How scenario errors are written: one line each, whatever stands in the file."""

import difflib
from collections.abc import Iterable

from lparvm.errors import ScenarioError

_SHOWN_CHARACTERS_MAX = 60


class WrongValue(ValueError):  # noqa: N818 -- it never leaves this package; ScenarioError does
    """A value is wrong in itself; where it stands is added by whoever knows.

    Attributes:
        problem: what is wrong.
        expected: what would have been right.
    """

    def __init__(self, problem: str, expected: str = "") -> None:
        """Keep both parts."""
        self.problem, self.expected = problem, expected
        super().__init__(problem)


def error(source: str, key: str, problem: str, expected: str = "") -> ScenarioError:
    """The error to raise, in one line."""
    return ScenarioError(*(_one_line(part) for part in (source, key, problem, expected)))


def show(value: object) -> str:
    """A value of a TOML file, for people: in one line and not too long."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "an array"
    try:
        text = repr(value) if isinstance(value, str) else str(value)
    except ValueError:  # an integer with more digits than Python writes
        return "a huge number"
    return text if len(text) <= _SHOWN_CHARACTERS_MAX else text[:_SHOWN_CHARACTERS_MAX] + "..."


def choice(word: str, known: Iterable[str]) -> str:
    """What was expected instead of `word`: the closest of the known words first."""
    words = list(known)
    if not words:
        return "none: there are none"
    close = difflib.get_close_matches(word, words, 1)
    if len(words) == 1:
        return words[0]
    others = [known_word for known_word in words if known_word not in close]
    return f"{close[0]}, or another of {', '.join(others)}" if close else "one of " + ", ".join(words)


def _one_line(text: str) -> str:
    """Control characters and line ends escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
