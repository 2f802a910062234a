"""Service signals: what the service processor tells a guest about its storage, and what the guest answers.

A service signal is an external interruption (Principles of Operation, chapter 6). It comes to the processor with
CPU address 0; the guest's handler answers it by a service call (`interception.ServiceCall`).

All extents are sizes of the zone in frames: the pages of guest absolute storage from 0 to the extent, exclusive.
"""

import operator
from typing import Any

from attrs import Attribute, field, frozen
from attrs.validators import instance_of

REASON_CHARACTERS_MAX = 160
"""A longer reason is cut off: it stands in one line of the operator's messages."""


def _positive(_signal: object, attribute: "Attribute[Any]", value: int) -> None:
    if value < 1:
        raise ValueError(f"{attribute.name} is {value}; expected 1 or more")


def _one_line(text: str) -> str:
    if not isinstance(text, str):
        raise TypeError(f"reason is {text!r:.60}; expected a text")
    return " ".join(text.split())[:REASON_CHARACTERS_MAX]


@frozen
class _Extent:
    """A size of the zone.

    Attributes:
        extent: in frames.
    """

    extent: int = field(converter=operator.index, validator=_positive)


@frozen
class StorageGrown(_Extent):
    """The zone has this extent now: there is more storage behind what the guest had, and it is cleared."""


@frozen
class StorageWanted(_Extent):
    """The zone shall shrink to this extent. It is as before yet: that is for the guest to answer."""


ServiceSignal = StorageGrown | StorageWanted


@frozen
class StorageUsed(_Extent):
    """The guest uses its storage up to this extent; what is behind it, it ignores."""


@frozen
class StorageGivenUp(_Extent):
    """From now on no processor of the guest touches a page at or behind this extent."""


@frozen
class StorageKept:
    """The guest refuses to give storage up.

    Attributes:
        reason: for the operator, one short line.
    """

    reason: str = field(converter=_one_line, validator=instance_of(str))


ServiceAnswer = StorageUsed | StorageGivenUp | StorageKept
