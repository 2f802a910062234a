"""Starts that may not begin while their LPAR quiesces are held; after SALE they begin, and none is lost."""

from lparvm.actors.lip_control import LipControl
from lparvm.machine import Parts
from lparvm.protocol import messages as m
from lparvm.protocol.results import Result
from trials import M, Trial, device, lpar, scenario, trial_of

SHARED = scenario(
    device("0190", latency="10ms"),
    lpar("A", "0", guest="machine_guests:Reading", devices=["0190"]),
    lpar("B", "1M", guest="machine_guests:Reading", devices=["0190"]),
)
TWO_LIPS = (device("0190", latency="2ms"), device("0191", latency="3ms"))
B_READS = lpar("B", "1M", guest="machine_guests:Reading", lips=2, devices=["0190", "0191"])
B_JOURNALS = lpar("B", "1M", guest="journal", lips=2, devices=["0190", "0191"])


class LipControlWithASlowChannel(LipControl):
    """What it sends to an IOP is 4 ms on the way, so that starts can arrive while the IOP quiesces."""

    def post(self, to, message, cause):
        if not isinstance(message, m.StartIo):
            return super().post(to, message, cause)

        async def send() -> None:
            await self.clock.sleep_ns(4_000_000)
            super(LipControlWithASlowChannel, self).post(to, message, cause)

        self.nursery.start_soon(send)
        return cause


def _transfers(trial: Trial, name: str, since_ns: int, until_ns: int) -> list[dict]:
    """Channel programs of the LPAR that were active between the two times."""
    return [
        one
        for one in trial.of("transfer.ended", lpar=name)
        if one["first_ns"] < until_ns and one["last_ns"] > since_ns
    ]


async def _move_with_held_starts(trial: Trial) -> int:
    """Move B to and fro, at several times; how many starts were held in all."""
    for position in range(12):
        await trial.sleep_ms(2.1 + 0.9 * position)
        answer = await trial.give(f"MVSTOR B HSA={1 + position % 2 + 1}M")
        assert answer.result is Result.COMPLETED, answer.message
        quiesced = trial.of("iop.quiesced", op=answer.operation)[-1]["t"]
        released = trial.of("starts.released", op=answer.operation)[-1]
        active = _transfers(trial, "B", quiesced, released["t"])
        assert active == [], "I/O was active between quiesce and release"
    return sum(one["held"] for one in trial.of("starts.released"))


async def test_starts_that_come_while_quiescing_begin_at_the_new_place_and_all_end(autojump_clock):
    parts = Parts(lip_control=LipControlWithASlowChannel)
    async with trial_of(scenario(*TWO_LIPS, lpar("A", "0"), B_READS), parts=parts) as trial:
        held = await _move_with_held_starts(trial)
        assert held >= 3
        assert held == len(trial.of("start.held", lpar="B")), "all that were held were released"
        await trial.works("B")
        guest = trial.machine.assembly.guests["B"]
        assert 0 <= guest.started - guest.ended <= 2, "a start was lost"
        for start in trial.of("start.held", lpar="B"):
            sale = next(one for one in trial.of("sale.set", lpar="B") if one["t"] >= start["t"])
            begun = next(
                one for one in trial.of("transfer.ended", lpar="B", device=start["device"])
                if one["last_ns"] > start["t"]
            )  # fmt: skip
            assert begun["first_ns"] >= sale["t"]
            assert begun["origin_frame"] == sale["origin_frame"], "addresses are checked against the new zone"


async def test_a_journal_loses_nothing_by_held_starts(autojump_clock):
    parts = Parts(lip_control=LipControlWithASlowChannel)
    async with trial_of(scenario(*TWO_LIPS, lpar("A", "0"), B_JOURNALS), parts=parts) as trial:
        assert await _move_with_held_starts(trial) >= 3
        await trial.works("A", "B")


async def test_giving_up_after_quiescing_releases_held_starts_too(autojump_clock):
    parts = Parts(lip_control=LipControlWithASlowChannel)
    async with trial_of(scenario(*TWO_LIPS, lpar("A", "0"), B_READS), parts=parts) as trial:
        for _ in range(6):
            await trial.sleep_ms(7.3)
            op = trial.machine.svp.submit("MVSTOR B HSA=2M")
            trial.when("move.started", lambda _: trial.machine.svp.submit("CANCEL B"), inverse=False)
            assert (await trial.machine.svp.answer(op)).result is Result.CANCELLED
        assert trial.of("start.held", lpar="B")
        assert trial.origins()["B"] == M
        await trial.works("B")


async def test_a_start_that_waits_for_anothers_device_does_not_begin_while_its_lpar_quiesces(autojump_clock):
    async with trial_of(SHARED) as trial:
        await trial.sleep_ms(5)
        # One LPAR's I/O is active, the other one's start waits behind it: that one moves, and needn't wait.
        (waiting,) = (one.start for one in trial.machine.assembly.iops["IOP1"]._state.waiting)
        answer = await trial.give(f"MVSTOR {waiting.lpar} HSA=2M")
        assert (answer.result, answer.busy_devices) == (Result.COMPLETED, ())
        (released,) = trial.of("starts.released", op=answer.operation)
        assert released["held"] == 1
        await trial.works("A", "B")
        assert trial.of("transfer.ended", lpar=waiting.lpar)[0]["first_ns"] >= released["t"]


async def test_io_of_the_other_lpar_on_the_same_device_goes_on_while_one_moves(autojump_clock):
    async with trial_of(SHARED.replace('"20M"', '"4M"')) as trial:
        await trial.sleep_ms(55)
        answer = await trial.give("MVSTOR B HSA=2M")
        assert answer.result is Result.COMPLETED
        (sale,) = trial.of("sale.set", op=answer.operation)
        quiesced_ns = trial.of("iop.quiesced", op=answer.operation)[-1]["t"]
        assert sale["t"] - quiesced_ns > 60_000_000
        others = _transfers(trial, "A", quiesced_ns, sale["t"])
        assert len(others) >= 5, "A had the device all the time"
        assert all(one["device_status"] == 0x0C for one in others)


async def test_both_lpars_of_one_device_move_at_one_time(autojump_clock):
    async with trial_of(SHARED) as trial:
        for position in range(6):
            await trial.sleep_ms(8.7)
            svp = trial.machine.svp
            ops = [svp.submit(f"MVSTOR A HSA={(position + 1) % 2}K".replace("1K", "512K"))]
            ops.append(svp.submit(f"MVSTOR B HSA={1 + (position + 1) % 2}M"))
            for op in ops:
                assert (await svp.answer(op)).result is Result.COMPLETED
        await trial.works("A", "B")
