"""What `lparvm stress` is to do, and which options go with it: one that would change nothing is refused."""

from collections.abc import Mapping
from typing import Any

import click
from click.core import ParameterSource

from lparvm.errors import UsageError

_MODES: Mapping[str, tuple[str, ...]] = {
    "gauntlet": ("mutant", "policy", "size", "jobs", "engine", "address", "as_json"),
    "audit": ("seeds", "policy", "size", "mutant", "as_json"),
    "real": ("time_limit", "seeds", "as_json"),
    "explore": (),
}


def take_mode(given: dict[str, Any]) -> tuple[str, Any]:
    """Take the modes' own options out of those that were given: the mode, and its value; an empty name: a campaign.

    Raises:
        UsageError: two modes, or an option that doesn't go with the one.
    """
    values = {mode: given.pop(mode) for mode in _MODES}
    asked = [mode for mode, value in values.items() if value]
    if len(asked) > 1:
        raise UsageError(f"--{asked[1]}: doesn't go with --{asked[0]}; expected one of them")
    if not asked:
        return "", None
    (mode,) = asked
    context = click.get_current_context()
    for parameter in context.command.params:
        name = parameter.name or ""
        told = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if told and name not in (mode, *_MODES[mode]):
            allowed = [one.opts[0] for one in context.command.params if one.name in _MODES[mode]]
            expected = f"{', '.join(allowed)} or nothing beside it" if allowed else "nothing beside it"
            raise UsageError(f"{parameter.opts[0]}: doesn't go with --{mode}; expected {expected}")
    return mode, values[mode]
