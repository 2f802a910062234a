"""Operations that want the same frames, and every pair of phases that two of them can be in together.

The machine is that of `test_conflicts`: frames [16, 32) are free, behind A and before B.
"""

from collections.abc import Iterator

from attrs import frozen

from lparvm.protocol.results import Result

R = Result
MOVING = ("ADMITTING", "STOPPING", "QUIESCING", "CHECKING", "MOVING", "NOTIFYING", "RESTARTING")


@frozen
class Contender:
    """An operation that wants the frames between A and B, or some of them.

    Attributes:
        text: the command.
        phases: those in which it waits for anybody.
        holds: those of them in which it holds the frames.
        cancellable: those in which it can be cancelled.
        undo: what makes all as it was.
        early: how it is refused when they are held before it begins.
        faces: the other ones that it may meet: no LPAR is in both.
    """

    text: str
    phases: tuple[str, ...]
    holds: tuple[str, ...]
    cancellable: tuple[str, ...]
    undo: tuple[str, ...]
    early: Result
    faces: tuple[str, ...]


RELOCATION = {"phases": MOVING, "holds": MOVING[3:], "cancellable": MOVING[:5]}
COMING, GROWING = ("ADMITTING", "LOADING"), ("ADMITTING", "EXTENDING")
CONTENDERS = {
    "move up": Contender(
        "MVSTOR A HSA=64K", **RELOCATION, undo=("MVSTOR A HSA=0",), early=R.TARGET_OCCUPIED,
        faces=("move down", "come", "move and expand"),
    ),
    "move down": Contender(
        "MVSTOR B HSA=96K", **RELOCATION, undo=("MVSTOR B HSA=128K",), early=R.TARGET_OCCUPIED,
        faces=("move up", "grow", "come"),
    ),
    "exchange": Contender(
        "XCHSTOR A B", **RELOCATION, undo=("XCHSTOR A B",), early=R.ZONE_IN_THE_WAY, faces=("come",)
    ),
    "grow": Contender(
        "EXPAND A SIZE=128K", phases=GROWING, holds=GROWING, cancellable=GROWING, undo=("SHRINK A SIZE=64K",),
        early=R.NO_ROOM, faces=("move down", "come"),
    ),
    "come": Contender(
        "ACTIVATE N", phases=COMING, holds=COMING, cancellable=COMING, undo=("DEACTIVATE N",),
        early=R.TARGET_OCCUPIED, faces=("move up", "move down", "exchange", "grow"),
    ),
    "move and expand": Contender(
        "MVSTOR B HSA=96K EXPAND=C", **RELOCATION, undo=("MVSTOR B HSA=128K", "SHRINK C SIZE=64K"),
        early=R.TARGET_OCCUPIED, faces=("move up", "come"),
    ),
}  # fmt: skip
PAIRS = [(first, second) for first, one in CONTENDERS.items() for second in one.faces]
CANCELS = ("nobody", "first", "second")


@frozen
class Round:
    """Two contenders in two phases, and which of them is cancelled there; then one goes on, and after it the other.

    Attributes:
        second_phase: None: the second one is refused before it comes to any.
        released: which of them goes on before the other: 0 or 1.
    """

    ops: tuple[Contender, Contender]
    first_phase: str
    second_phase: str | None
    cancel: str
    released: int

    @property
    def phases(self) -> tuple[str, str | None]:
        return self.first_phase, self.second_phase

    def expected(self) -> list[Result]:
        """What becomes of both."""
        results: list[Result] = [R.COMPLETED, R.COMPLETED]
        holds = [
            phase is not None and phase in op.holds for op, phase in zip(self.ops, self.phases, strict=True)
        ]
        for number in (self.released, 1 - self.released):
            op, phase, other = self.ops[number], self.phases[number], 1 - number
            if phase is None:
                results[number] = op.early
            elif self.cancelled == number:
                results[number], holds[number] = R.CANCELLED, False
            elif holds[other]:
                results[number] = R.TARGET_TAKEN
            else:
                holds[number] = True
        return results

    @property
    def cancelled(self) -> int | None:
        """Which one is cancelled in time."""
        if self.cancel == "nobody":
            return None
        number = CANCELS.index(self.cancel) - 1
        phase = self.phases[number]
        return number if phase is not None and phase in self.ops[number].cancellable else None


def rounds(first: Contender, second: Contender) -> Iterator[Round]:
    """Every pair of phases that they can come to together."""
    for turn, phase in enumerate(first.phases):
        for cancel in CANCELS:
            if phase in first.holds:
                if cancel != "second":
                    yield Round((first, second), phase, None, cancel, 0)
                continue
            for other, second_phase in enumerate(second.phases):
                yield Round((first, second), phase, second_phase, cancel, (turn + other) % 2)


def who_is_cancelled(one: Round) -> int:
    """0 or 1; -1: nobody."""
    return CANCELS.index(one.cancel) - 1


def gated(contender: Contender, op: str) -> str:
    """Of a command of several operations the first one goes to the gate."""
    return f"{op}.1" if "EXPAND=" in contender.text else op


def outcomes_of(one: Round) -> list[Result]:
    """A command of which only the first operation is done was cancelled all the same."""
    results = one.expected()
    for number, op in enumerate(one.ops):
        asked = who_is_cancelled(one) == number
        if asked and "EXPAND=" in op.text and results[number] is R.COMPLETED:
            results[number] = R.CANCELLED
    return results
