"""LPAR control that waits at a gate: an operation stays in a phase as long as a test likes.

Everything that is told of the operation waits at the gate in its order; CANCEL goes by it. So what happens is what
could happen anyhow, with actors that are slow to tell.
"""

from typing import ClassVar

from attrs import Factory, define

from lparvm.actors.lpar_control import LparControl
from lparvm.actors.mailbox import Envelope
from lparvm.machine import Parts
from lparvm.protocol import messages as m
from lparvm.protocol import operations
from trials import Trial


@define
class Gate:
    """Of one operation.

    Attributes:
        phase: in which it is held.
        waiting: what it was told since then.
        closed: it has come to the gate.
    """

    phase: str
    waiting: list[Envelope] = Factory(list)
    closed: bool = False


class GatedControl(LparControl):
    """With a gate for each operation that has one."""

    gates: ClassVar[dict[str, Gate]] = {}

    def handle(self, envelope: Envelope) -> None:
        message = envelope.message
        gate = self.gates.get(message.op)
        operation = self._records.operations.get(message.op)
        if gate is not None and operation is not None:
            gate.closed = gate.closed or operation.record.phase == gate.phase
            if gate.closed:
                gate.waiting.append(envelope)
                self._records.in_hand = None
                return
        super().handle(envelope)


GATED = Parts(lpar_control=GatedControl)


async def hold(trial: Trial, op: str, phase: str) -> bool:
    """Let an operation, which was just given, come to its phase and stay there; whether it does."""
    gate = GatedControl.gates[op] = Gate(phase)
    command = op if op.count(".") == 1 else op.rpartition(".")[0]
    while not gate.closed and command in trial.machine.svp.pending:
        await trial.sleep_ms(0.05)
    return gate.closed


def release(trial: Trial, op: str) -> None:
    """Open the gate: what waits there is handled first."""
    gate = GatedControl.gates.pop(op)
    part = trial.machine.assembly.control.part
    assert isinstance(part, GatedControl), "made of these parts"
    for envelope in gate.waiting:
        part.handle(envelope)


assert m.CancelOperation not in operations.POLICIES, "CANCEL has an id of its own, and so no gate"
