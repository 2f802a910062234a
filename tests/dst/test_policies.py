"""What each policy does, and what it finds that another doesn't."""

from itertools import pairwise

import pytest
import trio

from dst_programs import lag, spinners, steps
from lparvm import dst
from lparvm.dst import policies
from lparvm.errors import UsageError

SEEDS = range(60)


def _failures(depth: int, policy: str) -> int:
    return sum(dst.run(lag(depth), policy, seed).error is not None for seed in SEEDS)


def test_the_walk_finds_what_trio_with_a_seed_never_finds():
    walk, seeded = _failures(3, "walk"), _failures(3, "seeded")
    assert seeded == 0, f"in trio's own way no task lags two steps, and yet {seeded} runs failed"
    assert walk >= 5, f"the walk found it in {walk} of {len(SEEDS)}"


def test_priorities_find_a_deep_lag_more_often_than_the_walk():
    deep, walk = _failures(8, "pct:3"), _failures(8, "walk")
    assert deep >= 12, f"pct:3 found it in {deep} of {len(SEEDS)}"
    assert deep >= 3 * walk, f"pct:3 found it in {deep}, the walk in {walk} of {len(SEEDS)}"


def test_first_come_first_served_goes_round():
    assert dst.run(spinners(4, 5), "fifo").unwrap() == [0, 1, 2, 3] * 5


def test_first_come_first_served_lets_no_newcomer_pass():
    async def main(_tape: dst.Tape) -> list[str]:
        order, come = [], trio.Event()

        async def woken() -> None:
            await come.wait()
            order.append("woken")

        async def waker() -> None:
            await steps(3)
            come.set()
            order.append("waker")

        async def spin(name: str) -> None:
            for _ in range(6):
                order.append(name)
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(woken)  # the oldest of all, and yet the last to come
            nursery.start_soon(waker)
            nursery.start_soon(spin, "a")
            nursery.start_soon(spin, "b")
        return order

    order = dst.run(main, "fifo").unwrap()
    assert order[order.index("waker") :][:4] == ["waker", "a", "b", "woken"], order


@pytest.fixture
def one_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """The policies plan further ahead than the program is long."""
    monkeypatch.setattr(policies, "WINDOWS_STEPS", (100,))


@pytest.mark.usefixtures("one_window")
def test_delays_are_as_many_as_were_asked_for():
    for seed in range(20):
        run = dst.run(spinners(3, 8), "delay:2", seed)
        delays = sum(run.tape.choices.get("schedule", ()))
        assert delays <= 2, f"seed {seed}: {delays} delays"


def test_delays_fall_anywhere():
    orders = {tuple(dst.run(spinners(3, 2), "delay:1", seed).unwrap()) for seed in SEEDS}
    assert len(orders) > 3


@pytest.mark.usefixtures("one_window")
def test_priorities_run_one_task_until_they_change():
    for seed in range(10):
        order = dst.run(spinners(2, 20), "pct:1", seed).unwrap()
        changes = sum(one != other for one, other in pairwise(order))
        assert changes == 1, f"seed {seed}: {changes} changes of turn, and no priority changed"


@pytest.mark.parametrize("policy", ["pct:1", "pct:3", "walk", "fifo", "delay:3", "seeded"])
def test_who_waits_by_looking_again_and_again_lets_others_go_on(policy):
    async def main(_tape: dst.Tape) -> None:
        done = False

        async def work() -> None:
            nonlocal done
            await steps(3)
            done = True

        async with trio.open_nursery() as nursery:
            nursery.start_soon(work)
            while not done:
                await trio.lowlevel.checkpoint()

    for seed in range(6):
        run = dst.run(main, policy, seed, steps_max=5_000)
        assert run.error is None, f"{policy}, seed {seed}: {run.error!r}"


@pytest.mark.parametrize("text", ["walk", "fifo", "seeded", "pct:1", "pct:64", "delay:7"])
def test_a_policy_is_written_as_it_is_read(text):
    assert str(dst.parse_policy(text)) == text


@pytest.mark.parametrize(
    "text", ["", "random", "pct", "pct:", "pct:0", "pct:65", "pct:1.5", "delay:-1", "walk:2", "pct:٣"]
)
def test_an_unknown_policy_is_refused_in_one_line(text):
    with pytest.raises(UsageError, match=r"expected walk, fifo, seeded, pct:D or delay:D") as caught:
        dst.run(spinners(1, 1), text)
    assert "\n" not in str(caught.value)
