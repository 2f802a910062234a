"""What a move leaves behind: poisoned and free again; and what was never touched stays without memory."""

from pathlib import Path

import numpy as np
import pytest

from lparvm.arch.address import Zone
from lparvm.protocol.results import Result
from lparvm.storage.main_storage import POISON_KEY, POISON_WORD, MainStorage
from trials import K, M, Trial, lpar, scenario, trial_of

IDLE = {"fill": True, "interval": "5ms"}
FILLED = scenario(lpar("A", "0", guest="idle", options=IDLE), lpar("B", "1M", guest="idle", options=IDLE))


def _poisoned(trial: Trial, origin_kib: int, end_kib: int) -> bool:
    storage = trial.machine.storage
    frames = slice(origin_kib // 4, end_kib // 4)
    words = storage.words[origin_kib * 128 : end_kib * 128]
    return bool((words == np.uint64(POISON_WORD)).all() and (storage.keys[frames] == POISON_KEY).all())


@pytest.mark.parametrize(
    ("target_kib", "vacated"),
    [(1024 + 64, (1024, 1024 + 64)), (1024 - 64, (1024 + 192, 1280)), (2048, (1024, 1280))],
    ids=["up", "down", "away"],
)
async def test_vacated_frames_hold_the_poison_pattern_and_poison_keys(
    autojump_clock, target_kib: int, vacated: tuple[int, int]
):
    async with trial_of(FILLED) as trial:
        assert (await trial.give(f"MVSTOR B HSA={target_kib}K")).result is Result.COMPLETED
        assert _poisoned(trial, *vacated), "data and keys of what was left"
        (told,) = trial.of("area.poisoned")
        assert (told["origin_frame"] * 4, told["poisoned_frames"] * 4) == (
            vacated[0],
            vacated[1] - vacated[0],
        )
        (sie, poisoned, released) = (
            trial.of(event, lpar="B")[-1]["seq"] for event in ("sie.issued", "area.poisoned", "area.released")
        )
        assert sie < poisoned < released, "the guest does not wait for it, and nobody gets frames before it"


async def test_vacated_frames_are_free_again_and_a_move_into_them_overwrites_the_poison(autojump_clock):
    async with trial_of(FILLED) as trial:
        for text in ("MVSTOR B HSA=2M", "MVSTOR A HSA=1M", "MVSTOR B HSA=0", "MVSTOR A HSA=1088K"):
            assert (await trial.give(text)).result is Result.COMPLETED
            await trial.works("A", "B")
        assert trial.origins() == {"A": 1088 * K, "B": 0}
        assert not (trial.machine.storage.keys[:64] == POISON_KEY).any(), "keys moved in as well"
        assert _poisoned(trial, 1024, 1088)
        assert _poisoned(trial, 2048, 2304)


async def test_backing_out_poisons_what_was_written_of_the_target(autojump_clock):
    async with trial_of(FILLED) as trial:
        trial.machine.fail_frame(1 * M + 40 * K)
        assert (await trial.give("MVSTOR B HSA=2M")).result is Result.STORAGE_FAULT
        assert _poisoned(trial, 2048 + 44, 2304), "pages above the faulty one had been across"
        assert not trial.machine.storage.frames[512 : 512 + 10].any(), "the others never were"
        trial.machine.storage.repair_frame((1024 + 40) // 4)
        assert (await trial.give("MVSTOR A HSA=2M")).result is Result.COMPLETED


async def test_a_zone_that_is_assigned_is_cleared(autojump_clock, monkeypatch: pytest.MonkeyPatch):
    cleared = []
    clear = MainStorage.clear
    monkeypatch.setattr(MainStorage, "clear", lambda self, zone: (cleared.append(zone), clear(self, zone)))
    async with trial_of():
        assert cleared == [Zone(0, 64), Zone(256, 64)]


# --- sparse storage -----------------------------------------------------------------------------------------


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")


@proc
async def test_a_machine_of_64_gib_with_two_small_zones_uses_memory_for_what_is_touched_only(autojump_clock):
    text = scenario(lpar("A", "0", size="1M"), lpar("B", "63G", size="1M"), main_storage="64G", rate="400M")
    before = _resident_bytes()
    async with trial_of(text) as trial:
        await trial.works("A", "B")
        assert (await trial.give("MVSTOR B HSA=32G")).result is Result.COMPLETED
        await trial.works("A", "B")
        assert trial.origins() == {"A": 0, "B": 32 << 30}
        assert _resident_bytes() - before < 32 * M


@proc
async def test_moving_a_sparse_zone_commits_nothing_at_the_target(autojump_clock):
    idle = lpar("A", "0", size="2G", guest="idle")
    async with trial_of(scenario(idle, main_storage="64G", rate="4000G")) as trial:
        storage = trial.machine.storage
        touched = np.flatnonzero(storage.committed(Zone(0, 2 << 18)))
        assert 0 < len(touched) < 200
        before = _resident_bytes()
        answer = await trial.give("MVSTOR A HSA=1G")
        assert (answer.result, answer.pages) == (Result.COMPLETED, 2 << 18)
        landed = np.flatnonzero(storage.committed(Zone(1 << 18, 2 << 18)))
        assert np.array_equal(landed, touched), "the same pages hold memory as before"
        assert _resident_bytes() - before < 48 * M, "some for checksums and keys, none for 2 GiB of zeros"
        await trial.works("A")
