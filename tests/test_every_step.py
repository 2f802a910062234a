"""A move and an exchange, broken off at every page and at every message: all is as it was, or all is as it should be.

The guests sleep, so that storage can be compared byte for byte; what guests make of it is tested elsewhere.
"""

from collections.abc import Callable

import numpy as np
import pytest
from attrs import define

from lparvm.arch.address import Zone
from lparvm.protocol.results import Result
from lparvm.storage.exchange import ZoneExchange
from lparvm.storage.mover import PageMove
from trials import Trial, lpar, scenario, trial_of

PAGES = 256
# 256 pages of both together; sizes differ and there is a gap, so that an exchange takes swaps and a shift.
LOWER, UPPER = 144, 112


def text(pages: int, other: int) -> str:
    """A from 0 on, with two LIPs, and B from 2M on."""
    return scenario(
        lpar("A", "0", size=f"{pages * 4}K", guest="machine_guests:Sleeping", lips=2),
        lpar("B", "2M", size=f"{other * 4}K", guest="machine_guests:Sleeping"),
        duration="1s",
    )


# Each kind: the machine, the command, and the one that takes it back. A move goes over its own old area.
MOVE, EXCHANGE = text(PAGES, 1), text(LOWER, UPPER)
KINDS = {
    "up": (MOVE, "MVSTOR A HSA=256K", "MVSTOR A HSA=0"),
    "down": (MOVE, "MVSTOR A HSA=0", "MVSTOR A HSA=256K"),
    "exchange": (EXCHANGE, "XCHSTOR A B", "XCHSTOR A B"),
    "exchange-back": (EXCHANGE, "XCHSTOR B A", "XCHSTOR B A"),
}


@define
class Stored:
    """What both zones hold, and where they are."""

    zones: dict[str, Zone]
    data: dict[str, bytes]
    keys: dict[str, bytes]

    @classmethod
    def of(cls, trial: Trial) -> "Stored":
        storage = trial.machine.storage
        zones = {row.name: Zone(row.origin, row.size) for row in trial.machine.rows()}
        data = {name: storage.frames[zone.origin : zone.end].tobytes() for name, zone in zones.items()}
        keys = {name: storage.keys[zone.origin : zone.end].tobytes() for name, zone in zones.items()}
        return cls(zones, data, keys)

    def differences(self, other: "Stored") -> list[str]:
        """Pages and keys that are not the same, the first few of each zone."""
        found = []
        for name in self.zones:
            pairs = (("page", self.data, other.data, 4096), ("key", self.keys, other.keys, 1))
            for what, mine, theirs, size in pairs:
                if mine[name] != theirs[name]:
                    count = len(mine[name]) // size
                    wrong = [
                        page
                        for page in range(count)
                        if mine[name][page * size : (page + 1) * size]
                        != theirs[name][page * size : (page + 1) * size]
                    ]
                    found.append(f"{name}: {what} {wrong[:9]} of {len(wrong)} differ")
        return found


def _fill(trial: Trial) -> None:
    """Every page of both zones is different, but for a few that hold no memory."""
    storage, draw = trial.machine.storage, np.random.default_rng(7)
    for row in trial.machine.rows():
        for page in range(row.size):
            if page % 29 != 3:
                storage.frames[row.origin + page] = draw.integers(0, 256, 4096, dtype=np.uint8)
            storage.keys[row.origin + page] = draw.integers(0, 256)


async def _ready(trial: Trial, kind: str) -> str:
    """Bring the LPARs to where this kind of operation begins; its command."""
    _fill(trial)
    _, command, back = KINDS[kind]
    if kind in ("down", "exchange-back"):
        assert (await trial.give(back)).result is Result.COMPLETED
    return command


@pytest.fixture
def boundary(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Chunks are short, and one of them ends at the page that stands in here."""
    place = {"page": 0}
    for transfer in (PageMove, ZoneExchange):
        next_chunk = transfer.next_chunk

        def short(self, pages_max: int = 16, *, next_chunk=next_chunk):
            left = place["page"] - self.cursor
            return next_chunk(
                self, min(pages_max, 16, left) if not self.inverse and left > 0 else min(pages_max, 16)
            )

        monkeypatch.setattr(transfer, "next_chunk", short)
    return place


def _cancel(trial: Trial, page: int) -> None:
    def strike(_event):
        trial.machine.svp.submit("CANCEL A")

    if page == 0:
        trial.when("phase.entered", strike, phase="MOVING")
    else:
        _when_across(trial, page, strike)


def _kill(trial: Trial, page: int) -> None:
    def strike(_event):
        trial.machine.assembly.records.fuse = 0

    if page == 0:
        trial.when("phase.entered", strike, phase="MOVING")
    else:
        _when_across(trial, page, strike)


def _fail(trial: Trial, page: int) -> None:
    trial.machine.assembly.work.fail_at = page


def _when_across(trial: Trial, page: int, strike: Callable[[dict], object]) -> None:
    trial.when("chunk.moved", strike, pages_across=page, inverse=False)
    trial.when("chunk.exchanged", strike, steps_done=page, inverse=False)


STRIKES = {"cancelled": _cancel, "mover fails": _fail, "control dies": _kill}


def _length(trial: Trial, kind: str) -> int:
    """Page steps of the operation."""
    if not kind.startswith("exchange"):
        return PAGES
    zones = {row.name: Zone(row.origin, row.size) for row in trial.machine.rows()}
    return ZoneExchange(trial.machine.storage, zones["A"], zones["B"]).length


@pytest.mark.parametrize(
    ("strike", "result"), [("cancelled", Result.CANCELLED), ("mover fails", Result.MOVE_FAILED)]
)
@pytest.mark.parametrize("kind", KINDS)
async def test_broken_off_at_every_page_storage_ends_in_the_old_state(
    autojump_clock, boundary: dict[str, int], kind: str, strike: str, result: Result
):
    async with trial_of(KINDS[kind][0]) as trial:
        command = await _ready(trial, kind)
        before = Stored.of(trial)
        for page in range(_length(trial, kind)):
            boundary["page"] = page
            STRIKES[strike](trial, page)
            answer = await trial.give(command)
            trial.events.clear()
            trial.forget()
            after = Stored.of(trial)
            told = f"{kind} at page {page}: {answer.result} {answer.message}"
            assert answer.result is result, told
            assert after.differences(before) == [], f"something was lost: {told}"
            assert after.zones == before.zones, told
        assert (await trial.give(command)).result is Result.COMPLETED, "the next command works"
        assert Stored.of(trial).differences(before) == []


@pytest.mark.parametrize("kind", ["up", "exchange"])
async def test_lpar_control_may_die_at_every_page_there_and_back(
    autojump_clock, boundary: dict[str, int], kind: str
):
    async with trial_of(KINDS[kind][0]) as trial:
        _fill(trial)
        before = Stored.of(trial)
        for page in range(_length(trial, kind) + 1):
            boundary["page"] = page
            for command in KINDS[kind][1:]:
                _kill(trial, page)
                answer = await trial.give(command)
                told = f"{command}, died at page {page}: {answer.result} {answer.message}"
                assert answer.result is Result.COMPLETED, told
                assert trial.of("part.restarted"), told
                trial.events.clear()
                trial.forget()
                assert Stored.of(trial).differences(before) == [], f"something was lost: {told}"
            assert Stored.of(trial).zones == before.zones, "there and back"


@pytest.mark.parametrize("kind", KINDS)
async def test_lpar_control_may_die_at_every_message_and_every_order(
    autojump_clock, boundary: dict[str, int], kind: str
):
    async with trial_of(KINDS[kind][0]) as trial:
        command = await _ready(trial, kind)
        back = KINDS[kind][2]
        records = trial.machine.assembly.records
        for moment in range(1000):
            before = Stored.of(trial)
            records.fuse = moment
            answer = await trial.give(command)
            burnt = records.fuse is None
            records.fuse = None
            after = Stored.of(trial)
            told = f"{kind}, died at moment {moment}: {answer.result} {answer.message}"
            assert answer.result is Result.COMPLETED, told
            assert after.differences(before) == [], f"something was lost: {told}"
            assert len(trial.of("command.answered", op=answer.operation)) == 1, told
            assert (await trial.give(back)).result is Result.COMPLETED, "the next command works"
            trial.events.clear()
            if not burnt:
                break
        assert 30 < moment < 999, "there are so many messages and orders in an operation"


@pytest.mark.parametrize("kind", KINDS)
async def test_cancel_at_every_message_of_lpar_control(autojump_clock, boundary: dict[str, int], kind: str):
    async with trial_of(KINDS[kind][0]) as trial:
        command = await _ready(trial, kind)
        back = KINDS[kind][2]
        results = set()
        for moment in range(1000):
            before = Stored.of(trial)
            seen = 0

            def strike(_event: dict, moment: int = moment) -> None:
                nonlocal seen
                seen += 1
                if seen == moment + 1:
                    trial.machine.svp.submit("CANCEL A")

            trial.always(strike, to="LPARCTL")
            answer = await trial.give(command)
            trial.forget()
            trial.events.clear()
            await trial.sleep_ms(1)
            after = Stored.of(trial)
            told = f"{kind}, cancelled at message {moment}: {answer.result} {answer.message}"
            assert after.differences(before) == [], f"something was lost: {told}"
            results.add(answer.result)
            if answer.result is Result.COMPLETED:
                assert after.zones != before.zones, told
                assert (await trial.give(back)).result is Result.COMPLETED, "the next command works"
            else:
                assert answer.result is Result.CANCELLED, told
                assert after.zones == before.zones, told
            if seen <= moment:
                break
        assert 15 < moment < 999, "there are so many messages in an operation"
        assert results == {Result.COMPLETED, Result.CANCELLED}
