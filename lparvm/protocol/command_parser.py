"""Reads a command by the rows of `commands.GRAMMAR`. Errors are one line and name the word that is wrong."""

import difflib
from collections.abc import Iterable
from typing import Any

from attrs import frozen

from lparvm.errors import CommandError
from lparvm.protocol.command_values import Kind, TooLarge
from lparvm.protocol.commands import GRAMMAR, VERBS, Command, Syntax

COMMAND_CHARACTERS_MAX = 1000
_SHOWN_CHARACTERS_MAX = 60


@frozen
class _Word:
    """A word of a command. In quotes it is a value, whatever it looks like."""

    text: str
    quoted: bool = False


def parse(text: str) -> Command:
    """The command that a text is.

    Raises:
        CommandError: it is none; names the wrong word and what was expected.
    """
    if len(text) > COMMAND_CHARACTERS_MAX:
        problem = f"the command has {len(text)} characters"
        raise _error(text, text, problem, f"at most {COMMAND_CHARACTERS_MAX}")
    words = _words(text)
    if not words:
        raise _error(text, "", "there is no command", "one of " + ", ".join(VERBS))
    syntax, rest = _verb(text, words)
    return syntax.make(_operands(text, syntax, rest))


def usage() -> tuple[str, ...]:
    """The syntax of all commands, a line each."""
    return tuple(syntax.usage for syntax in GRAMMAR.values())


def complete(text: str, lpars: Iterable[str] = ()) -> list[str]:
    """What the last word of an unfinished command may become, in the order of the grammar.

    Args:
        text: the command up to the cursor.
        lpars: names of the LPARs.
    """
    words = text.upper().split()
    last = "" if not text or text[-1].isspace() else words.pop()
    return [choice for choice in dict.fromkeys(_choices(words, last, list(lpars))) if choice.startswith(last)]


def _choices(words: list[str], last: str, lpars: list[str]) -> list[str]:
    if not words:
        return list(VERBS)
    seconds = [key.split()[1] for key in GRAMMAR if key.startswith(words[0] + " ")]
    if seconds and len(words) == 1:
        return seconds
    verb, operands = " ".join(words[: 2 if seconds else 1]), words[2 if seconds else 1 :]
    if verb not in GRAMMAR:
        return []
    syntax = GRAMMAR[verb]
    keyword, equals, _ = last.partition("=")
    if equals:
        kind = syntax.keywords.get(keyword)
        return [f"{keyword}={value}" for value in _values_of(kind, lpars)] if kind else []
    given = {word.partition("=")[0] for word in operands}
    named = sum("=" in word or word in syntax.flags for word in operands)
    positions = [kind for _, kind in syntax.positions[len(operands) - named :]]
    if positions:
        return [value for value in _values_of(positions[0], lpars) if value not in operands]
    groups = (*syntax.required, *syntax.alternatives)
    refused = given.union(*(group for group in groups if given.intersection(group)))
    names = {**{f"{name}=": name for name in syntax.keywords}, **{name: name for name in syntax.flags}}
    return [shown for shown, name in names.items() if name not in refused]


def _values_of(kind: Kind, lpars: list[str]) -> list[str]:
    return lpars if kind.names_lpar else list(kind.words)


def _words(text: str) -> list[_Word]:
    """Split at blanks; a word may be in double quotes, and has blanks then."""
    pieces = text.split('"')
    if len(pieces) % 2 == 0:
        raise _error(text, '"' + pieces[-1].strip(), "the quote is not closed", 'a second "')
    words: list[_Word] = []
    for position, piece in enumerate(pieces):
        words += [_Word(piece, quoted=True)] if position % 2 else map(_Word, piece.split())
    return words


def _verb(text: str, words: list[_Word]) -> tuple[Syntax, list[_Word]]:
    verb = words[0].text.upper()
    if verb in VERBS and verb in GRAMMAR:
        return GRAMMAR[verb], words[1:]
    seconds = [key.split()[1] for key in GRAMMAR if key.startswith(verb + " ")]
    if not seconds:
        close = difflib.get_close_matches(verb, VERBS, 1)
        hint = f"{close[0]}, or another of " if close else "one of "
        raise _error(text, words[0].text, "no such command", hint + ", ".join(VERBS))
    second = words[1].text if len(words) > 1 else ""
    if second.upper() not in seconds:
        problem = f"is no kind of {verb}" if second else f"{verb} needs more"
        raise _error(text, second, problem, " or ".join(seconds))
    return GRAMMAR[f"{verb} {second.upper()}"], words[2:]


def _operands(text: str, syntax: Syntax, words: list[_Word]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    positions = list(syntax.positions)
    for word in words:
        keyword, equals, value = word.text.partition("=")
        keyword = keyword.upper()
        if equals and keyword in syntax.keywords and not word.quoted:
            _refuse_twice(text, word.text, keyword, values)
            values[keyword] = _read(text, word.text, value, syntax.keywords[keyword])
        elif keyword in syntax.flags and not equals and not word.quoted:
            _refuse_twice(text, word.text, keyword, values)
            values[keyword] = True
        elif positions and (word.quoted or not equals):
            name, kind = positions.pop(0)
            values[name] = _read(text, word.text, word.text, kind)
        else:
            raise _error(text, word.text, "does not belong here", syntax.usage)
    if positions:
        raise _error(text, "", "something is missing", f"{positions[0][1].expected}: {syntax.usage}")
    _check_groups(text, syntax, values)
    return values


def _check_groups(text: str, syntax: Syntax, values: dict[str, Any]) -> None:
    for group in (*syntax.required, *syntax.alternatives):
        given = [name for name in values if name in group]
        names = " or ".join(name if name in syntax.flags else f"{name}=" for name in group)
        if not given and group in syntax.required:
            raise _error(text, "", f"{names} is missing", syntax.usage)
        if len(given) > 1:
            raise _error(text, given[1], f"cannot stand beside {given[0]}", f"one of {names}")


def _refuse_twice(text: str, word: str, name: str, values: dict[str, Any]) -> None:
    if name in values:
        raise _error(text, word, f"{name} is given twice", f"one {name}")


def _read(text: str, word: str, value: str, kind: Kind) -> Any:
    try:
        return kind.read(value)
    except TooLarge as limit:
        raise _error(text, word, "too large", f"at most {limit}") from None
    except ValueError:
        raise _error(text, word, "wrong value" if value else "no value", kind.expected) from None


def _error(text: str, word: str, problem: str, expected: str) -> CommandError:
    """The error to raise: the word in one line and not too long, with nothing that disturbs a terminal."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in word)
    if len(shown) > _SHOWN_CHARACTERS_MAX:
        shown = shown[:_SHOWN_CHARACTERS_MAX] + "..."
    return CommandError(text, shown, problem, expected)
