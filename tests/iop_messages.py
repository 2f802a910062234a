"""Requests to the channel subsystem of an LPAR and messages of its IOPs, made short for tests."""

from lparvm.arch import interception as i
from lparvm.arch.channel import ENDED, DeviceStatus, Ending
from lparvm.arch.subchannel import Activity, Function, Orb, Scsw, Status
from lparvm.protocol import channel_subsystem as cs
from lparvm.protocol import messages as m

LPAR, DISK, TAPE, OTHER = "LPAR1", 0x190, 0x181, 0x999
PATHS = {TAPE: ("IOP2",), DISK: ("IOP1", "IOP2")}
ORB = Orb(0x2000, key=3, parameter=0xCAFE)
NORMAL = Ending(ENDED, 0, 0, 0x2008)
END = Status.PENDING | Status.PRIMARY | Status.SECONDARY
ACTIVE = Activity.SUBCHANNEL_ACTIVE | Activity.DEVICE_ACTIVE


def fresh() -> cs.ChannelSubsystem:
    return cs.make(LPAR, PATHS)


def play(state, *events):
    """Perform requests and take messages; the state, the last reply, all orders."""
    reply, orders = None, []
    for event in events:
        if isinstance(event, i.REQUESTS):
            state, reply, more = cs.perform(state, event)
        else:
            state, more = cs.advance(state, event)
        orders += more
    return state, reply, orders


def after(*events):
    return play(fresh(), *events)[0]


def ssch(device=DISK, orb=ORB):
    return i.StartSubchannel(device, orb)


def began(start=1, device=DISK, iop="IOP1"):
    return m.IoBegan(None, LPAR, device, start, iop)


def ended(start=1, ending=NORMAL, function=Function.START, device=DISK, iop="IOP1"):
    return m.IoEnded(None, LPAR, device, start, iop, function, ending)


def between(start=1, *, suspended=False, device=DISK):
    return m.IoIntermediate(None, LPAR, device, start, suspended, 0x2010)


def path_lost(iop, start=1):
    return m.PathNotOperational(None, LPAR, DISK, start, iop)


def varied(iop, online):
    return m.PathChanged(None, LPAR, DISK, iop, online)


def offered(status=DeviceStatus.ATTENTION, device=DISK):
    return m.StatusOffered(None, LPAR, device, "IOP1", status)


def tsch(device=DISK):
    return i.TestSubchannel(device)


def scsw_of(state, device=DISK) -> Scsw:
    return state.subchannels[device].scsw
