"""Which guest processors run, from `sie.issued`, `lip.stopped` and `guest.ended` alone."""

from lparvm.trace.rules.base import Event


def tells_failure(event: Event) -> bool:
    """Whether the event tells that the LPAR is stopped for good: no SIE need follow.

    A guest processor that ended otherwise than by its program's end, or a stop without an operation.
    """
    if event["event"] == "guest.ended":
        return bool(event["reason"] != "program ended")
    return bool(event["event"] == "lip.stopped" and event["op"] is None)


class Running:
    """What several checkers need to know of LIPs; each checker keeps its own.

    Attributes:
        since: (lpar, lip) -> when it entered SIE; only of those that run.
        ended: (lpar, lip) -> when the guest processor had no more to do.
        stopped_by: (lpar, lip) -> the operation that stopped it last.
        standing: (lpar, lip) that an operation stopped while they ran; gone with their next SIE.
    """

    def __init__(self) -> None:
        self.since: dict[tuple[str, str], int] = {}
        self.ended: dict[tuple[str, str], int] = {}
        self.standing: dict[tuple[str, str], int] = {}
        self.stopped_by: dict[tuple[str, str], str] = {}
        self._still: dict[str, int] = {}  # LPARs that need not start again: failed, held, reset

    def activated(self, event: Event) -> None:
        """`lpar.activated`, `guest.loaded`: loaded anew, a guest has not failed."""
        self._still.pop(event["lpar"], None)

    def held(self, event: Event) -> None:
        """`guest.held`: by STOP, until START."""
        if event["held"]:
            self.at_rest(event)
        else:
            self._still.pop(event["lpar"], None)

    def at_rest(self, event: Event) -> None:
        """`lpar.reset`, or `guest.verified` where the LPAR has no IOP: no SIE need follow."""
        self._still[event["lpar"]] = event["t"]
        for lip in self.standing_of(event["lpar"]):
            del self.standing[event["lpar"], lip]

    def sie(self, event: Event) -> None:
        """`sie.issued`."""
        who = event["lpar"], event["lip"]
        self.since[who] = event["t"]
        self.ended.pop(who, None)
        self.standing.pop(who, None)

    def stopped(self, event: Event) -> None:
        """`lip.stopped`."""
        who = event["lpar"], event["lip"]
        ran = self.since.pop(who, None) is not None
        if tells_failure(event):
            self.at_rest(event)
        elif ran and event["lpar"] not in self._still:
            self.standing[who] = event["left_sie_ns"]
            self.stopped_by[who] = event["op"]

    def over(self, event: Event) -> None:
        """`guest.ended`: the LIP stays in its place, but runs nothing any more."""
        who = event["lpar"], event["lip"]
        if self.since.pop(who, None) is not None:
            self.ended[who] = event["t"]
        if tells_failure(event):
            self.at_rest(event)

    def of(self, lpar: str) -> list[str]:
        """The LIPs that run the LPAR's guest, in order of their SIE."""
        return [lip for name, lip in self.since if name == lpar]

    def standing_of(self, lpar: str) -> list[str]:
        """The LIPs that an operation stopped and that must enter SIE again."""
        return [lip for name, lip in self.standing if name == lpar]
