"""What the service processor tells the operator: answers to commands, messages, progress."""

from attrs import frozen

from lparvm.protocol import messages as m
from lparvm.protocol.results import LipStop, Result


@frozen
class CommandResult:
    """The answer to a command.

    Attributes:
        text: the command.
        at_ns: when it was given, run clock.
        answered_ns: when it was answered.
        operation: id of the operation.
        result: the result code.
        code: message id.
        message: the message's text.
        lips: how long each LIP's guest stood still; of a command of several operations, in all of them.
        pages: pages that were moved and stayed at the target.
        busy_devices: what step 202 waited for, each as last reported.
        lines: what a DISPLAY or a PLAN shows.
        expected: the result that the scenario expects; None where nothing is expected.
    """

    text: str
    at_ns: int
    operation: str
    result: Result
    code: str
    message: str
    lips: tuple[LipStop, ...] = ()
    pages: int = 0
    busy_devices: tuple[m.BusyDevice, ...] = ()
    lines: tuple[str, ...] = ()
    expected: Result | None = None
    answered_ns: int = 0

    @property
    def longest_stop(self) -> LipStop | None:
        """The LIP that stood longest; None where no guest was stopped."""
        return max(self.lips, key=lambda stop: stop.stopped_ns, default=None)

    @property
    def as_expected(self) -> bool:
        """Whether the result is the one expected, or none is."""
        return self.expected in (None, self.result)


@frozen
class OperatorMessage:
    """A message to the operator."""

    at_ns: int
    code: str
    text: str
    operation: str | None


@frozen
class Progress:
    """How far an operation is.

    Attributes:
        percent: of the operation's work, 0 to 100; never falls.
        left_ns: estimate of the time until its report; None: unknown.
    """

    operation: str
    lpar: str
    phase: str
    pages_across: int
    pages: int
    percent: int = 0
    left_ns: int | None = None


News = OperatorMessage | Progress | CommandResult
