"""The kinds of device there are.

Each class tells what it is (`summary`) and which options it takes (`OPTIONS`), for `lparvm devices`.
"""

from collections.abc import Mapping
from typing import Any

from lparvm.devices.base import Device
from lparvm.devices.clock import Clock
from lparvm.devices.console import Console
from lparvm.devices.disk import Disk
from lparvm.devices.fault import Fault
from lparvm.devices.null import Null
from lparvm.devices.stuck import Stuck
from lparvm.devices.tape import Tape
from lparvm.errors import UsageError
from lparvm.options import parse_options

DEVICES: dict[str, type[Device]] = {
    device.KIND: device for device in (Disk, Tape, Console, Clock, Null, Fault, Stuck)
}


def device_class(kind: str) -> type[Device]:
    """The class of a kind of device.

    Raises:
        UsageError: there is no such kind.
    """
    if kind not in DEVICES:
        raise UsageError(f"unknown kind of device '{kind}'; expected one of {', '.join(DEVICES)}")
    return DEVICES[kind]


def check_options(kind: str, options: Mapping[str, Any]) -> None:
    """Whether a kind of device takes these options; opens nothing.

    Raises:
        UsageError: an option is unknown, or its value wrong.
    """
    parse_options(device_class(kind).OPTIONS, options, f"device {kind}")


def make_device(kind: str, number: int, latency_ns: int, options: Mapping[str, Any], seed: int = 0) -> Device:
    """A device, ready for its first start.

    Args:
        kind: one of `DEVICES`.
        number: device number.
        latency_ns: time of each operation on its medium.
        options: as the scenario gives them.
        seed: of the run.

    Raises:
        UsageError: unknown kind, wrong options, or a file that cannot be used.
    """
    return device_class(kind)(number, latency_ns, options, seed)
