"""Which guest processors run, from `sie.issued`, `lip.stopped` and `guest.ended` alone."""

from lparvm.trace.rules.base import Event


class Running:
    """What several checkers need to know of LIPs; each checker keeps its own.

    Attributes:
        since: (lpar, lip) -> when it entered SIE; only of those that run.
        ended: (lpar, lip) -> when the guest processor had no more to do.
        standing: (lpar, lip) that an operation stopped while they ran; gone with their next SIE.
    """

    def __init__(self) -> None:
        self.since: dict[tuple[str, str], int] = {}
        self.ended: dict[tuple[str, str], int] = {}
        self.standing: dict[tuple[str, str], int] = {}

    def sie(self, event: Event) -> None:
        """`sie.issued`."""
        who = event["lpar"], event["lip"]
        self.since[who] = event["t"]
        self.ended.pop(who, None)
        self.standing.pop(who, None)

    def stopped(self, event: Event) -> None:
        """`lip.stopped`. Without an operation it is for good: the guest failed, no SIE need follow."""
        who = event["lpar"], event["lip"]
        ran = self.since.pop(who, None) is not None
        if event["op"] is None:
            for other in [one for one in self.standing if one[0] == event["lpar"]]:
                del self.standing[other]
        elif ran:
            self.standing[who] = event["left_sie_ns"]

    def over(self, event: Event) -> None:
        """`guest.ended`: the LIP stays in its place, but runs nothing any more."""
        who = event["lpar"], event["lip"]
        if self.since.pop(who, None) is not None:
            self.ended[who] = event["t"]

    def of(self, lpar: str) -> list[str]:
        """The LIPs that run the LPAR's guest, in order of their SIE."""
        return [lip for name, lip in self.since if name == lpar]

    def standing_of(self, lpar: str) -> list[str]:
        """The LIPs that an operation stopped and that have not entered SIE again."""
        return [lip for name, lip in self.standing if name == lpar]
