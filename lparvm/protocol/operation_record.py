"""What LPAR control knows of an operation, whatever it does: the part that all records have."""

from attrs import field, frozen

from lparvm.protocol.phases import PHASES, Phase, State
from lparvm.protocol.results import Result


@frozen(kw_only=True)
class OperationRecord:
    """The record that an operation's machine turns from state to state.

    Attributes:
        op: id of the operation.
        state: where it stands.
        result: None while all goes well; set once, by the row that decides the outcome.
        cancels: CANCEL commands to be answered at the report.
        story: states entered so far.
    """

    op: str
    state: State
    result: Result | None = None
    cancels: tuple[str, ...] = ()
    story: tuple[str, ...] = field(default=(), repr=False)

    @property
    def lpars(self) -> tuple[str, ...]:
        """The LPARs that the operation holds, from acceptance to report."""
        raise NotImplementedError

    @property
    def phase(self) -> Phase:
        """The phase of the present state."""
        return PHASES[self.state]
