"""What machines of several operations are told, what they order, and what they know of the frame.

Events are past tense, orders imperative. The service processor turns messages into the one and carries out
the other; see `composite`.
"""

from collections.abc import Callable, Mapping

from attrs import Factory, frozen

from lparvm.arch.address import Zone
from lparvm.protocol import commands as c
from lparvm.protocol import messages as m
from lparvm.protocol.results import Outcome

# --- events ------------------------------------------------------------------------------------------------


@frozen
class Frame:
    """The LPAR frame at a moment.

    Attributes:
        rows: the LPARs by origin.
        retired: frames out of use, host absolute.
        held: LPARs that an operation holds, each with its id.
        beside: areas that LPARs hold beside their zones.
        inactive: LPARs that are defined and own no zone.
        frame_count: size of main storage, in frames.
    """

    rows: tuple[m.FrameRow, ...]
    retired: tuple[int, ...] = ()
    held: Mapping[str, str] = Factory(dict)
    beside: tuple[Zone, ...] = ()
    inactive: tuple[str, ...] = ()
    frame_count: int = 0

    @property
    def layout(self) -> "Layout":
        """Where each LPAR is."""
        return tuple(sorted((row.name, Zone(row.origin, row.size)) for row in self.rows))

    def movable(self, lpar: str) -> bool:
        """Whether an operation may move that LPAR now, as far as one can know beforehand."""
        return lpar not in self.held and self._sound(lpar)

    def only_held(self, lpar: str) -> bool:
        """Whether an operation may move that LPAR as soon as another one no longer holds it."""
        return lpar in self.held and self._sound(lpar)

    def _sound(self, lpar: str) -> bool:
        states = [row.state for row in self.rows if row.name == lpar]
        return states not in ([], ["check-stopped"])


Layout = tuple[tuple[str, Zone], ...]


@frozen
class FrameSeen:
    """The resource manager told the frame."""

    frame: Frame


@frozen
class StepEnded:
    """LPAR control reported an operation of the command."""

    op: str
    outcome: Outcome


@frozen
class CancelAsked:
    """The operator gave a CANCEL for the command; `op` is the CANCEL's own id."""

    op: str


@frozen
class CancelAnswered:
    """LPAR control answered a CANCEL, of id `op`, that it was given for the operation under way."""

    op: str
    outcome: Outcome


Event = FrameSeen | StepEnded | CancelAsked | CancelAnswered

# --- orders ------------------------------------------------------------------------------------------------


@frozen
class Give:
    """Give LPAR control this message."""

    message: m.MoveStorage | m.ExchangeStorage | m.ExpandStorage | m.CancelOperation


@frozen
class AskFrame:
    """Ask the resource manager for the frame."""


@frozen
class Tell:
    """Tell the operator what came of an operation of the command."""

    op: str
    outcome: Outcome


@frozen
class Answer:
    """Answer the command; the last order of each."""

    outcome: Outcome
    lines: tuple[str, ...] = ()


@frozen
class AnswerCancel:
    """Answer a CANCEL for the command; what LPAR control may still say to it does not count."""

    op: str
    outcome: Outcome


Order = Give | AskFrame | Tell | Answer | AnswerCancel

# --- plans -------------------------------------------------------------------------------------------------


@frozen
class PlannedMove:
    """A step of a plan: move an LPAR to a new origin (host absolute frame); `after` is the layout it leads to."""

    lpar: str
    origin_frame: int
    after: Layout

    @property
    def lpars(self) -> tuple[str, ...]:
        """The LPARs that it moves."""
        return (self.lpar,)


@frozen
class PlannedExchange:
    """A step of a plan: exchange the areas of two LPARs; `after` is the layout it leads to."""

    first: str
    second: str
    after: Layout

    @property
    def lpars(self) -> tuple[str, ...]:
        """The LPARs that it moves."""
        return (self.first, self.second)


PlannedStep = PlannedMove | PlannedExchange


@frozen
class Planned:
    """A plan.

    Attributes:
        steps: in their order; none where there is room already.
        lines: the plan for the operator.
        room: what it leads to, in words, such as `192M from 64M are free`.
    """

    steps: tuple[PlannedStep, ...]
    lines: tuple[str, ...] = ()
    room: str = ""


@frozen
class Unplanned:
    """There is no plan."""

    reason: str


Planner = Callable[[Frame, c.Plan], Planned | Unplanned]


@frozen
class Cancel:
    """A CANCEL for the command that has no answer yet.

    Attributes:
        op: its id.
        denied: what it is answered if the command does not end cancelled; None: LPAR control has not said it yet.
    """

    op: str
    denied: Outcome | None = None


def in_one_line(text: str) -> str:
    """A message that becomes part of another one."""
    return " ".join(text.split())
