"""Reads a command by the rows of `commands.GRAMMAR`. Every error names the word that is wrong."""

import difflib
from typing import Any

from lparvm.errors import CommandError
from lparvm.protocol.commands import GRAMMAR, VERBS, Command, Kind, Syntax

COMMAND_CHARACTERS_MAX = 1000


def parse(text: str) -> Command:
    """The command that a text is.

    Raises:
        CommandError: it is none; names the wrong word and what was expected.
    """
    if len(text) > COMMAND_CHARACTERS_MAX:
        problem = f"the command has {len(text)} characters"
        raise CommandError(text[:40], "", problem, f"at most {COMMAND_CHARACTERS_MAX}")
    words = _words(text)
    if not words:
        raise CommandError(text, "", "there is no command", "one of " + ", ".join(VERBS))
    syntax, rest = _verb(text, words)
    return syntax.make(_operands(text, syntax, rest))


def usage() -> tuple[str, ...]:
    """The syntax of all commands, a line each."""
    return tuple(syntax.usage for syntax in GRAMMAR.values())


def complete(text: str, lpars: tuple[str, ...] = ()) -> list[str]:
    """What the last word of an unfinished command may become.

    Args:
        text: the command up to the cursor.
        lpars: names of the LPARs.
    """
    words = text.upper().split()
    last = "" if not text or text[-1].isspace() else words.pop()
    if not words:
        choices = list(VERBS)
    else:
        rows = [(key, row) for key, row in GRAMMAR.items() if key.split()[0] == words[0]]
        deeper = [key.split()[1] for key, _ in rows if " " in key]
        if deeper and len(words) == 1:
            choices = deeper
        else:
            keywords = [f"{name}=" for _, row in rows for name in row.keywords]
            flags = [name for _, row in rows for name in row.flags]
            places = ["FRAME", "STORAGE", "DEVICES", "OPERATIONS"] if words[0] == "DISPLAY" else list(lpars)
            choices = places if len(words) == 1 else [*keywords, *flags, *lpars]
    return [choice for choice in dict.fromkeys(choices) if choice.startswith(last) and choice not in words]


def _words(text: str) -> list[str]:
    """Split at blanks; a word may be in double quotes."""
    words: list[str] = []
    pieces = text.split('"')
    if len(pieces) % 2 == 0:
        raise CommandError(text, '"' + pieces[-1].strip(), "the quote is not closed", 'a second "')
    for position, piece in enumerate(pieces):
        words += [piece] if position % 2 else piece.split()
    return words


def _verb(text: str, words: list[str]) -> tuple[Syntax, list[str]]:
    verb = words[0].upper()
    if verb in GRAMMAR:
        return GRAMMAR[verb], words[1:]
    seconds = [key.split()[1] for key in GRAMMAR if key.startswith(verb + " ")]
    if not seconds:
        close = difflib.get_close_matches(verb, VERBS, 1)
        hint = f"{close[0]}, or another of " if close else "one of "
        raise CommandError(text, words[0], "no such command", hint + ", ".join(VERBS))
    second = words[1].upper() if len(words) > 1 else ""
    if second not in seconds:
        problem = "is no kind of " + verb if second else verb + " needs more"
        raise CommandError(text, words[1] if second else "", problem, " or ".join(seconds))
    return GRAMMAR[f"{verb} {second}"], words[2:]


def _operands(text: str, syntax: Syntax, words: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    positions = list(syntax.positions)
    for word in words:
        keyword, equals, value = word.partition("=")
        keyword = keyword.upper()
        if equals and keyword in syntax.keywords:
            _refuse_twice(text, word, keyword, values)
            values[keyword] = _read(text, word, value, syntax.keywords[keyword])
        elif word.upper() in syntax.flags:
            _refuse_twice(text, word, word.upper(), values)
            values[word.upper()] = True
        elif positions and not equals:
            name, kind = positions.pop(0)
            values[name] = _read(text, word, word, kind)
        else:
            raise CommandError(text, word, "does not belong here", syntax.usage)
    if positions:
        raise CommandError(text, "", "something is missing", f"{positions[0][1].expected}: {syntax.usage}")
    for group in syntax.required:
        given = [name for name in group if name in values]
        names = " or ".join(name if name in syntax.flags else f"{name}=" for name in group)
        if not given:
            raise CommandError(text, "", f"{names} is missing", syntax.usage)
        if len(given) > 1:
            raise CommandError(text, given[1], f"cannot stand beside {given[0]}", f"one of {names}")
    return values


def _refuse_twice(text: str, word: str, name: str, values: dict[str, Any]) -> None:
    if name in values:
        raise CommandError(text, word, f"{name} is given twice", f"one {name}")


def _read(text: str, word: str, value: str, kind: Kind) -> Any:
    try:
        return kind.read(value)
    except ValueError:
        raise CommandError(text, word, "wrong value" if value else "no value", kind.expected) from None
