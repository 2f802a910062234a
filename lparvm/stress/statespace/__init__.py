"""The protocol's state space: the decisions of `protocol/`, explored exhaustively.

What is explored is not a copy of the protocol but the protocol: the actors that decide (LPAR control, LIP control, the
resource manager, the LIPs) are the real ones, with their real state machines; the IOPs are the real decisions of
`protocol.io_processor`. Around them stands a small model of what is not decided: guests, devices, the page mover, the
operator, timers, faults. `docs/statespace.md` says what is modelled, what is not, and what was counted.

    configuration.py, configurations.py   what is explored
    part.py, space.py, explorer.py        the search: knows nothing of LPARs
    lpar_control.py, resource_manager.py, lip_control.py, lip.py, iop.py, operator.py
                                          the parts of the machine, as automata
    storage.py                            what every frame holds
    invariants.py                         what must hold
    explore.py, report.py                 the door from outside
"""

from lparvm.stress.statespace.configuration import Configuration
from lparvm.stress.statespace.configurations import CONFIGURATIONS, find_configuration
from lparvm.stress.statespace.explore import explore
from lparvm.stress.statespace.explorer import Exploration, Violation
from lparvm.stress.statespace.report import explorations, report_lines

__all__ = [
    "CONFIGURATIONS",
    "Configuration",
    "Exploration",
    "Violation",
    "explorations",
    "explore",
    "find_configuration",
    "report_lines",
]
