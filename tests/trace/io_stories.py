"""Stories of relocations with I/O under way: what a correct machine tells, in its harder cases."""

from io_telling import PAGE, Event
from relocation_events import IOPS, LPAR, Story

STUCK = "0195"
SHARED = "01A0"


def busy(*, end: bool = True) -> Story:
    """I/O is active at the stop and ends in it; when the guest runs again, starts come before their release.

    One of them finds its device still running another LPAR's program, and is overtaken.
    """
    story = Story()
    story.boot()
    story.run()
    active = story.begin("IOP1")
    other = {"lpar": "LPAR1", "iop": "IOP2", "device": SHARED, "start": 1}
    story.tell("start.accepted", "LIPCTL", lpar="LPAR1", device=SHARED, start=1)
    story.tell("start.begun", "IOP2", **other)
    story.command()
    story.stop()
    story.phase("QUIESCING", 202)
    story.tell("iop.quiesced", "IOP2", op=story.op, lpar=LPAR, iop="IOP2")
    story.transfer("IOP1", active)
    story.finish("IOP1", active)
    story.tell("iop.quiesced", "IOP1", op=story.op, lpar=LPAR, iop="IOP1")
    _move(story)
    story.sie()
    for device in ("0190", "0192", "0193"):
        story.hold("IOP1", device)
    story.hold("IOP2", SHARED)
    story.hold("IOP2", "0191")
    _release(story, deferred=SHARED)
    ended = {**other, "function": "START", "device_status": 12, "subchannel_status": 0}
    story.tell("start.ended", "IOP2", **ended)
    story.tell("interruption.pending", "LIPCTL", lpar="LPAR1", device=SHARED, number=1)
    start, _ = story.held["IOP2"].pop()
    story.about("start.begun", "IOP2", start, SHARED)
    story.transfer("IOP2", start, device=SHARED)
    story.present(story.finish("IOP2", start, device=SHARED))
    _close(story)
    if end:
        story.end()
    return story


def _move(story: Story) -> None:
    story.reserve()
    story.record()
    story.move()
    story.verify()
    story.phase("NOTIFYING", None)
    story.sale(story.target)
    story.commit()


def _release(story: Story, deferred: str = "") -> None:
    """What was pending is presented; what was held begins and ends, but for the device that is not free."""
    story.tell("interruptions.kept", "LIPCTL", op=story.op, lpar=LPAR, numbers=list(story.pending))
    for number in list(story.pending):
        story.present(number, "LIP4")
    for iop in IOPS:
        story.release_starts(iop)
        held = story.held[iop]
        for start, device in held:
            if device == deferred:
                story.about("start.deferred", iop, start, device, reason="busy")
            else:
                story.about("start.begun", iop, start, device)
        story.held[iop] = [one for one in held if one[1] == deferred]
        for start, device in held:
            if device != deferred:
                story.transfer(iop, start, device=device)
                story.present(story.finish(iop, start, device=device))


def _close(story: Story) -> None:
    story.run()
    story.release()
    story.report()
    story.run()


def halted(*, end: bool = True) -> Story:
    """BUSY=HALT: one device hears it and ends; one does not, is cleared, and comes late with a transfer."""
    story = Story()
    story.boot()
    story.run()
    hears, stuck = story.begin("IOP1"), story.begin("IOP1", STUCK)
    story.command()
    story.stop()
    story.phase("QUIESCING", 202)
    story.tell("iop.quiesced", "IOP2", op=story.op, lpar=LPAR, iop="IOP2")
    story.transfer("IOP1", hears)
    story.finish("IOP1", hears, "HALT")
    story.transfer("IOP1", stuck, device=STUCK)
    story.finish("IOP1", stuck, "CLEAR", device=STUCK)
    story.tell("iop.quiesced", "IOP1", op=story.op, lpar=LPAR, iop="IOP1")
    _move(story)
    story.sie()
    story.go_on()
    again = story.accept(STUCK)
    story.about("start.deferred", "IOP1", again, STUCK, reason="busy")
    _close(story)
    story.about("transfer.refused", "IOP1", stuck, STUCK, address=4096, bytes=512)
    story.about("device.ended", "IOP1", stuck, STUCK, operation=story.op, active_ns=900)
    story.about("start.begun", "IOP1", again, STUCK)
    story.transfer("IOP1", again, device=STUCK)
    story.finish("IOP1", again, device=STUCK)
    if end:
        story.end()
    return story


def suspended() -> list[Event]:
    """A program that is suspended while its LPAR is moved goes on after it, and tells in parts what it touched."""
    story = Story()
    story.boot()
    start = story.begin("IOP1")
    first, last = story.now, story.now + 1
    story.run()
    story.command()
    story.stop()
    story.quiesce()
    _move(story)
    story.restart()
    old = {"lowest_host": 128 * PAGE, "highest_host": 129 * PAGE, "origin_frame": 128}
    story.transfer("IOP1", start, first_ns=first, last_ns=last, **old)
    story.transfer("IOP1", start)
    story.present(story.finish("IOP1", start))
    _close(story)
    return story.end()


def rerouted() -> list[Event]:
    """A path is varied off: starts that wait for it try the other one; where there is none, they end."""
    story = Story()
    story.boot()
    story.command()
    story.stop()
    story.quiesce()
    _move(story)
    story.sie()
    moving, lonely = story.hold("IOP1", "0192"), story.hold("IOP1", "0193")
    for device in ("0192", "0193"):
        story.tell("path.varied", "IOP1", op="op.2", iop="IOP1", device=device, online=False)
    story.held["IOP1"].clear()
    story.about("start.held", "IOP2", moving, "0192")
    story.held["IOP2"].append((moving, "0192"))
    story.finish(None, lonely, device="0193")
    story.go_on()
    _close(story)
    story.tell("path.varied", "IOP1", op="op.2", iop="IOP1", device="0192", online=True)
    return story.end()
