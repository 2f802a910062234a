"""The stress runs of a few seeds, where from seed 1 on operators wait by the order of a set of texts: for an audit."""

import sys

from attrs import evolve

from lparvm.dst import Tape
from lparvm.stress.episode import run
from lparvm.stress.replaying.audited import main
from lparvm.stress.swarm.plan import Plan

WAITS_NS = {f"{number}000" for number in range(1, 40)}


def _drawn(tape: Tape, size: str) -> Plan:
    plan = _draw_plan(tape, size)
    if not tape.seed:
        return plan
    operators = tuple(
        tuple(evolve(order, wait_ns=int(wait)) for order, wait in zip(orders, WAITS_NS, strict=False))
        for orders in plan.operators
    )
    return evolve(plan, operators=operators)


if __name__ == "__main__":
    _draw_plan, run.draw_plan = run.draw_plan, _drawn
    main(sys.argv[1:])
