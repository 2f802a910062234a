"""Draws a plan: the machine and all that will be done to it."""

from lparvm.dst.tape import Tape
from lparvm.stress.swarm.faults import draw_blows, draw_pace
from lparvm.stress.swarm.machine import draw_machine
from lparvm.stress.swarm.orders import draw_operators
from lparvm.stress.swarm.plan import Plan

SWARM_VERSION = 1
"""One more whenever a tape comes to mean another machine, or another run of it: old tapes are refused then."""
_ORDER_NS = 1_500_000
"""About how long an order takes: faults strike while the operators work."""


def draw_plan(tape: Tape, size: str) -> Plan:
    """What this tape's seed stands for."""
    scenario, roles = draw_machine(tape, size)
    operators = draw_operators(tape, size)
    longest = max(len(orders) for orders in operators)
    blows = draw_blows(tape, size, longest * _ORDER_NS)
    pace, jumps, freezes = draw_pace(tape)
    return Plan(scenario, roles, operators, blows, pace, jumps, freezes)
