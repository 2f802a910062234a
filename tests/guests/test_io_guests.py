"""The guests that live by I/O, in a machine: they work while they are moved, and find what is damaged."""

import pytest

from lparvm.arch.storage_key import CHANGE
from lparvm.protocol.results import Result
from trials import device, lpar, scenario, trial_of

DISK, TAPE = device("0190"), device("0580", kind="tape", rewind="2ms")
SHARERS = scenario(
    DISK,
    *(lpar(name, f"{at}M", guest="sharer", devices=["0190"], options={"every": "10us"})
      for at, name in enumerate(("A", "B"))),
)  # fmt: skip
COPIER = scenario(
    DISK, TAPE, lpar("A", "0"),
    lpar("B", "1M", guest="copier", devices=["0190", "0580"], options={"blocks": 8, "record": "1K"}),
)  # fmt: skip
PAGER = scenario(
    DISK, device("0191"), lpar("A", "0"),
    lpar("B", "1M", guest="pager", lips=2, devices=["0190", "0191"], options={"pages": 10, "frames": 4}),
)  # fmt: skip
TYPIST = scenario(
    device("0009", kind="console", script=["one", "two", "three"], every="20ms"), lpar("A", "0"),
    lpar("B", "1M", guest="typist", devices=["0009"], options={"expect": ["one", "two", "three", "four"]}),
)  # fmt: skip


async def _move_about(trial, count: int, apart_ms: float) -> None:
    for position in range(count):
        await trial.sleep_ms(apart_ms)
        answer = await trial.give(f"MVSTOR B HSA={2 - position % 2}M")
        assert answer.result is Result.COMPLETED, answer.message


@pytest.mark.parametrize("text", [SHARERS, COPIER, PAGER], ids=["sharer", "copier", "pager"])
async def test_they_work_while_they_are_moved(text, autojump_clock):
    async with trial_of(text) as trial:
        await _move_about(trial, 12, 17.3)
        await trial.works("B")
        assert trial.steps("B") > 10


async def test_a_typist_reads_and_echoes_each_line_in_order(autojump_clock):
    async with trial_of(TYPIST) as trial:
        await _move_about(trial, 3, 30)
        await trial.give('REPLY B "four"')
        await trial.sleep_ms(200)
        written = [one["text"] for one in trial.of("console.written", lpar="B")]
        lines = ["one", "two", "three", "four"]
        assert [line for line in written if line in lines] == lines, written


async def test_a_typist_tells_a_line_that_should_not_have_come(autojump_clock):
    async with trial_of(TYPIST, verdict="damaged") as trial:
        await trial.sleep_ms(100)
        await trial.give('REPLY B "forty"')
        await trial.sleep_ms(200)
        assert trial.of("guest.damaged", lpar="B")


async def test_a_copier_finds_a_record_that_the_tape_changed(autojump_clock):
    async with trial_of(COPIER, verdict="damaged") as trial:
        reel = trial.machine.assembly.devices[0x580]._reel
        read = reel.read
        reel.read = lambda number: read(number)[::-1] if number == 2 else read(number)
        await trial.sleep_ms(1_000)
        assert trial.of("guest.damaged")


@pytest.mark.parametrize("what", ["data", "change bit"])
async def test_a_pager_finds_damaged_frames_and_lost_change_bits(what, autojump_clock):
    async with trial_of(PAGER, verdict="damaged") as trial:
        await trial.sleep_ms(300)
        storage = trial.machine.storage
        zone = next(row for row in trial.machine.rows() if row.name == "B")
        frames = range(zone.origin, zone.origin + zone.size)
        if what == "data":
            for frame in frames:
                storage.frames[frame, 100] ^= 1
        else:
            storage.keys[frames.start : frames.stop] &= ~CHANGE & 0xFF
        await trial.sleep_ms(300)
        assert trial.of("guest.damaged")


async def test_a_halted_start_is_no_damage_to_any_of_them(autojump_clock):
    for text in (SHARERS, COPIER, PAGER):
        slow = text.replace('latency = "1ms"', 'latency = "30ms"')
        async with trial_of(slow) as trial:
            for position in range(6):
                await trial.sleep_ms(77.7)
                answer = await trial.give(f"MVSTOR B HSA={2 - position % 2}M QUIESCE=1ms BUSY=HALT")
                assert answer.result is Result.COMPLETED, answer.message
            halted = [one for one in trial.of("start.ended", lpar="B") if one["function"] == "HALT"]
            assert halted, "the moves had to halt something"
            await trial.sleep_ms(500)
