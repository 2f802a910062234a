"""lparvm: an emulator of a logically partitioned mainframe whose partitions move while their guests run.

    async with lparvm.open_machine("figure-3") as machine:
        result = await machine.svp.execute("MVSTOR LPAR2 HSA=192M")

`run` takes a scenario from start to verdict, `open_machine` leaves the commands to you. Guests of your own are
subclasses of `PythonGuest`.
"""

import importlib
from typing import TYPE_CHECKING, Any

from lparvm.version import VERSION

if TYPE_CHECKING:
    from lparvm.actors.service_processor import CommandResult as CommandResult
    from lparvm.errors import CommandError as CommandError
    from lparvm.errors import LparvmError as LparvmError
    from lparvm.errors import ScenarioError as ScenarioError
    from lparvm.errors import UsageError as UsageError
    from lparvm.guests import Guest as Guest
    from lparvm.guests import Processor as Processor
    from lparvm.guests import PythonGuest as PythonGuest
    from lparvm.machine import Machine as Machine
    from lparvm.machine import Options as Options
    from lparvm.machine import open_machine as open_machine
    from lparvm.report import RunReport as RunReport
    from lparvm.runner import run as run
    from lparvm.runner import run_scenario as run_scenario
    from lparvm.scenario import Scenario as Scenario
    from lparvm.scenario import load_scenario as load_scenario
    from lparvm.scenario import parse_scenario as parse_scenario

__version__ = VERSION

# Loaded when first asked for: a module of a lower layer can be imported without the whole machine.
_HOME = {
    "CommandError": "errors",
    "CommandResult": "actors.service_processor",
    "Guest": "guests",
    "LparvmError": "errors",
    "Machine": "machine",
    "Options": "machine",
    "Processor": "guests",
    "PythonGuest": "guests",
    "RunReport": "report",
    "Scenario": "scenario",
    "ScenarioError": "errors",
    "UsageError": "errors",
    "load_scenario": "scenario",
    "open_machine": "machine",
    "parse_scenario": "scenario",
    "run": "runner",
    "run_scenario": "runner",
}
__all__ = ["__version__", *_HOME]  # noqa: PLE0604 - they are strings


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'lparvm' has no attribute {name!r}")
    return getattr(importlib.import_module(f"lparvm.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
