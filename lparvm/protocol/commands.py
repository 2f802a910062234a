"""The service processor's command language: text to typed commands. One parser for all: files, console, API.

`GRAMMAR` has one row a verb: what follows it by position, which keywords and flags it takes, and what is made
of them; `command_parser` reads a text by it, and `command_values` knows how each value is written. Case
doesn't matter: verbs, keywords and names are folded to upper case. Sizes and addresses are in bytes, times in
ns. Only the syntax is judged here; names, targets and room are judged by the machine.
"""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from lparvm.config import QUIESCE_TIMEOUT_NS, STOP_TIMEOUT_NS
from lparvm.protocol import command_values as v
from lparvm.protocol.busy_devices import Busy
from lparvm.protocol.command_values import Kind
from lparvm.protocol.targets import After, Before, End, Hsa, Target


@frozen
class Expansion:
    """EXPAND=: expand that LPAR afterwards, to `size_bytes` or as far as it goes."""

    lpar: str
    size_bytes: int | None = None


@frozen
class MoveStor:
    """MVSTOR: move an LPAR's zone."""

    lpar: str
    target: Target
    expand: Expansion | None = None
    stop_ns: int = STOP_TIMEOUT_NS
    quiesce_ns: int = QUIESCE_TIMEOUT_NS
    busy: Busy = Busy.REFUSE
    test: bool = False

    @property
    def beyond_hsa(self) -> bool:
        """Whether it asks for more than a plain move to an origin."""
        return self.expand is not None or self.test


@frozen
class ExchangeStor:
    """XCHSTOR: exchange the areas of two LPARs."""

    first: str
    second: str
    quiesce_ns: int = QUIESCE_TIMEOUT_NS
    busy: Busy = Busy.REFUSE
    test: bool = False


@frozen
class Resize:
    """EXPAND or SHRINK to a new total size."""

    verb: str
    lpar: str
    size_bytes: int


@frozen
class Plan:
    """PLAN FREE n, or PLAN EXPAND lpar SIZE=n (then `lpar` is set); GO runs it."""

    size_bytes: int
    lpar: str | None = None
    go: bool = False


@frozen
class Define:
    """DEFINE an LPAR. `lips` is a count or names. None: what the LPAR had before, or the default."""

    lpar: str
    size_bytes: int
    origin_bytes: int | None = None
    lips: int | tuple[str, ...] | None = None
    guest: str | None = None
    devices: tuple[int, ...] | None = None


@frozen
class Ipl:
    """IPL an LPAR, from a guest by name or from a device."""

    lpar: str
    guest: str | None = None
    device: int | None = None


@frozen
class LparVerb:
    """ACTIVATE, DEACTIVATE, STOP or START an LPAR."""

    verb: str
    lpar: str


@frozen
class Reply:
    """REPLY: a line for the console of an LPAR."""

    lpar: str
    text: str


@frozen
class VaryPath:
    """VARY PATH: take a path to a device on or off line."""

    iop: str
    device: int
    online: bool


@frozen
class Cancel:
    """CANCEL an operation, by its id or its LPAR."""

    target: str


@frozen
class Display:
    """DISPLAY FRAME, STORAGE, DEVICES, OPERATIONS or CALIBRATION."""

    what: str


Command = (
    MoveStor | ExchangeStor | Resize | Plan | Define | Ipl | LparVerb | Reply | VaryPath | Cancel | Display
)


# --- the grammar -------------------------------------------------------------------------------------------

Values = Mapping[str, Any]


@frozen
class Syntax:
    """A verb.

    Attributes:
        usage: the syntax for people.
        positions: what follows the verb by position.
        keywords: `KEYWORD=value`, each at most once.
        flags: words that stand alone.
        required: groups of keywords and flags; of each group exactly one must be there.
        alternatives: groups of keywords and flags; of each group at most one may be there.
    """

    usage: str
    positions: tuple[tuple[str, Kind], ...]
    make: Callable[[Values], Command]
    keywords: Mapping[str, Kind] = {}
    flags: tuple[str, ...] = ()
    required: tuple[tuple[str, ...], ...] = ()
    alternatives: tuple[tuple[str, ...], ...] = ()


def _expansion(word: str) -> Expansion:
    name, comma, rest = word.partition(",")
    if not comma:
        return Expansion(v.read_name(name))
    keyword, equals, size = rest.partition("=")
    if keyword.upper() != "SIZE" or not equals:
        raise ValueError(word)
    return Expansion(v.read_name(name), v.read_size(size))


_BUSY = Kind("REFUSE, WAIT or HALT", lambda word: Busy(word.upper()), tuple(Busy))
_WAITS = {"QUIESCE": v.DURATION, "BUSY": _BUSY}


def _present(values: Values, **names: str) -> dict[str, Any]:
    """Keyword arguments for those operands that were given."""
    return {name: values[keyword] for name, keyword in names.items() if keyword in values}


def _move(values: Values) -> MoveStor:
    target: Target = End()
    if "HSA" in values:
        target = Hsa(values["HSA"])
    elif "BEFORE" in values:
        target = Before(values["BEFORE"])
    elif "AFTER" in values:
        target = After(values["AFTER"])
    more = _present(values, expand="EXPAND", stop_ns="STOP", quiesce_ns="QUIESCE", busy="BUSY", test="TEST")
    return MoveStor(values["lpar"], target, **more)


def _lpar_verb(verb: str) -> Syntax:
    return Syntax(f"{verb} lpar", (("lpar", v.LPAR),), lambda values: LparVerb(verb, values["lpar"]))


def _resize(verb: str) -> Syntax:
    return Syntax(
        f"{verb} lpar SIZE=n",
        (("lpar", v.LPAR),),
        lambda values: Resize(verb, values["lpar"], values["SIZE"]),
        {"SIZE": v.SIZE},
        required=(("SIZE",),),
    )


GRAMMAR: dict[str, Syntax] = {
    "MVSTOR": Syntax(
        "MVSTOR lpar HSA=n | BEFORE=lpar | AFTER=lpar | END  [EXPAND=lpar[,SIZE=n]] [STOP=10s] [QUIESCE=10s] "
        "[BUSY=REFUSE|WAIT|HALT] [TEST]",
        (("lpar", v.LPAR),),
        _move,
        {
            "HSA": v.ADDRESS, "BEFORE": v.LPAR, "AFTER": v.LPAR, "STOP": v.DURATION, **_WAITS,
            "EXPAND": Kind("an LPAR, or LPAR,SIZE=n", _expansion, names_lpar=True),
        },
        ("END", "TEST"),
        (("HSA", "BEFORE", "AFTER", "END"),),
    ),
    "XCHSTOR": Syntax(
        "XCHSTOR lpar lpar [QUIESCE=10s] [BUSY=REFUSE|WAIT|HALT] [TEST]",
        (("first", v.LPAR), ("second", v.LPAR)),
        lambda values: ExchangeStor(
            values["first"], values["second"],
            **_present(values, quiesce_ns="QUIESCE", busy="BUSY", test="TEST"),
        ),
        _WAITS,
        ("TEST",),
    ),
    "EXPAND": _resize("EXPAND"),
    "SHRINK": _resize("SHRINK"),
    "PLAN FREE": Syntax(
        "PLAN FREE n [GO]",
        (("size", v.SIZE),),
        lambda values: Plan(values["size"], go="GO" in values),
        flags=("GO",),
    ),
    "PLAN EXPAND": Syntax(
        "PLAN EXPAND lpar SIZE=n [GO]",
        (("lpar", v.LPAR),),
        lambda values: Plan(values["SIZE"], values["lpar"], "GO" in values),
        {"SIZE": v.SIZE},
        ("GO",),
        (("SIZE",),),
    ),
    "DEFINE": Syntax(
        "DEFINE lpar SIZE=n [ORIGIN=n] [LIPS=n|lip,lip] [GUEST=name] [DEVICES=n,n]",
        (("lpar", v.LPAR),),
        lambda values: Define(
            values["lpar"], values["SIZE"],
            **_present(values, origin_bytes="ORIGIN", lips="LIPS", guest="GUEST", devices="DEVICES"),
        ),
        {
            "SIZE": v.SIZE, "ORIGIN": v.ADDRESS, "LIPS": v.LIPS,
            "GUEST": v.GUEST, "DEVICES": v.DEVICES,
        },
        required=(("SIZE",),),
    ),
    "ACTIVATE": _lpar_verb("ACTIVATE"),
    "DEACTIVATE": _lpar_verb("DEACTIVATE"),
    "IPL": Syntax(
        "IPL lpar [GUEST=name|DEVICE=n]",
        (("lpar", v.LPAR),),
        lambda values: Ipl(values["lpar"], **_present(values, guest="GUEST", device="DEVICE")),
        {"GUEST": v.GUEST, "DEVICE": v.DEVICE},
        alternatives=(("GUEST", "DEVICE"),),
    ),
    "STOP": _lpar_verb("STOP"),
    "START": _lpar_verb("START"),
    "REPLY": Syntax(
        'REPLY lpar "text"',
        (("lpar", v.LPAR), ("text", v.TEXT)),
        lambda values: Reply(values["lpar"], values["text"]),
    ),
    "VARY PATH": Syntax(
        "VARY PATH iop.device ON|OFF",
        (("path", v.PATH), ("state", v.one_of("ON", "OFF"))),
        lambda values: VaryPath(values["path"][0], values["path"][1], values["state"] == "ON"),
    ),
    "CANCEL": Syntax(
        "CANCEL op|lpar",
        (("target", v.OPERATION),),
        lambda values: Cancel(_target(values["target"])),
    ),
    "DISPLAY": Syntax(
        "DISPLAY FRAME | STORAGE | DEVICES | OPERATIONS | CALIBRATION",
        (("what", v.one_of("FRAME", "STORAGE", "DEVICES", "OPERATIONS", "CALIBRATION")),),
        lambda values: Display(values["what"]),
    ),
}  # fmt: skip


def _target(name: str) -> str:
    # Operation ids are lower case in the trace.
    return name.lower() if name.startswith("OP.") else name


VERBS = tuple(dict.fromkeys(verb.split()[0] for verb in GRAMMAR))
