"""One subchannel: what an I/O instruction finds there, and what it and the channel path make of it. Pure.

Principles of Operation, chapters 14 (I/O instructions) and 16 (the subchannel-status word). `refusal` is the
first half of each instruction: the condition code that keeps it from being done, as the table below says.
The functions after it are the second half, for an instruction that is done, and for what an IOP tells.

Legal states of an SCSW, which the functions keep:

| function       | activity                         | status pending                                     |
|----------------|----------------------------------|----------------------------------------------------|
| none           | none                             | none, or alert: unsolicited                        |
| start          | start pending, active, suspended | none, or intermediate                              |
| start          | none                             | primary and secondary, with alert where not normal |
| start, halt    | as start, and halt pending       | none                                               |
| start, halt    | none                             | primary and secondary, with alert where not normal |
| clear          | clear pending                    | none                                               |
| halt, or clear | none                             | pending alone                                      |

Primary and secondary status come together: an IOP tells the end of a start when the device has ended too.
"""

from collections.abc import Callable, Mapping

from attrs import evolve, frozen

from lparvm.arch import interception as i
from lparvm.arch.channel import ENDED, Ending, SubchannelStatus
from lparvm.arch.subchannel import PATHS_MAX, Activity, Function, Pmcw, Scsw, Status
from lparvm.arch.subchannel import ConditionCode as Code
from lparvm.protocol import messages as m

_FIRST_PATH = 1 << PATHS_MAX - 1
_END = Status.PENDING | Status.PRIMARY | Status.SECONDARY
_ACTIVE = Activity.SUBCHANNEL_ACTIVE | Activity.DEVICE_ACTIVE
_IDLE = Scsw()
_CLEARED = Scsw(function=Function.CLEAR, status=Status.PENDING)


@frozen
class Subchannel:
    """What an LPAR sees of a device.

    Attributes:
        number: subchannel number.
        paths: the IOPs of the device; path number `i` leads by the `i`-th.
        pmcw: path-management control word; its masks tell which paths may be used.
        scsw: subchannel-status word.
        start: the start that an IOP has, and has not ended yet.
        tried: paths that this start was sent by, as a mask.
        unsolicited: device status that waits until nothing is under way or pending here; 0: none.
    """

    number: int
    paths: tuple[str, ...]
    pmcw: Pmcw
    scsw: Scsw = _IDLE
    start: m.StartIo | None = None
    tried: int = 0
    unsolicited: int = 0

    @property
    def ending(self) -> bool:
        """Whether a halt or clear function was accepted, and not yet cleared by TEST."""
        return bool(self.scsw.function & (Function.HALT | Function.CLEAR))

    @property
    def iop(self) -> str:
        """The IOP that has the start, or had the last one."""
        return self.paths[PATHS_MAX - self.pmcw.last_used.bit_length()]


def make(number: int, device: int, paths: tuple[str, ...]) -> Subchannel:
    """A subchannel as the guest finds it after IPL: enabled, idle, all paths operational."""
    assert 0 < len(paths) <= PATHS_MAX, f"device {device:04X} has {len(paths)} paths"
    installed = sum(_FIRST_PATH >> path for path in range(len(paths)))
    return Subchannel(number, paths, Pmcw(device, path_mask=installed, operational=installed))


def reset(sub: Subchannel) -> Subchannel:
    """A subchannel after a system reset: as after IPL, but for the paths that can be used."""
    fresh, pmcw = make(sub.number, sub.pmcw.device, sub.paths), sub.pmcw
    lost = pmcw.path_mask & ~pmcw.operational
    return evolve(fresh, pmcw=evolve(fresh.pmcw, operational=pmcw.operational, not_operational=lost))


# --- what an instruction finds ----------------------------------------------------------------------------


def _disabled(sub: Subchannel, _request: i.IoRequest) -> bool:
    return not sub.pmcw.enabled


def _pending(sub: Subchannel, _request: i.IoRequest) -> bool:
    return sub.scsw.pending


def _not_pending(sub: Subchannel, _request: i.IoRequest) -> bool:
    return not sub.scsw.pending


def _pending_other_than_intermediate(sub: Subchannel, _request: i.IoRequest) -> bool:
    return sub.scsw.pending and not sub.scsw.status & Status.INTERMEDIATE


def _in_progress(sub: Subchannel, _request: i.IoRequest) -> bool:
    return bool(sub.scsw.function)


def _ending_already(sub: Subchannel, _request: i.IoRequest) -> bool:
    return sub.ending


def _not_resumable(sub: Subchannel, _request: i.IoRequest) -> bool:
    return sub.scsw.function != Function.START or sub.scsw.activity != Activity.SUSPENDED


def _no_path(sub: Subchannel, request: i.IoRequest) -> bool:
    assert isinstance(request, i.StartSubchannel)
    return not _usable(sub, request.orb.path_mask)


_Check = tuple[Callable[[Subchannel, i.IoRequest], bool], Code]
_CHECKS: Mapping[type, tuple[_Check, ...]] = {
    i.StartSubchannel: (
        (_disabled, Code.NOT_OPERATIONAL),
        (_pending, Code.STATUS_PENDING),
        (_in_progress, Code.BUSY),
        (_no_path, Code.NOT_OPERATIONAL),
    ),
    i.HaltSubchannel: (
        (_disabled, Code.NOT_OPERATIONAL),
        (_pending_other_than_intermediate, Code.STATUS_PENDING),
        (_ending_already, Code.BUSY),
    ),
    i.ClearSubchannel: ((_disabled, Code.NOT_OPERATIONAL),),
    i.ResumeSubchannel: (
        (_disabled, Code.NOT_OPERATIONAL),
        (_pending, Code.STATUS_PENDING),
        (_not_resumable, Code.BUSY),
    ),
    i.TestSubchannel: ((_disabled, Code.NOT_OPERATIONAL), (_not_pending, Code.STATUS_PENDING)),
    i.StoreSubchannel: (),
    i.ModifySubchannel: ((_pending, Code.STATUS_PENDING), (_in_progress, Code.BUSY)),
}
"""For each instruction what is checked, in this order, and the condition code of the first that applies.

Not in the table: a subchannel that the LPAR has not is condition code 3 of all of them. STORE and MODIFY work on
a subchannel that is not enabled. Code 1 of TEST means the opposite: no status is pending. RESUME is refused,
with code 2, unless the program is suspended and was not resumed yet.
"""


def refusal(sub: Subchannel, request: i.IoRequest) -> Code:
    """The condition code that an instruction ends with at once; `DONE`: it is to be done."""
    for applies, code in _CHECKS[type(request)]:
        if applies(sub, request):
            return code
    return Code.DONE


# --- what an instruction does -----------------------------------------------------------------------------


def started(sub: Subchannel, start: m.StartIo) -> Subchannel:
    """START: the start goes out by the next path; the interruption parameter of the ORB is the subchannel's."""
    orb = start.orb
    scsw = Scsw(
        orb.key, orb.suspend_control, orb.format_1, function=Function.START, activity=Activity.START_PENDING
    )
    sub = evolve(sub, pmcw=evolve(sub.pmcw, parameter=orb.parameter), scsw=scsw, start=start, tried=0)
    return _by_next_path(sub, _usable(sub, orb.path_mask))


def halting(sub: Subchannel) -> Subchannel:
    """HALT of a start that an IOP has; intermediate status that is pending is cleared."""
    scsw = evolve(
        sub.scsw, function=sub.scsw.function | Function.HALT,
        activity=sub.scsw.activity | Activity.HALT_PENDING, status=Status(0), subchannel_status=0,
    )  # fmt: skip
    return evolve(sub, scsw=scsw)


def clearing(sub: Subchannel) -> Subchannel:
    """CLEAR of a start that an IOP has: its earlier functions, activity and status are no more."""
    return evolve(sub, scsw=Scsw(function=Function.CLEAR, activity=Activity.CLEAR_PENDING))


def done_at_once(sub: Subchannel, function: Function) -> Subchannel:
    """HALT or CLEAR where no start is out: done; status pending alone."""
    return evolve(sub, scsw=Scsw(function=function, status=Status.PENDING))


def resuming(sub: Subchannel) -> Subchannel:
    """RESUME; the program is suspended until the IOP has taken it up."""
    return _active(sub, Activity.RESUME_PENDING | Activity.SUSPENDED)


def tested(sub: Subchannel) -> Subchannel:
    """TEST cleared the status; with intermediate status the start goes on, with any other all is over."""
    scsw = sub.scsw
    if scsw.status & Status.INTERMEDIATE and scsw.activity:
        return evolve(sub, scsw=evolve(scsw, status=Status(0), subchannel_status=0))
    return evolve(sub, scsw=Scsw(scsw.key, scsw.suspend_control, scsw.format_1))


def modified(sub: Subchannel, request: i.ModifySubchannel) -> Subchannel:
    """MODIFY; the program's part of the PMCW."""
    pmcw = evolve(
        sub.pmcw, parameter=request.parameter, isc=request.isc, enabled=request.enabled,
        limit_mode=request.limit_mode,
    )  # fmt: skip
    return evolve(sub, pmcw=pmcw)


# --- what the IOPs tell -----------------------------------------------------------------------------------


def began(sub: Subchannel) -> Subchannel:
    """The channel program runs, for the first time or again after RESUME."""
    if sub.scsw.function & Function.CLEAR:
        return sub
    return _active(sub, _ACTIVE | sub.scsw.activity & Activity.HALT_PENDING)


def intermediate(sub: Subchannel, *, suspended: bool, ccw_address: int) -> Subchannel:
    """The program is suspended, or fetched a CCW with the PCI flag: intermediate status.

    Not where the ORB suppresses the interruption of a suspension; nor where a halt or clear is under way, whose
    end will tell.
    """
    if sub.ending:
        return sub
    start = sub.start
    assert start is not None, "it is under way"
    sub = _active(sub, Activity.SUSPENDED if suspended else _ACTIVE)
    if suspended and start.orb.suppress_suspended:
        return sub
    pci = 0 if suspended else SubchannelStatus.PROGRAM_CONTROLLED
    scsw = evolve(
        sub.scsw, status=Status.INTERMEDIATE | Status.PENDING, ccw_address=ccw_address,
        subchannel_status=sub.scsw.subchannel_status | int(pci),
    )  # fmt: skip
    return evolve(sub, scsw=scsw)


def ended(sub: Subchannel, function: Function, ending: Ending) -> Subchannel:
    """The start ended; `function` did it, asked for by the guest or by others in its place."""
    asked = sub.scsw.function | function
    if asked & Function.CLEAR:
        return _over(evolve(sub, pmcw=evolve(sub.pmcw, last_used=0), scsw=_CLEARED))
    abnormal = ending.device_status != ENDED or ending.subchannel_status
    scsw = evolve(
        sub.scsw, function=Function.START | asked & Function.HALT, activity=Activity(0),
        status=_END | (Status.ALERT if abnormal else Status(0)), ccw_address=ending.ccw_address,
        device_status=int(ending.device_status), count=ending.residual_count,
        # A program-controlled interruption that the guest has not seen yet is in the subchannel status still.
        subchannel_status=sub.scsw.subchannel_status | int(ending.subchannel_status),
    )  # fmt: skip
    return _over(evolve(sub, scsw=scsw))


def path_lost(sub: Subchannel, iop: str) -> Subchannel:
    """The path of the start is not operational: the next one has it, or it is over, with deferred code 3.

    It is over, too, where it is to be halted or cleared: nothing began.
    """
    lost = _path(sub, iop)
    pmcw = evolve(
        sub.pmcw, not_operational=sub.pmcw.not_operational | lost, operational=sub.pmcw.operational & ~lost
    )
    sub = evolve(sub, pmcw=pmcw)
    assert sub.start is not None, "it is under way"
    left = _usable(sub, sub.start.orb.path_mask) & ~sub.tried
    if sub.scsw.function & Function.CLEAR:
        return ended(sub, Function.CLEAR, Ending(0, 0, 0, 0))
    if left and not sub.scsw.function & Function.HALT:
        return _by_next_path(sub, left)
    scsw = evolve(
        sub.scsw, deferred_code=Code.NOT_OPERATIONAL, activity=Activity(0), status=_END | Status.ALERT
    )
    return _over(evolve(sub, scsw=scsw))


def path_changed(sub: Subchannel, iop: str, *, online: bool) -> Subchannel:
    """A path was varied."""
    path, pmcw = _path(sub, iop), sub.pmcw
    if online:
        pmcw = evolve(pmcw, operational=pmcw.operational | path, not_operational=pmcw.not_operational & ~path)
    else:
        pmcw = evolve(pmcw, operational=pmcw.operational & ~path)
    return evolve(sub, pmcw=pmcw)


def offered(sub: Subchannel, device_status: int) -> Subchannel:
    """The device has unsolicited status; discarded where the subchannel is not enabled, or has no path for it."""
    if not (sub.pmcw.enabled and sub.pmcw.operational):
        return sub
    return evolve(sub, unsolicited=sub.unsolicited | int(device_status))


def accepts_unsolicited(sub: Subchannel) -> bool:
    """Whether unsolicited status waits, and nothing is under way or pending."""
    return bool(sub.unsolicited and not sub.scsw.function and not sub.scsw.pending)


def unsolicited_accepted(sub: Subchannel) -> Subchannel:
    """The unsolicited status becomes pending."""
    scsw = evolve(
        sub.scsw, status=Status.ALERT | Status.PENDING, device_status=sub.unsolicited,
        subchannel_status=0, count=0,
    )  # fmt: skip
    return evolve(sub, scsw=scsw, unsolicited=0)


# --- inside -----------------------------------------------------------------------------------------------


def _active(sub: Subchannel, activity: Activity) -> Subchannel:
    return evolve(sub, scsw=evolve(sub.scsw, activity=activity))


def _over(sub: Subchannel) -> Subchannel:
    return evolve(sub, start=None, tried=0)


def _usable(sub: Subchannel, path_mask: int) -> int:
    return path_mask & sub.pmcw.path_mask & sub.pmcw.operational


def _by_next_path(sub: Subchannel, usable: int) -> Subchannel:
    """The next usable path after the last one used, round and round, so that paths share the work."""
    assert usable, "somebody looked"
    path = sub.pmcw.last_used or 1
    while True:
        path = path >> 1 or _FIRST_PATH
        if path & usable:
            return evolve(sub, pmcw=evolve(sub.pmcw, last_used=path), tried=sub.tried | path)


def _path(sub: Subchannel, iop: str) -> int:
    return _FIRST_PATH >> sub.paths.index(iop)
