"""XCHSTOR: two LPARs change places, both or neither; whatever happens, both guests go on with whole data."""

import pytest

from lparvm.actors.service_processor import CommandResult
from lparvm.protocol.results import Result
from lparvm.storage.exchange import ZoneExchange
from trials import K, M, Trial, device, lpar, scenario, trial_of


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ZoneExchange.next_chunk, "__defaults__", (7,))


def machine(a: str = "256K", b: str = "512K", at: int = 1024, storage: str = "4M", *more: str) -> str:
    """A from 0 on, B from `at` KiB on."""
    return scenario(lpar("A", "0", size=a), lpar("B", f"{at}K", size=b, lips=2), *more, main_storage=storage)


async def exchanged(trial: Trial, text: str = "XCHSTOR A B") -> CommandResult:
    answer = await trial.give(text)
    assert answer.result is Result.COMPLETED, answer.message
    await trial.works("A", "B")
    return answer


def zones(trial: Trial) -> dict[str, tuple[int, int]]:
    """Origin and end of each zone, in KiB."""
    return {row.name: (row.origin * 4, (row.origin + row.size) * 4) for row in trial.machine.rows()}


@pytest.mark.parametrize(
    ("a", "b", "at", "storage", "after"),
    [
        ("512K", "512K", 512, "1M", {"A": (512, 1024), "B": (0, 512)}),  # equal, all of storage in use
        ("256K", "512K", 256, "768K", {"A": (512, 768), "B": (0, 512)}),  # unequal, adjacent, all in use
        ("512K", "256K", 512, "768K", {"A": (256, 768), "B": (0, 256)}),
        ("256K", "512K", 1024, "4M", {"A": (1280, 1536), "B": (0, 512)}),  # with a gap
        ("512K", "256K", 1024, "4M", {"A": (768, 1280), "B": (0, 256)}),
        ("260K", "508K", 300, "4M", {"A": (548, 808), "B": (0, 508)}),  # a gap smaller than the difference
        ("4K", "508K", 4, "512K", {"A": (508, 512), "B": (0, 508)}),  # a single page
    ],
)
@pytest.mark.parametrize("text", ["XCHSTOR A B", "XCHSTOR B A"])
async def test_the_upper_lands_at_the_lower_ones_origin_and_the_lower_ends_where_the_upper_ended(
    autojump_clock, text: str, a: str, b: str, at: int, storage: str, after: dict
):
    async with trial_of(machine(a, b, at, storage)) as trial:
        before = zones(trial)
        answer = await trial.give(text)
        assert (answer.result, answer.code) == (Result.COMPLETED, "LVM012I"), answer.message
        assert zones(trial) == after
        assert answer.pages == sum(end - origin for origin, end in before.values()) // 4
        assert {stop.lpar for stop in answer.lips} == {"A", "B"}, "both stood still, and it is told of each"
        await trial.works("A", "B")
        await exchanged(trial)
        assert zones(trial) == before, "twice is as before"


async def test_what_lies_between_stays_between(autojump_clock):
    text = machine("256K", "512K", 1536, "4M", lpar("C", "768K", size="256K"))
    async with trial_of(text) as trial:
        await exchanged(trial)
        assert zones(trial) == {"B": (0, 512), "C": (768, 1024), "A": (1792, 2048)}
        assert [one for one in trial.of("lip.stopped") if one["lpar"] == "C"] == []
        await trial.works("C")


@pytest.mark.parametrize(
    ("a", "b", "third"), [("256K", "512K", "400K"), ("512K", "256K", "640K"), ("512K", "256K", "900K")]
)
async def test_a_third_zone_in_the_way_refuses_it_and_nobody_is_stopped(
    autojump_clock, a: str, b: str, third: str
):
    async with trial_of(machine(a, b, 1024, "4M", lpar("C", third, size="100K"))) as trial:
        before = zones(trial)
        answer = await trial.give("XCHSTOR A B")
        in_the_way = third != "640K"
        expected = (Result.ZONE_IN_THE_WAY, "LVM039W") if in_the_way else (Result.COMPLETED, "LVM012I")
        assert (answer.result, answer.code) == expected, answer.message
        if in_the_way:
            assert "C is in the way" in answer.message
            assert (zones(trial), trial.of("lip.stopped")) == (before, [])
        await trial.works("A", "B", "C")


async def test_a_test_does_nothing_and_says_what_would_be(autojump_clock):
    async with trial_of(machine()) as trial:
        answer = await trial.give("XCHSTOR A B TEST")
        assert (answer.result, answer.code) == (Result.COMPLETED, "LVM014I"), answer.message
        assert (trial.origins(), trial.of("lip.stopped")) == ({"A": 0, "B": M}, [])
    async with trial_of(machine("256K", "512K", 1024, "4M", lpar("C", "400K", size="100K"))) as trial:
        assert (await trial.give("XCHSTOR A B TEST")).result is Result.ZONE_IN_THE_WAY


IO = (
    device("0190", latency="3ms"),
    device("0191", iop=["IOP1", "IOP2"], latency="2ms"),
    lpar("A", "0", size="256K", guest="machine_guests:Reading", devices=["0190"]),
    lpar("B", "1M", size="512K", guest="machine_guests:Reading", devices=["0191"]),
)


async def test_the_io_of_both_is_quiesced_and_goes_on_in_the_new_zones(autojump_clock):
    async with trial_of(scenario(*IO, iops=2)) as trial:
        await trial.sleep_ms(20)
        for _ in range(3):
            await exchanged(trial)
        quiet = {(one["lpar"], one["iop"]) for one in trial.of("iop.quiesced")}
        assert quiet == {("A", "IOP1"), ("B", "IOP1"), ("B", "IOP2")}
        assert {one["lpar"] for one in trial.of("transfer.ended")} >= {"A", "B"}


async def test_when_one_iop_refuses_sale_for_one_of_them_both_go_back(autojump_clock):
    async with trial_of(scenario(*IO, iops=2)) as trial:
        before = zones(trial)
        trial.machine.refuse_sale("IOP2")
        answer = await trial.give("XCHSTOR A B")
        assert answer.result is Result.SALE_REFUSED, answer.message
        assert zones(trial) == before
        assert trial.of("zone.moved") == [], "neither was committed"
        await trial.works("A", "B")
        await exchanged(trial)


async def test_a_lip_of_one_that_does_not_stop_gets_both_restarted(autojump_clock):
    slow = lpar("A", "0", size="256K", guest="machine_guests:Slow")
    async with trial_of(scenario(slow, lpar("B", "1M", size="512K", lips=2))) as trial:
        op = trial.machine.svp.submit("XCHSTOR A B")
        await trial.sleep_ms(1)
        # XCHSTOR has no STOP= in the language: its time is the default.
        answer = await trial.machine.svp.answer(op)
        assert answer.result in (Result.STOP_TIMED_OUT, Result.COMPLETED), answer.message
        await trial.works("B")


@pytest.mark.parametrize("fault_kib", [0, 100, 252, 300, 1024, 1200, 1532])
async def test_a_faulty_frame_wherever_it_is_leaves_both_where_they_were(autojump_clock, fault_kib: int):
    async with trial_of(machine("256K", "512K", 1024)) as trial:
        before = zones(trial)
        trial.machine.fail_frame(fault_kib * K)
        answer = await trial.give("XCHSTOR A B")
        assert answer.result is Result.STORAGE_FAULT, answer.message
        assert zones(trial) == before
        (retired,) = trial.of("frame.retired")
        assert retired["frame"] == fault_kib // 4
        await trial.works("A", "B")
        again = await trial.give("XCHSTOR A B")
        own = fault_kib < 256 or fault_kib >= 1024
        assert again.result is (Result.ZONE_FAULTY if own else Result.TARGET_FAULTY), again.message


@pytest.mark.parametrize(
    ("command", "lpars"),
    [("MVSTOR A HSA=3M", "A"), ("MVSTOR B HSA=3M", "B"), ("XCHSTOR B A", "B"), ("XCHSTOR C B", "B"), ("XCHSTOR C A", "A")],
)  # fmt: skip
async def test_a_second_operation_on_either_is_refused_and_one_on_a_third_is_not(
    autojump_clock, command: str, lpars: str
):
    async with trial_of(machine("256K", "512K", 1024, "4M", lpar("C", "2M"))) as trial:
        op = trial.machine.svp.submit("XCHSTOR A B")
        await trial.sleep_ms(5)
        answer = await trial.give(command)
        assert answer.result is Result.LPAR_IN_OPERATION, answer.message
        assert f"{lpars} is held by operation {op}" in answer.message
        assert (await trial.give("MVSTOR C HSA=3M")).result is Result.COMPLETED
        assert (await trial.machine.svp.answer(op)).result is Result.COMPLETED


@pytest.mark.parametrize("target", ["A", "B", "op"])
async def test_cancel_by_either_lpar_or_the_operation_brings_both_back(autojump_clock, target: str):
    async with trial_of(machine()) as trial:
        before = zones(trial)
        op = trial.machine.svp.submit("XCHSTOR A B")
        await trial.sleep_ms(12)
        assert (await trial.give(f"CANCEL {op if target == 'op' else target}")).result is Result.COMPLETED
        answer = await trial.machine.svp.answer(op)
        assert answer.result is Result.CANCELLED, answer.message
        assert zones(trial) == before
        await trial.works("A", "B")
        await exchanged(trial)


async def test_a_guest_that_failed_is_exchanged_but_not_run(autojump_clock):
    failing = lpar("A", "0", size="256K", guest="machine_guests:Raising")
    async with trial_of(scenario(failing, lpar("B", "1M", size="512K")), verdict="failed") as trial:
        await trial.sleep_ms(50)
        answer = await trial.give("XCHSTOR A B")
        assert answer.result is Result.COMPLETED, answer.message
        assert zones(trial) == {"B": (0, 512), "A": (1280, 1536)}
        await trial.works("B")


async def test_an_exchange_needs_no_storage_but_its_buffer(autojump_clock, monkeypatch: pytest.MonkeyPatch):
    """All of main storage is in use: there is nowhere else to put a page."""
    async with trial_of(machine("512K", "512K", 512, "1M")) as trial:
        await exchanged(trial)
        areas = {(one["origin_frame"], one["extent_frames"]) for one in trial.of("area.reserved")}
        assert areas == {(0, 128), (128, 128)}
        assert trial.of("area.poisoned") == trial.of("area.released") == [], "nothing was vacated"
