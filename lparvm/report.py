"""What a run came to: verdict, frame before and after, commands, guests, rules; and its JSON form."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from lparvm.actors.guest_table import Life
from lparvm.arch.address import PAGE_BYTES
from lparvm.guests.base import Damage
from lparvm.protocol.messages import BusyDevice, FrameRow
from lparvm.protocol.news import CommandResult
from lparvm.trace.rules import RuleVerdict
from lparvm.units import seconds

INTACT, DAMAGED, BROKEN, UNEXPECTED, FAILED = "intact", "damaged", "broken", "unexpected", "failed"


@frozen
class GuestReport:
    """A guest at the end of the run.

    Attributes:
        steps: steps of work done and verified.
        stores: words stored.
        fetches: words fetched.
        damage: damage found, as far as it is kept in detail.
        damage_count: all damage found.
        failed: it could not go on (an exception, a program interruption).
        lives: earlier lives in this LPAR, ended by IPL or DEACTIVATE, oldest first. The other fields are of the
            last one.
    """

    lpar: str
    guest: str
    lip_count: int
    steps: int
    stores: int
    fetches: int
    damage: tuple[Damage, ...]
    damage_count: int
    failed: bool
    lives: tuple[Life, ...] = ()

    @property
    def ever_damaged(self) -> bool:
        """Whether damage was found in any life."""
        return bool(self.damage_count or any(life.damage_count for life in self.lives))

    @property
    def ever_failed(self) -> bool:
        """Whether a guest failed in any life."""
        return self.failed or any(life.failed for life in self.lives)


def verdict_of(
    guests: Iterable[GuestReport], rules: Iterable[RuleVerdict], results: Iterable[CommandResult]
) -> str:
    """The verdict of a run: the worst of what was found."""
    guests = tuple(guests)
    if any(guest.ever_damaged for guest in guests):
        return DAMAGED
    if any(rule.verdict == "broken" for rule in rules):
        return BROKEN
    if any(guest.ever_failed for guest in guests):
        return FAILED
    if not all(result.as_expected for result in results):
        return UNEXPECTED
    return INTACT


@frozen
class RunReport:
    """The result of a run. Sizes of frames are in 4 KiB frames, times in ns; `as_json` has bytes and seconds.

    Attributes:
        retired: frames out of use at the end, host absolute, ascending.
        forgotten: commands that were answered and are not in `commands` any more; never one of the scenario's.
    """

    scenario: str
    seed: int
    clock: str
    verdict: str
    digest: str
    trace: Path | None
    duration_ns: int
    main_storage_frames: int
    frame_before: tuple[FrameRow, ...]
    frame_after: tuple[FrameRow, ...]
    commands: tuple[CommandResult, ...]
    guests: tuple[GuestReport, ...]
    rules: tuple[RuleVerdict, ...]
    interrupted: bool = False
    retired: tuple[int, ...] = ()
    forgotten: int = 0

    @property
    def exit_code(self) -> int:
        """0 all intact and as expected, 1 not, 130 interrupted."""
        if self.interrupted:
            return 130
        return 0 if self.verdict == INTACT else 1

    def as_json(self) -> dict[str, Any]:
        """The object that `lparvm run --json` prints; every key is always there."""
        return {
            "scenario": self.scenario,
            "seed": self.seed,
            "clock": self.clock,
            "verdict": self.verdict,
            "digest": self.digest,
            "trace": None if self.trace is None else str(self.trace),
            "duration_s": seconds(self.duration_ns),
            "frame_before": _rows(self.frame_before),
            "frame_after": _rows(self.frame_after),
            "out_of_use": [frame * PAGE_BYTES for frame in self.retired],
            "commands": [_command(result) for result in self.commands],
            "guests": [_guest(guest) for guest in self.guests],
            "rules": [
                {"rule": rule.rule, "verdict": str(rule.verdict), "checked": rule.checked}
                for rule in self.rules
            ],
        }


def _rows(rows: Sequence[FrameRow]) -> list[dict[str, Any]]:
    return [
        {
            "name": row.name,
            "origin": row.origin * PAGE_BYTES,
            "size": row.size * PAGE_BYTES,
            "gap": row.gap * PAGE_BYTES,
            "expanded": row.expanded * PAGE_BYTES,
            "state": row.state,
        }
        for row in rows
    ]


def _phases(phases_ns: dict[str, int]) -> dict[str, float]:
    return {phase: seconds(duration_ns) for phase, duration_ns in phases_ns.items()}


def _command(result: CommandResult) -> dict[str, Any]:
    longest = result.longest_stop
    return {
        "text": result.text,
        "at_s": seconds(result.at_ns),
        "result": str(result.result),
        "code": result.code,
        "message": result.message,
        "operation": result.operation,
        "stopped_s": None if longest is None else seconds(longest.stopped_ns),
        "phases_s": {} if longest is None else _phases(longest.phases_ns),
        "lips": [
            {
                "lpar": stop.lpar,
                "lip": stop.lip,
                "stopped_s": seconds(stop.stopped_ns),
                "phases_s": _phases(stop.phases_ns),
            }
            for stop in result.lips
        ],
        "pages": result.pages,
        "busy_devices": [_busy(device) for device in result.busy_devices],
        "expected": None if result.expected is None else str(result.expected),
    }


def _busy(device: BusyDevice) -> dict[str, Any]:
    return {
        "device": f"{device.device:04X}",
        "iop": device.iop,
        "path": device.path,
        "operation": device.operation,
        "command": device.command,
        "ccw_address": device.ccw_address,
        "bytes_left": device.bytes_left,
        "active_s": seconds(device.active_ns),
        "pages": [list(pages) for pages in device.pages],
    }


def _guest(guest: GuestReport) -> dict[str, Any]:
    return {
        "lpar": guest.lpar,
        "guest": guest.guest,
        "lip_count": guest.lip_count,
        "steps": guest.steps,
        "stores": guest.stores,
        "fetches": guest.fetches,
        "damage": _damage(guest.damage),
        "lives": [
            {
                "guest": life.guest,
                "lip_count": life.lip_count,
                "steps": life.steps,
                "stores": life.stores,
                "fetches": life.fetches,
                "damage": _damage(life.damage),
                "ended_by": life.ended_by,
            }
            for life in guest.lives
        ],
    }


def _damage(damage: Sequence[Damage]) -> list[dict[str, Any]]:
    return [
        {"address": one.address, "expected": one.expected, "found": one.found, "lip": one.lip}
        for one in damage
    ]
