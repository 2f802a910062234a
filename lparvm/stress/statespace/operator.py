"""The service processor and its operator in the model: commands are given at any time, and answers are counted."""

from collections.abc import Hashable
from typing import Any

from attrs import evolve, frozen

from lparvm.errors import UsageError
from lparvm.protocol import commands as c
from lparvm.protocol import messages as m
from lparvm.protocol.actor_names import LPAR_CONTROL, SERVICE_PROCESSOR
from lparvm.protocol.command_orders import order_of, refusal
from lparvm.protocol.command_parser import parse
from lparvm.protocol.results import Result
from lparvm.stress.statespace.configuration import Configuration
from lparvm.stress.statespace.part import Step
from lparvm.stress.statespace.wording import told


@frozen
class OperatorState:
    """What was asked and answered; also what invariants look at.

    Attributes:
        waiting: commands that were not given yet.
        answers: what came back, in order.
    """

    waiting: tuple[str, ...]
    answers: tuple[tuple[str, Result], ...] = ()

    def results(self, op: str) -> tuple[Result, ...]:
        """All answers to one command."""
        return tuple(result for answered, result in self.answers if answered == op)


class OperatorPart:
    """See the module."""

    name = SERVICE_PROCESSOR
    sink = True
    in_flight_max = 0

    def __init__(self, configuration: Configuration) -> None:
        """Read the commands.

        Raises:
            UsageError: one is no command, or not one that LPAR control carries out by itself.
        """
        self.commands = {f"op.{place}": text for place, text in enumerate(configuration.commands, 1)}
        self.orders = {op: _order(op, text) for op, text in self.commands.items()}

    def first(self) -> OperatorState:
        """Nothing was asked."""
        return OperatorState(tuple(self.commands))

    def key(self, state: OperatorState) -> Hashable:
        """All of it."""
        return state

    def facts(self, state: OperatorState) -> Hashable:
        """All of it."""
        return state

    def deaf(self, state: OperatorState) -> bool:
        """Never."""
        del state
        return False

    def final(self, state: OperatorState) -> None:
        """Nothing more."""
        del state

    def owing(self, state: OperatorState) -> str:
        """Commands that are not given, or not answered."""
        open_ = [op for op in self.commands if op in state.waiting or not state.results(op)]
        told_ = ", ".join(f"{self.commands[op]} ({op})" for op in open_)
        return f"{self.name}: no answer to {told_}" if told_ else ""

    def take(self, state: OperatorState, message: m.OperationEnded) -> list[Step]:
        """An answer."""
        answers = (*state.answers, (message.op, message.outcome.result))
        return [Step(f"takes {told(message)}", evolve(state, answers=answers))]

    def act(self, state: OperatorState) -> list[Step]:
        """The operator gives a command."""
        steps = []
        for op in state.waiting:
            order = self.orders[op]
            if isinstance(order, m.CancelOperation) and order.target in state.waiting:
                continue
            left = evolve(state, waiting=tuple(one for one in state.waiting if one != op))
            steps.append(Step(f"gives {self.commands[op]} ({op})", left, ((LPAR_CONTROL, order),)))
        return steps


def _order(op: str, text: str) -> Any:
    command = parse(text)
    if isinstance(command, c.Cancel):
        return m.CancelOperation(op, command.target)
    order = None if refusal(command) else order_of(op, command)
    if order is None:
        raise UsageError(
            f"'{text}': not a command that the state space has; expected one operation, or CANCEL"
        )
    return order
