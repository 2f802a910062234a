"""How hand-made event streams tell input and output: starts, transfers, interruptions."""

from typing import Any

Event = dict[str, Any]

PAGE = 4096


class IoTelling:
    """The I/O part of a story: one LPAR, a device at each IOP.

    `held` has the starts that wait at each IOP until `go_on`; `pending` the interruptions by number, oldest first.
    """

    LPAR: str
    LIPS: tuple[str, ...]
    DEVICES: dict[str, str]
    now: int
    origin: int
    op: str
    tell: Any

    def __init__(self) -> None:
        self.starts = self.interruptions = 0
        self.held: dict[str, list[tuple[int, str]]] = {iop: [] for iop in self.DEVICES}
        self.pending: dict[int, str] = {}

    # --- a start, part by part ---

    def accept(self, device: str) -> int:
        self.starts += 1
        self.tell("start.accepted", "LIPCTL", lpar=self.LPAR, device=device, start=self.starts)
        return self.starts

    def about(self, name: str, iop: str, start: int, device: str | None = None, **more: Any) -> Event:
        """A fact of a start at an IOP."""
        device = device or self.DEVICES[iop]
        return self.tell(name, iop, lpar=self.LPAR, iop=iop, device=device, start=start, **more)

    def hold(self, iop: str, device: str | None = None) -> int:
        """A start comes while its LPAR is held."""
        device = device or self.DEVICES[iop]
        start = self.accept(device)
        self.about("start.held", iop, start, device)
        self.held[iop].append((start, device))
        return start

    def begin(self, iop: str, device: str | None = None) -> int:
        start = self.accept(device or self.DEVICES[iop])
        self.about("start.begun", iop, start, device)
        return start

    def transfer(self, iop: str, start: int = 0, **more: Any) -> Event:
        self.now += 20
        own = {
            "device": self.DEVICES.get(iop, "0190"),
            "first_ns": self.now - 10,
            "last_ns": self.now,
            "fetches": 3,
            "stores": 64,
            "lowest_host": self.origin * PAGE,
            "highest_host": self.origin * PAGE + 511,
            "bytes": 512,
            "origin_frame": self.origin,
            "device_status": 12,
            "subchannel_status": 0,
            **more,
        }
        return self.tell("transfer.ended", iop, lpar=self.LPAR, iop=iop, start=start or self.starts, **own)

    def finish(
        self, iop: str | None, start: int, function: str = "START", *, device: str = "", pend: bool = True
    ) -> int:
        """A start ends; the number of the interruption that becomes pending."""
        device = device or self.DEVICES[iop or "IOP1"]
        own = {"lpar": self.LPAR, "iop": iop, "device": device, "start": start, "function": function}
        self.tell("start.ended", iop or "LIPCTL", **own, device_status=12, subchannel_status=0)
        return self.pend(device) if pend else 0

    def pend(self, device: str) -> int:
        self.interruptions += 1
        self.pending[self.interruptions] = device
        self.about_interruption("pending", self.interruptions, device)
        return self.interruptions

    def present(self, number: int, lip: str | None = None) -> Event:
        return self.about_interruption("presented", number, self.pending.pop(number), lip=lip or self.LIPS[0])

    def clear(self, number: int, reason: str = "TEST SUBCHANNEL") -> Event:
        return self.about_interruption("cleared", number, self.pending.pop(number), reason=reason)

    def about_interruption(self, what: str, number: int, device: str, **more: Any) -> Event:
        own = {"lpar": self.LPAR, "device": device, "number": number, **more}
        return self.tell(f"interruption.{what}", "LIPCTL", **own)

    # --- the whole ---

    def io(self, iop: str, device: str | None = None) -> None:
        """A start from its acceptance to the interruption of its end."""
        start = self.begin(iop, device)
        self.transfer(iop, start, **({"device": device} if device else {}))
        self.present(self.finish(iop, start, device=device or ""))

    def go_on(self) -> None:
        """After SIE: interruptions are presented, held starts released, and each ends."""
        self.tell("interruptions.kept", "LIPCTL", op=self.op, lpar=self.LPAR, numbers=list(self.pending))
        for number in list(self.pending):
            self.present(number)
        for iop, held in self.held.items():
            self.release_starts(iop)
            for start, device in held:
                self.about("start.begun", iop, start, device)
            for start, device in held:
                self.transfer(iop, start, device=device)
                self.present(self.finish(iop, start, device=device))
            held.clear()

    def release_starts(self, iop: str) -> Event:
        own = {"lpar": self.LPAR, "iop": iop, "held": len(self.held[iop])}
        return self.tell("starts.released", iop, op=self.op, **own)
