"""The canary: a trio that schedules differently must fail here, not in a user's trace."""

import trio
import trio.testing

from lparvm.dst.deterministic import deterministic_scheduling, supported


async def _order_of_tasks() -> list[int]:
    order = []

    async def worker(number: int) -> None:
        for _ in range(5):
            order.append(number)
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        for number in range(6):
            nursery.start_soon(worker, number)
    return order


def _run(seed: int) -> list[int]:
    with deterministic_scheduling(seed):
        return trio.run(_order_of_tasks, clock=trio.testing.MockClock(autojump_threshold=0))


def test_this_trio_has_the_private_names():
    assert supported(), f"trio {trio.__version__} lacks _ALLOW_DETERMINISTIC_SCHEDULING or _r: see lparvm/dst"


def test_the_same_seed_gives_the_same_order():
    assert [_run(7) for _ in range(5)] == [_run(7)] * 5


def test_seeds_make_a_difference():
    orders = {tuple(_run(seed)) for seed in range(20)}
    assert len(orders) > 10, (
        f"only {len(orders)} orders in 20 seeds: the shuffle does not use the seeded generator"
    )


def test_the_generator_is_restored():
    private = trio._core._run
    before = (private._r.getstate(), private._ALLOW_DETERMINISTIC_SCHEDULING)
    _run(1)
    assert (private._r.getstate(), private._ALLOW_DETERMINISTIC_SCHEDULING) == before
