"""Scenarios: TOML files that say what a machine is made of, which commands it gets, and how long it runs.

    text --tomllib--> tables --toml_form--> values, each right in itself --build--> Scenario, right as a whole

`load` finds the text, `toml_form` knows the keys, `values` how each value is written, `parts` asks guests,
devices and the command language, `build` compares everything with everything else, and `model` is what comes
out: frozen, counted in frames and ns, every name known. What is wrong is told by one `ScenarioError`, before
anything starts.
"""

from lparvm.scenario.load import builtin_names, builtin_text, load_scenario, parse_scenario
from lparvm.scenario.model import (
    CommandConfig,
    DeviceConfig,
    FaultConfig,
    LparConfig,
    RunConfig,
    Scenario,
    Timing,
)

__all__ = [
    "CommandConfig",
    "DeviceConfig",
    "FaultConfig",
    "LparConfig",
    "RunConfig",
    "Scenario",
    "Timing",
    "builtin_names",
    "builtin_text",
    "load_scenario",
    "parse_scenario",
]
