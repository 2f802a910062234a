"""What pictures look like: colours that colour-blind people tell apart (Okabe and Ito), and hatches beside them.

No meaning is told by colour alone: a state has a hatch, a height or a label of its own as well.
"""

from attrs import frozen

from lparvm.trace.pictures import storage_map, timeline

BLACK, GREY, LIGHT, WHITE = "#000000", "#767676", "#d9d9d9", "#ffffff"
ORANGE, SKY, GREEN, YELLOW = "#e69f00", "#56b4e9", "#009e73", "#f0e442"
BLUE, VERMILION, PURPLE = "#0072b2", "#d55e00", "#cc79a7"


@frozen
class Look:
    """How a state is drawn.

    Attributes:
        fill: colour of the area.
        hatch: lines over it, as matplotlib names them; empty: none.
        ink: colour of hatch and of text in it.
        height: of the lane's height, 0 to 1.
    """

    fill: str
    hatch: str = ""
    ink: str = BLACK
    height: float = 0.8


PHASES: dict[str, Look] = {
    "ADMITTING": Look(LIGHT),
    "STOPPING": Look(ORANGE, "///"),
    "QUIESCING": Look(YELLOW, "+++"),
    "CHECKING": Look(PURPLE, "|||"),
    "MOVING": Look(BLUE, "", WHITE),
    "NOTIFYING": Look(SKY, "---"),
    "RESTARTING": Look(GREEN, "\\\\\\", WHITE),
    "BACKING_OUT": Look(VERMILION, "xxx", WHITE),
    "EXTENDING": Look(WHITE, "///", GREEN),
    "ASKING": Look(WHITE, "+++", BLUE),
    "SHRINKING": Look(WHITE, "---", VERMILION),
    "RESETTING": Look(WHITE, "xxx", GREY),
    "LOADING": Look(WHITE, "---", BLUE),
}
"""The phases, in the order in which a legend has them."""

STATES: dict[str, Look] = {
    timeline.IN_SIE: Look("#a6dccb", height=0.4),
    timeline.EXECUTING: Look(GREEN, "", WHITE),
    timeline.STOPPED: Look(WHITE, "\\\\\\", VERMILION),
    timeline.ACTIVE: Look(SKY),
    timeline.QUIESCING: Look(YELLOW, "+++"),
    timeline.HELD: Look(WHITE, "|||", GREY),
    timeline.PAGES_MOVE: Look(BLUE, "", WHITE),
    timeline.DEAD: Look(BLACK, "xxx", WHITE),
}
"""The other states of lanes, likewise."""

_OTHER = Look(LIGHT, "|-", GREY)


def look_of(state: str) -> Look:
    """How a phase or state is drawn; one that this version doesn't know as well."""
    return PHASES.get(state) or STATES.get(state) or _OTHER


_LPAR_FILLS = (SKY, ORANGE, GREEN, YELLOW, PURPLE, BLUE, VERMILION)
_LPAR_HATCHES = ("", "///", "+++", "\\\\\\")


def look_of_lpar(place: int) -> Look:
    """How the LPAR at a place, from 0, is drawn in the storage map."""
    fill = _LPAR_FILLS[place % len(_LPAR_FILLS)]
    hatch = _LPAR_HATCHES[place // len(_LPAR_FILLS) % len(_LPAR_HATCHES)]
    return Look(fill, hatch, WHITE if fill in (BLUE, VERMILION, GREEN) else BLACK)


def tint(colour: str, share: float) -> str:
    """A colour mixed with white: 0 is white, 1 the colour."""
    parts = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(255 + (part - 255) * share):02x}" for part in parts)


MAP_STATES = {
    storage_map.PAGES: "pages of an LPAR",
    storage_map.RESERVED: "reserved for an LPAR",
    storage_map.VACATED: "vacated, not yet free",
    storage_map.POISONED: "free, poisoned",
}
"""What the storage map's legend says."""
