"""quiesce-holds: no I/O of an LPAR touches storage between its quiescing (step 202) and SALE.

Checked:
- no transfer of the LPAR accesses storage at an IOP between `iop.quiesced` and the next `sale.set` there. That
  is so however the IOP came to be quiet: its devices ended by themselves, were halted, or were given up;
- no transfer's accesses overlap the time of a move of its LPAR;
- no page moves and no checksum is taken while an IOP of the LPAR (`lpar.activated`) has not quiesced since
  the operation's stop, or has released its held starts.

A program that goes on under another SALE (one that was suspended) tells in parts what it touched; each part
counts at the time of its accesses, whenever it is told.

Not checked: accesses one by one (a transfer tells its first and last time only); whether starts that came
meanwhile were held (that is starts-end-once); how long quiescing took.
`checked` counts transfers with accesses, chunks and checksums.
"""

from collections.abc import Mapping

from lparvm.trace.rules.base import Checker, Event, Handler
from lparvm.trace.vocabulary import Level

# When a gap at an IOP, or a move, began and ended; no end while it lasts.
_Time = tuple[int, int | None]


class QuiesceHolds(Checker):
    """No I/O between quiesce and SALE."""

    name = "quiesce-holds"
    steps = (202,)
    needs = Level.IO
    undecided = "transfers are not told at this level; quiescing was checked against moves"

    def listen(self) -> Mapping[str, Handler]:
        """The events of IOPs, and what must not happen while they operate."""
        self._iops: dict[str, tuple[str, ...]] = {}
        self._gaps: dict[tuple[str, str], _Time] = {}  # the last one of each (LPAR, IOP)
        self._held: dict[tuple[str, str], bool] = {}
        self._moves: dict[str, _Time] = {}  # the last one of each LPAR: an earlier one can't be met alone
        return {
            "lpar.activated": self._activated,
            "phase.entered": self._phase,
            "iop.quiesced": self._quiesced,
            "sale.set": self._end_gap,
            "lpar.reset": self._end_gap,
            "starts.released": self._released,
            "transfer.ended": self._transfer,
            "move.started": self._move_started,
            "chunk.moved": self._needs_quiet,
            "move.ended": self._move_ended,
            "custody.recorded": self._needs_quiet,
            "custody.verified": self._needs_quiet,
            "exchange.started": self._exchange_started,
            "chunk.exchanged": self._exchange_chunk,
            "exchange.ended": self._exchange_ended,
        }

    def _activated(self, event: Event) -> None:
        lpar = event["lpar"]
        self._iops[lpar] = tuple(event["iops"])
        self._moves.pop(lpar, None)
        self._gaps = {where: gap for where, gap in self._gaps.items() if where[0] != lpar}

    def _phase(self, event: Event) -> None:
        # What an earlier operation left behind doesn't count for this one.
        if event["phase"] == "STOPPING":
            for iop in self._iops.get(event["lpar"], ()):
                self._held.pop((event["lpar"], iop), None)

    def _quiesced(self, event: Event) -> None:
        where = event["lpar"], event["iop"]
        self._held[where] = True
        began, ended = self._gaps.get(where, (0, 0))
        # Told twice, a gap still began with the first time.
        self._gaps[where] = (event["t"] if ended is not None else began), None

    def _end_gap(self, event: Event) -> None:
        where = event["lpar"], event["iop"]
        began, ended = self._gaps.get(where, (0, 0))
        if ended is None:
            self._gaps[where] = began, event["t"]

    def _released(self, event: Event) -> None:
        self._held.pop((event["lpar"], event["iop"]), None)
        # An IOP whose last I/O ended after SALE has told that it is quiet all the same.
        self._end_gap(event)

    def _transfer(self, event: Event) -> None:
        if event["lowest_host"] is None:
            return
        self.checked += 1
        gap = self._gaps.get((event["lpar"], event["iop"]))
        move = self._moves.get(event["lpar"])
        if gap is not None and _meets(event, gap):
            self._judge(event, f"between quiesce at {gap[0]} ns and SALE{_end_text(gap)}")
        elif move is not None and _meets(event, move):
            self._judge(event, f"during the move from {move[0]} ns{_end_text(move)}")

    def _judge(self, event: Event, when: str) -> None:
        times = f"from {event['first_ns']} to {event['last_ns']} ns"
        what = f"device {event['device']} of {event['lpar']} at {event['iop']} accessed storage {times}"
        self.violate(event, f"{what}, {when}")

    def _move_started(self, event: Event) -> None:
        self._moves[event["lpar"]] = event["t"], None
        self._needs_quiet(event)

    def _move_ended(self, event: Event) -> None:
        began, _ = self._moves.get(event["lpar"], (event["t"], None))
        self._moves[event["lpar"]] = began, event["t"]

    def _exchange_started(self, event: Event) -> None:
        for lpar in (event["lower"], event["upper"]):
            self._moves[lpar] = event["t"], None
            self._is_quiet(event, lpar)

    def _exchange_chunk(self, event: Event) -> None:
        for lpar in (event["lower"], event["upper"]):
            self._is_quiet(event, lpar)

    def _exchange_ended(self, event: Event) -> None:
        for lpar in (event["lower"], event["upper"]):
            began, _ = self._moves.get(lpar, (event["t"], None))
            self._moves[lpar] = began, event["t"]

    def _needs_quiet(self, event: Event) -> None:
        self._is_quiet(event, event["lpar"])

    def _is_quiet(self, event: Event, lpar: str) -> None:
        self.checked += 1
        loud = [iop for iop in self._iops.get(lpar, ()) if (lpar, iop) not in self._held]
        if loud:
            self.violate(event, f"{', '.join(loud)} not quiesced for {lpar} in this operation")


def _meets(event: Event, time: _Time) -> bool:
    """Whether the accesses fall into the time.

    What ends as it begins is before it; not so in an open time: that is told in it.
    """
    began, ended = time
    if ended is None:
        return bool(event["last_ns"] >= began)
    return bool(event["first_ns"] < ended and event["last_ns"] > began)


def _end_text(time: _Time) -> str:
    return "" if time[1] is None else f" at {time[1]} ns"
