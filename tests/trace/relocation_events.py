"""Event streams of relocations, made by hand: what a correct machine tells.

LPAR1 owns frames [0, 128), LPAR2 [128, 384) of 509; LPAR2 has two LIPs and two IOPs and moves to 192, in
chunks of 64 pages. Nothing here knows lparvm's actors or its protocol: the order is the patent's.
"""

from collections.abc import Iterable
from typing import Any

from io_telling import PAGE, Event, IoTelling

from lparvm.trace.vocabulary import COMMON_FIELDS, VOCABULARY, field_problems

LPAR, LIPS, IOPS = "LPAR2", ("LIP3", "LIP4"), ("IOP1", "IOP2")
EXTENT, CHUNK, STORAGE = 256, 64, 509
NO_EXPANDED = {"expanded_first_block": 0, "expanded_blocks": 0}


class Story(IoTelling):
    """Tells events; each `tell` takes 10 ns."""

    LPAR, LIPS, DEVICES = LPAR, LIPS, {"IOP1": "0190", "IOP2": "0191"}

    def __init__(self, source: int = 128, target: int = 192, op: str = "op.1") -> None:
        self.events: list[Event] = []
        self.now = 0
        self.source, self.target, self.op = source, target, op
        self.origin = source
        self.across = 0
        self.left: dict[str, int] = {}
        self.sied: dict[str, int] = {}
        super().__init__()

    def tell(
        self, name: str, actor: str, *, op: str | None = None, step: object = "own", **own: Any
    ) -> Event:
        self.now += 10
        step = VOCABULARY[name].step if step == "own" else step
        values = (len(self.events) + 1, self.now, actor, name, op, None, step)
        problems = field_problems(VOCABULARY[name], own)
        assert not problems, f"{name}: {problems}"
        event = {**dict(zip(COMMON_FIELDS, values, strict=True)), **own}
        self.events.append(event)
        return event

    # --- a machine ---

    def boot(self) -> None:
        self.tell(
            "machine.started",
            "machine",
            seed=0,
            main_storage_frames=STORAGE,
            lpars=["LPAR1", LPAR],
            lips=["LIP1", *LIPS],
            iops=IOPS,
        )
        self.tell(
            "lpar.activated", "machine", lpar="LPAR1", **zone(0, 128), guest="idle", lips=["LIP1"], iops=[],
            **NO_EXPANDED,
        )  # fmt: skip
        self.tell(
            "lpar.activated", "machine", lpar=LPAR, **zone(self.source), guest="hammer", lips=LIPS, iops=IOPS,
            **NO_EXPANDED,
        )  # fmt: skip
        self.tell("guest.loaded", "machine", lpar="LPAR1", guest="idle", **zone(0, 128))
        self.tell("guest.loaded", "machine", lpar=LPAR, guest="hammer", **zone(self.source))
        for iop in IOPS:
            self.tell("sale.set", iop, lpar=LPAR, iop=iop, **zone(self.source))
        self.tell("sie.issued", "LIP1", step=None, lpar="LPAR1", lip="LIP1", **zone(0, 128))
        for lip in LIPS:
            self.tell("sie.issued", lip, step=None, lpar=LPAR, lip=lip, **zone(self.source))

    def run(self) -> None:
        """Guests and their I/O operate."""
        self.slice("LIP1", lpar="LPAR1", origin=0)
        for lip in LIPS:
            self.slice(lip)
        for iop in IOPS:
            self.io(iop)

    def slice(self, lip: str, lpar: str = LPAR, origin: int | None = None, **more: Any) -> Event:
        self.now += 20
        origin = self.origin if origin is None else origin
        return self.tell(
            "slice.ended",
            lip,
            lpar=lpar,
            lip=lip,
            **{
                "first_ns": self.now - 10,
                "last_ns": self.now,
                "fetches": 7,
                "stores": 5,
                "lowest_host": origin * PAGE,
                "highest_host": (origin + 100) * PAGE - 1,
                "origin_frame": origin,
                "instructions": 12,
                "interception": "TimeSliceEnded",
                **more,
            },
        )

    def end(self, *, interrupted: bool = False) -> list[Event]:
        self.tell("machine.ended", "machine", interrupted=interrupted)
        return self.events

    # --- a relocation, phase by phase ---

    def phase(self, phase: str, step: int | None) -> None:
        self.tell("phase.entered", "LPARCTL", op=self.op, step=step, lpar=LPAR, phase=phase, state=phase)

    def command(self) -> None:
        self.tell("command.received", "SVP", op=self.op, text="MVSTOR LPAR2 HSA=192M")
        self.phase("ADMITTING", None)
        self.tell("target.prepared", "LPARCTL", op=self.op, lpar=LPAR, **zone(self.target))

    def stop(self) -> None:
        self.phase("STOPPING", 201)
        for lip in LIPS:
            self.left[lip] = self.now
            self.tell("lip.stopped", lip, op=self.op, lpar=LPAR, lip=lip, left_sie_ns=self.now)

    def quiesce(self) -> None:
        self.phase("QUIESCING", 202)
        for iop in IOPS:
            self.tell("iop.quiesced", iop, op=self.op, lpar=LPAR, iop=iop)

    def reserve(self) -> None:
        self.phase("CHECKING", 203)
        self.tell("area.reserved", "RM", op=self.op, lpar=LPAR, **zone(self.target), partners=[])
        self.phase("MOVING", 204)

    def record(self) -> None:
        self.tell(
            "custody.recorded",
            "LPARCTL",
            op=self.op,
            lpar=LPAR,
            **zone(self.source),
            pages=EXTENT,
            data_digest="d0",
            key_digest="k0",
        )

    def move(self, pages: int = EXTENT, *, inverse: bool = False, fault: int | None = None) -> None:
        source, target = (self.target, self.source) if inverse else (self.source, self.target)
        part = self.across if inverse else EXTENT
        # Pages across are the last ones when the move goes up, the first ones when it goes down.
        up = self.target > self.source
        low = EXTENT - part if up is inverse else 0
        down = target > source
        self.tell(
            "move.started",
            "LPARCTL",
            op=self.op,
            lpar=LPAR,
            source_frame=source,
            target_frame=target,
            pages=part,
            direction="descending" if down else "ascending",
            inverse=inverse,
            first_page=low,
        )
        for done in range(0, min(part, pages), CHUNK):
            self.across += -CHUNK if inverse else CHUNK
            first = low + (part - done - CHUNK if down else done)
            self.tell(
                "chunk.moved",
                "LPARCTL",
                op=self.op,
                lpar=LPAR,
                first_page=first,
                pages=CHUNK,
                keys_read=CHUNK,
                keys_set=CHUNK,
                steps=CHUNK,
                pages_across=self.across,
                inverse=inverse,
            )
        outcome = "moved" if pages >= part else "interrupted" if fault is None else "fault"
        self.tell(
            "move.ended",
            "LPARCTL",
            op=self.op,
            lpar=LPAR,
            pages_across=self.across,
            outcome=outcome,
            fault_frame=fault,
            inverse=inverse,
        )

    def verify(self) -> None:
        origin = self.target if self.across else self.source
        self.tell(
            "custody.verified",
            "LPARCTL",
            op=self.op,
            lpar=LPAR,
            **zone(origin),
            pages=EXTENT,
            keys=EXTENT,
            lost=0,
            duplicated=0,
            stale=0,
            keys_wrong=0,
            data_digest="d0",
            key_digest="k0",
        )

    def sale(self, origin: int, iops: Iterable[str] = IOPS) -> None:
        for iop in iops:
            self.tell("sale.set", iop, op=self.op, lpar=LPAR, iop=iop, **zone(origin))

    def commit(self) -> None:
        self.tell("zone.moved", "RM", op=self.op, lpar=LPAR, **zone(self.target), from_frame=self.source)
        self.origin = self.target
        self.phase("RESTARTING", 210)

    def restart(self) -> None:
        self.sie()
        self.go_on()

    def sie(self) -> None:
        for lip in LIPS:
            self.sied[lip] = self.tell(
                "sie.issued", lip, op=self.op, lpar=LPAR, lip=lip, **zone(self.origin)
            )["t"]

    def release(self) -> None:
        low, high = sorted((self.source, self.target))
        beside = (low, high - low) if self.origin == high else (low + EXTENT, high - low)
        self.tell(
            "area.poisoned", "LPARCTL", op=self.op, lpar=LPAR, **zone(*beside), poisoned_frames=beside[1]
        )
        self.tell("area.released", "RM", op=self.op, lpar=LPAR, **zone(*beside))

    def report(self, result: str = "COMPLETED") -> None:
        self.phase("REPORTED", 211)
        for lip in LIPS:
            if lip in self.left:
                stood = self.sied[lip] - self.left[lip]
                self.tell(
                    "guest.stood",
                    "LPARCTL",
                    op=self.op,
                    lpar=LPAR,
                    lip=lip,
                    stopped_ns=stood,
                    phases_ns={"STOPPING": 5, "MOVING": stood - 5},
                )
        self.tell(
            "command.answered",
            "SVP",
            op=self.op,
            text="MVSTOR LPAR2 HSA=192M",
            result=result,
            code="LVM010I",
            message="",
        )


def zone(origin: int, extent: int = EXTENT) -> dict[str, int]:
    return {"origin_frame": origin, "extent_frames": extent}


def completed(source: int = 128, target: int = 192, *, proof: bool = True) -> list[Event]:
    """A relocation that completes."""
    story = Story(source, target)
    story.boot()
    story.run()
    story.command()
    story.stop()
    story.quiesce()
    story.reserve()
    if proof:
        story.record()
    story.move()
    if proof:
        story.verify()
    story.phase("NOTIFYING", None)
    story.sale(target)
    story.commit()
    story.restart()
    story.run()
    story.release()
    story.report()
    story.run()
    return story.end()


def backed_out(
    source: int = 128, target: int = 192, *, pages: int = 128, refuse: bool = False
) -> list[Event]:
    """A relocation that a storage fault stops after some pages, or one IOP's refusal after all of them."""
    story = Story(source, target)
    story.boot()
    story.run()
    story.command()
    story.stop()
    story.quiesce()
    story.reserve()
    story.record()
    story.move(EXTENT if refuse else pages, fault=None if refuse else 300)
    if refuse:
        story.verify()
        story.phase("NOTIFYING", None)
        story.sale(target, IOPS[:1])
    story.phase("BACKING_OUT", None)
    story.move(inverse=True)
    story.verify()
    story.sale(source)
    story.restart()
    story.run()
    story.release()
    story.report("STORAGE_FAULT")
    story.run()
    return story.end()


def gave_up_quiescing() -> list[Event]:
    """202 times out at the second IOP; its device ends after SALE, which is told as quiesced then."""
    story = Story()
    story.boot()
    start = story.begin("IOP2")
    story.command()
    story.stop()
    story.phase("QUIESCING", 202)
    story.tell("iop.quiesced", "IOP1", op=story.op, lpar=LPAR, iop="IOP1")
    story.phase("BACKING_OUT", None)
    story.sale(story.source)
    story.transfer("IOP2", start, first_ns=30)
    story.finish("IOP2", start)
    story.tell("iop.quiesced", "IOP2", op=story.op, lpar=LPAR, iop="IOP2")
    story.restart()
    story.report("QUIESCE_TIMED_OUT")
    story.run()
    return story.end()
