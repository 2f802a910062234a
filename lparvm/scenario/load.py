"""Finds a scenario's text and reads it: built-in ones by name, others by path."""

import tomllib
from importlib import resources
from pathlib import Path

from lparvm.config import SCENARIO_BYTES_MAX
from lparvm.scenario.build import build
from lparvm.scenario.errors import choice, error
from lparvm.scenario.model import Scenario
from lparvm.scenario.toml_form import read_tables
from lparvm.units import format_size

_SUFFIX = ".toml"


def builtin_names() -> tuple[str, ...]:
    """Names of the built-in scenarios, in order."""
    directory = resources.files("lparvm") / "scenarios"
    files = sorted(entry.name for entry in directory.iterdir())
    return tuple(name.removesuffix(_SUFFIX) for name in files if name.endswith(_SUFFIX))


def builtin_text(name: str) -> str:
    """The TOML text of a built-in scenario, comments included.

    Raises:
        ScenarioError: there is none of that name.
    """
    if name not in builtin_names():
        raise error(name, "", "no such built-in scenario", choice(name, builtin_names()))
    return (resources.files("lparvm") / "scenarios" / (name + _SUFFIX)).read_text(encoding="utf-8")


def load_scenario(name_or_path: str) -> Scenario:
    """Read a scenario: a built-in one where there is one of that name, else a file.

    Raises:
        ScenarioError: there is none, it can't be read, or something in it is wrong.
    """
    if name_or_path in builtin_names():
        return parse_scenario(builtin_text(name_or_path), name_or_path)
    return parse_scenario(_file_text(name_or_path), name_or_path)


def parse_scenario(text: str, source: str = "<string>") -> Scenario:
    """The scenario that a TOML text describes.

    Args:
        text: the TOML.
        source: where it came from; begins every error, and is the scenario's name.

    Raises:
        ScenarioError: something in it is wrong.
    """
    try:
        tables = tomllib.loads(text.removeprefix("\ufeff"))
    except ValueError as wrong:  # TOMLDecodeError, and Python's own for numbers of absurd length
        raise error(source, "", f"is not TOML: {wrong}") from None
    except RecursionError:
        raise error(source, "", "is nested too deeply", "a few levels of tables") from None
    return build(read_tables(tables, source), source)


def _file_text(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            data = file.read(SCENARIO_BYTES_MAX + 1)
    except (FileNotFoundError, NotADirectoryError):
        expected = f"the path of a scenario file, or {choice(path, builtin_names())}"
        raise error(path, "", "no such file or built-in scenario", expected) from None
    except IsADirectoryError:
        raise error(path or "''", "", "is a directory", "a scenario file") from None
    except (OSError, ValueError) as wrong:  # ValueError: a NUL character in the path
        reason = wrong.strerror if isinstance(wrong, OSError) else str(wrong)
        raise error(path, "", f"cannot be read: {reason}", "a scenario file") from None
    if len(data) > SCENARIO_BYTES_MAX:
        problem = f"is larger than {format_size(SCENARIO_BYTES_MAX)}"
        raise error(path, "", problem, "a scenario file")
    if b"\0" in data:
        raise error(path, "", "is a binary file", "a scenario file: TOML, in UTF-8")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as wrong:
        line = data.count(b"\n", 0, wrong.start) + 1
        raise error(path, "", f"is not UTF-8 (line {line})", "a scenario file: TOML, in UTF-8") from None
