"""EXPAND and SHRINK of a running LPAR: LPAR control, LIP control and the LIPs; and LPAR control's own helpers."""

from attrs import frozen

from lparvm.arch.address import Zone
from lparvm.arch.service_signal import ServiceAnswer, ServiceSignal


@frozen
class ChangeExtent:
    """LPAR control -> LIP control: the guest's zone, of another extent, on all LIPs. Answered by ExtentChanged.

    The guest is not stopped for it, and not started where it stands.
    """

    op: str
    lpar: str
    zone: Zone


@frozen
class ExtentChanged:
    """LIP control -> LPAR control: every state description holds the new extent."""

    op: str
    lpar: str


@frozen
class SetExtent:
    """LIP control -> LIP: the extent for the state description, between two slices. Answered by ExtentSet."""

    op: str
    lpar: str
    zone: Zone


@frozen
class ExtentSet:
    """LIP -> LIP control: done."""

    op: str
    lpar: str
    lip: str


@frozen
class SignalGuest:
    """LPAR control -> LIP control: tell or ask the guest.

    StorageGrown is answered by GuestSignalled or GuestUnreachable; StorageWanted by GuestAnswered or
    GuestUnreachable, unless SettleSignal is sooner.
    """

    op: str
    lpar: str
    signal: ServiceSignal


@frozen
class GuestSignalled:
    """LIP control -> LPAR control: the signal is pending for the guest."""

    op: str
    lpar: str


@frozen
class GuestUnreachable:
    """LIP control -> LPAR control: the guest cannot be signalled: it takes none, or does not run."""

    op: str
    lpar: str


@frozen
class GuestAnswered:
    """LIP control -> LPAR control: what the guest said to StorageWanted: StorageGivenUp or StorageKept."""

    op: str
    lpar: str
    answer: ServiceAnswer


@frozen
class SettleSignal:
    """LPAR control -> LIP control: the matter is settled: the guest's call, if it waits, gets its reply.

    A signal that is still pending is taken back; an answer that comes later counts for nothing. Answered by
    SignalSettled.
    """

    op: str
    lpar: str


@frozen
class SignalSettled:
    """LIP control -> LPAR control: done; no GuestAnswered and no GuestUnreachable comes after it."""

    op: str
    lpar: str


@frozen
class PresentSignal:
    """LIP control -> LIP: make a signal pending for the guest; None: take it back. Answered by SignalPresented."""

    op: str
    lpar: str
    signal: ServiceSignal | None


@frozen
class SignalPresented:
    """LIP -> LIP control: the signal is pending; with `taken` false this guest takes none."""

    op: str
    lpar: str
    lip: str
    taken: bool


@frozen
class AnswerTimedOut:
    """LPAR control's timer -> LPAR control: the guest had time enough to answer."""

    op: str


@frozen
class FramesProven:
    """LPAR control's helper -> LPAR control: whether the frames were never used."""

    op: str
    unused: bool
