"""What a summary of a trace counts by command, LPAR, LIP, device and pair of LPARs. Times in ns, run clock."""

from collections import Counter

from attrs import Factory, define


@define
class Command:
    """A command of the operator.

    Attributes:
        op: its operation.
        text: as given.
        received_ns: when; None: not told.
        answered_ns: when; None: not answered.
        result: result name; None: not answered.
        code: message id.
        message: text of the answer.
        parts: results of the operations that it consists of, by their names.
    """

    op: str
    text: str = ""
    received_ns: int | None = None
    answered_ns: int | None = None
    result: str | None = None
    code: str | None = None
    message: str | None = None
    parts: dict[str, str] = Factory(dict)

    @property
    def took_ns(self) -> int | None:
        """From the command to its answer."""
        if self.received_ns is None or self.answered_ns is None:
            return None
        return self.answered_ns - self.received_ns


@define
class Stood:
    """How long a LIP's guest stood still, of all operations together.

    Attributes:
        lpar: whose guest.
        lip: the LIP.
        times: how often.
        stopped_ns: in all.
        longest_ns: the longest time.
        phases_ns: the parts, by phase.
    """

    lpar: str
    lip: str
    times: int = 0
    stopped_ns: int = 0
    longest_ns: int = 0
    phases_ns: Counter[str] = Factory(Counter)


@define
class Device:
    """The I/O of a device. What the level doesn't tell is 0.

    Attributes:
        device: its number, in hex.
        iops: the IOPs that ran its programs, in their order.
        accepted: starts that were accepted (START SUBCHANNEL).
        begun: channel programs that began to run, or went on.
        held: starts that waited while their LPAR was quiescing.
        deferred: starts that waited for another LPAR's program or reservation.
        ended: starts that ended.
        unusual: of those, with a status other than channel end, device end and status modifier, or by HALT or CLEAR.
        transfers: channel programs, or parts of them under one SALE.
        bytes: that they moved.
        refused: transfers that came too late.
    """

    device: str
    iops: list[str] = Factory(list)
    accepted: int = 0
    begun: int = 0
    held: int = 0
    deferred: int = 0
    ended: int = 0
    unusual: int = 0
    transfers: int = 0
    bytes: int = 0
    refused: int = 0


@define
class Guest:
    """An LPAR's guests, of all their lives.

    Attributes:
        lpar: whose.
        guest: the name of the last one.
        lives: how often one was loaded.
        verified: how often one was checked at its end.
        steps: that they did, by their own count.
        damage: damage that their last checks found.
        damaged: damage that was told while they ran.
        failures: guest processors that ended otherwise than by their program's end.
        accesses: by kind, at level `storage`.
        pages_moved: pages moved forth, with their keys, by moves.
        pages_moved_back: pages that were moved back.
    """

    lpar: str
    guest: str = ""
    lives: int = 0
    verified: int = 0
    steps: int = 0
    damage: int = 0
    damaged: int = 0
    failures: int = 0
    accesses: Counter[str] = Factory(Counter)
    pages_moved: int = 0
    pages_moved_back: int = 0


@define
class Exchanges:
    """What two LPARs exchanged.

    Attributes:
        lpars: the two, by name.
        pages: pages that changed their frames, with their keys.
        pages_back: those that went back.
    """

    lpars: tuple[str, str]
    pages: int = 0
    pages_back: int = 0
