"""Trace files made by hand: each event as a test tells it, its other fields filled in from the vocabulary."""

import hashlib
from pathlib import Path
from typing import Any

import orjson

from lparvm.trace.vocabulary import COMMON_FIELDS, VOCABULARY

Event = dict[str, Any]

HEADER = {
    "trace": "lparvm",
    "version": 1,
    "scenario": "told",
    "seed": 7,
    "clock": "virtual",
    "level": "storage",
}
_VALUES = (("int", 0), ("str", "X"), ("bool", False), ("list", []), ("dict", {}))


class Told:
    """Events in the order in which they are told, 1 ms apart.

    Attributes:
        events: so far.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []

    def tell(
        self, name: str, actor: str = "LPARCTL", *, op: str | None = None, cause: int | None = None,
        t: int | None = None, **own: Any,
    ) -> int:  # fmt: skip
        """An event; returns its number."""
        kind, seq = VOCABULARY.get(name), len(self.events) + 1
        common = (
            seq,
            1_000_000 * seq if t is None else t,
            actor,
            name,
            op,
            cause,
            None if kind is None else kind.step,
        )
        filled = (
            {}
            if kind is None or kind.message
            else {field: _fill(text) for field, text in kind.fields.items()}
        )
        self.events.append({**dict(zip(COMMON_FIELDS, common, strict=True)), **filled, **own})
        return seq

    # --- what stories are made of ---

    def boot(self, frames: int = 64, **zones: tuple[int, int]) -> None:
        """A machine with loaded LPARs, each at (origin, extent)."""
        self.tell("machine.started", "MACHINE", main_storage_frames=frames, lpars=list(zones))
        for lpar, (origin, extent) in zones.items():
            for event in ("lpar.activated", "guest.loaded"):
                self.tell(event, "MACHINE", lpar=lpar, guest="idle", **zone(origin, extent))

    def zoned(self, name: str, lpar: str, origin: int, extent: int, **more: Any) -> int:
        """An event with a zone."""
        return self.tell(name, "RM", op="op.1", lpar=lpar, **zone(origin, extent), **more)

    def move(
        self, lpar: str, source: int, target: int, pages: int, *, first_page: int = 0, inverse: bool = False
    ) -> None:
        """`move.started`."""
        direction = "descending" if target > source else "ascending"
        self.tell(
            "move.started", op="op.1", lpar=lpar, source_frame=source, target_frame=target, pages=pages,
            direction=direction, inverse=inverse, first_page=first_page,
        )  # fmt: skip

    def chunk(self, lpar: str, first_page: int, pages: int, across: int, *, inverse: bool = False) -> None:
        """`chunk.moved`."""
        self.tell(
            "chunk.moved", op="op.1", lpar=lpar, first_page=first_page, pages=pages, keys_read=pages, keys_set=pages,
            steps=pages, pages_across=across, inverse=inverse,
        )  # fmt: skip

    def exchanged(self, runs: list[Any], steps_done: int, *, inverse: bool = False) -> None:
        """`chunk.exchanged`, of A and B."""
        self.tell(
            "chunk.exchanged",
            op="op.1",
            lower="A",
            upper="B",
            runs=runs,
            steps_done=steps_done,
            inverse=inverse,
        )

    def bytes(self, *, trailer: bool = True, verdict: str = "intact", **header: Any) -> bytes:
        """The file."""
        lines = b"".join(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE) for event in self.events)
        counts: dict[str, int] = {}
        for event in self.events:
            counts[event["event"]] = counts.get(event["event"], 0) + 1
        last = {
            "trailer": True, "verdict": verdict, "events": len(self.events), "counts": counts,
            "digest": hashlib.sha256(lines).hexdigest(),
        }  # fmt: skip
        head = orjson.dumps({**HEADER, **header}) + b"\n"
        return head + lines + (orjson.dumps(last) + b"\n" if trailer else b"")

    def write(self, path: Path, **how: Any) -> str:
        """Write the file; its name, as a command line has it."""
        path.write_bytes(self.bytes(**how))
        return str(path)


def zone(origin: int, extent: int) -> dict[str, int]:
    return {"origin_frame": origin, "extent_frames": extent}


def _fill(text: str) -> Any:
    if "or null" in text:
        return None
    return next(value for word, value in _VALUES if text.startswith(word))
