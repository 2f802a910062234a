"""What the scenario leaves to others to judge: guests, devices and commands, each asked in its own package.

Nothing is started: of anyone's own guest only the module is imported and its options are read; device files
are not opened.
"""

from lparvm.devices.registry import check_options, device_class, make_device
from lparvm.errors import CommandError
from lparvm.guests.base import GuestSetup
from lparvm.guests.registry import GUESTS, load_guest
from lparvm.options import SEED, parse_options
from lparvm.protocol.command_parser import parse
from lparvm.scenario.errors import WrongValue
from lparvm.scenario.model import DeviceConfig, LparConfig
from lparvm.storage.expanded_storage import ExpandedStorage
from lparvm.storage.main_storage import MainStorage


def check_guest(name: str) -> None:
    """Whether there is such a guest.

    Raises:
        UsageError: there is none.
    """
    load_guest(name)


def check_guest_options(lpar: LparConfig) -> None:
    """Whether the guest takes the LPAR's options.

    Raises:
        UsageError: an option is unknown, or its value wrong.
    """
    guest = load_guest(lpar.guest)
    if lpar.guest not in GUESTS:
        # Somebody else's constructor may do anything; it waits for the start.
        parse_options((*guest.OPTIONS, SEED), lpar.options, f"guest {guest.__name__}")
        return
    # The built-in ones only judge their options when they are made, also against each other.
    with MainStorage(1) as storage, ExpandedStorage(lpar.expanded_blocks) as expanded:
        expanded.assign(lpar.name, lpar.expanded_blocks)
        options = dict(lpar.options)
        guest(GuestSetup(lpar.name, lpar.lips, 0, options, lpar.devices, storage=storage, expanded=expanded))


def check_device_kind(kind: str) -> None:
    """Whether there is such a kind of device.

    Raises:
        UsageError: there is none.
    """
    device_class(kind)


def check_device_options(device: DeviceConfig) -> None:
    """Whether a device takes its options; its file, where it has one, is opened at the start.

    Raises:
        UsageError: an option is unknown, or its value wrong.
    """
    check_options(device.kind, device.options)
    # Also what options must be in regard to each other: a device without a file is made of nothing.
    in_memory = {name: value for name, value in device.options.items() if name != "path"}
    make_device(device.kind, device.number, device.latency_ns, in_memory).close()


def check_command(text: str) -> None:
    """Whether a text is a command; its names and targets are judged when it runs.

    Raises:
        WrongValue: it is none; names the word that is wrong.
    """
    try:
        parse(text)
    except CommandError as wrong:
        where = f"'{wrong.word}': " if wrong.word else ""
        raise WrongValue(where + wrong.problem, wrong.expected) from None
