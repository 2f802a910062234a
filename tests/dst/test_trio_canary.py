"""The canary: a trio that behaves differently inside must fail here, not in somebody's simulation.

`lparvm.dst` reaches into trio's run loop. Each check is a promise that trio never made, and tells what relies on it. If
one fails after an update of trio: compare `trio/_core/_run.py`, function `unrolled_run`, with lparvm/dst/scheduler.py.
"""

import inspect

import pytest
import trio
import trio.testing

from dst_programs import spinners, steps
from lparvm import dst
from lparvm.dst.deterministic import generator_replaced, inside, missing


class _Observer(trio.abc.Instrument):
    """Stands where the generator is, and notes what trio does."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.ran: list[str] = []
        self.problems: set[str] = set()
        self.extra: list[trio.lowlevel.Task] = []
        self.batch: list[trio.lowlevel.Task] = []
        self.runq = None

    def shuffle(self, batch: list[trio.lowlevel.Task]) -> None:
        runner = inside.GLOBAL_RUN_CONTEXT.runner
        if self.runq is None:
            self.runq = runner.runq
            trio.lowlevel.add_instrument(self)
        if runner.runq is not self.runq or runner.runq:
            self.problems.add("the queue is emptied in place, into the batch")
        if not isinstance(batch, list) or batch != sorted(batch, key=lambda task: task._counter):
            self.problems.add("the batch is a list, sorted by the tasks' creation, before it is shuffled")
        if any(task._next_send_fn is None for task in batch):
            self.problems.add("a task that can run has its next step noted")
        self.batches.append([task.name for task in batch])
        lost = [*self.batch, *self.extra]
        self.batch, self.extra = batch, []
        if lost:
            self.problems.add("a task that is put into the batch after a step runs in the same pass")
            runner.runq.extend(lost)  # so that the run ends
        if len(batch) > 2:
            # One stays for this pass, one is put into the batch after its step, the others go back.
            runner.runq.extend(batch[2:])
            self.extra = [batch[1]]
            del batch[1:]

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.ran.append(task.name)

    def after_task_step(self, _task: trio.lowlevel.Task) -> None:
        if not self.batch and self.extra:
            self.batch.append(self.extra.pop())

    def random(self) -> float:
        self.problems.add("the batch is shuffled, where _ALLOW_DETERMINISTIC_SCHEDULING is set")
        return 0.0


def _problems() -> set[str]:
    """What this trio does differently."""
    absent = missing()
    if absent:
        return {f"trio has {name}" for name in absent}
    observer = _Observer()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for name in "dcba":
                nursery.start_soon(steps, 3, name=name)
        await trio.sleep(1)

    with generator_replaced(observer):
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    problems = observer.problems | _order_problems() | _deadline_problems()
    if [] not in observer.batches:
        problems.add("an empty batch is shuffled too, where nothing can run")
    full = next((place for place, one in enumerate(observer.batches) if one == list("dcba")), None)
    if full is None:
        problems.add("a batch has all tasks that can run")
    elif observer.batches[full + 1 : full + 2] != [list("dcba")]:
        problems.add("what goes back on the queue is in the next batch")
    first = next((place for place, name in enumerate(observer.ran) if name in "abcd"), 0)
    if observer.ran[first : first + 4] != ["d", "c", "d", "c"]:
        problems.add(
            "a batch with one task is one step, and one that comes after the step runs in the same pass"
        )
    return problems


def _order_problems() -> set[str]:
    wanted: list[list[str]] = []
    ran: list[str] = []

    class Reverser(_Observer):
        def shuffle(self, batch: list[trio.lowlevel.Task]) -> None:
            if [task.name for task in batch] == list("dcba"):
                batch[:] = [batch[1], batch[3], batch[0], batch[2]]
                wanted.append([task.name for task in reversed(batch)])

    async def step(name: str) -> None:
        ran.append(name)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for name in "dcba":
                nursery.start_soon(step, name, name=name)

    with generator_replaced(Reverser()):
        trio.run(main, clock=trio.testing.MockClock())
    return set() if [ran] == wanted else {"the last task of a batch takes the first step"}


def _deadline_problems() -> set[str]:
    clock = trio.testing.MockClock()
    seen = []

    async def main() -> None:
        deadlines = inside.GLOBAL_RUN_CONTEXT.runner.deadlines
        seen.append(deadlines.next_deadline())
        with trio.move_on_at(5) as scope:
            seen.append(deadlines.next_deadline())
            await trio.lowlevel.checkpoint()
            seen.append(scope.cancel_called)
            clock.jump(5)
            await trio.lowlevel.checkpoint()
        seen.append(scope.cancelled_caught)

    trio.run(main, clock=clock)
    if seen != [float("inf"), 5, False, True]:
        return {"next_deadline() is when the next scope is cancelled, in the pass after the clock came there"}
    return set()


def test_this_trio_does_what_the_scheduler_relies_on():
    problems = _problems()
    assert not problems, (
        f"trio {trio.__version__} behaves differently: lparvm/dst relies on this, and it doesn't hold: "
        + "; ".join(sorted(problems))
    )


def test_one_task_takes_one_step_at_a_time():
    order = dst.run(spinners(3, 30), "pct:1").unwrap()
    assert order[:30] == order[:1] * 30, "one task takes all its steps, while others could go on as well"


def _changed_trio(monkeypatch: pytest.MonkeyPatch, was: str, becomes: str) -> None:
    source = inspect.getsource(inside.unrolled_run)
    assert source.count(was) == 1, f"trio's run loop no longer has {was!r}: mend this test"
    changed: dict[str, object] = {}
    text = "from __future__ import annotations\n" + source.replace(was, becomes)
    exec(compile(text, inside.__file__, "exec"), inside.__dict__, changed)
    monkeypatch.setattr(inside, "unrolled_run", changed["unrolled_run"])


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("task = batch.pop()", "task = batch.pop(0)", "the last task of a batch takes the first step"),
        ("batch.sort(key=lambda t: t._counter)", "batch.reverse()", "sorted by the tasks' creation"),
        ("_r.shuffle(batch)", "_r.random()", "the batch is shuffled"),
        ("_r.shuffle(batch)", "batch and _r.shuffle(batch)", "an empty batch is shuffled too"),
        ("runner.runq.clear()", "runner.runq = type(runner.runq)()", "the queue is emptied in place"),
        ("while batch:", "for _ in range(len(batch)):", "runs in the same pass"),
        ('"after_task_step" in runner.instruments', "False", "runs in the same pass"),
        ("runner.deadlines.expire(now)", "runner.deadlines.expire(now + 9)", "next_deadline() is when"),
    ],
)
def test_a_trio_that_behaves_differently_is_found(monkeypatch, was, becomes, told):
    _changed_trio(monkeypatch, was, becomes)
    problems = _problems()
    assert any(told in one for one in problems), problems


@pytest.mark.parametrize("name", ["_r", "_ALLOW_DETERMINISTIC_SCHEDULING", "GLOBAL_RUN_CONTEXT"])
def test_a_trio_without_a_private_name_is_found(monkeypatch, name):
    monkeypatch.delattr(inside, name)
    assert _problems() == {f"trio has {name}"}


@pytest.mark.parametrize("name", ["Runner.runq", "Deadlines.next_deadline", "Task._counter"])
def test_a_trio_without_a_private_attribute_is_found(monkeypatch, name):
    owner, attribute = name.split(".")
    stand_in = type(owner, (), {})
    for other in dir(getattr(inside, owner)):
        if not other.startswith("__") and other != attribute:
            setattr(stand_in, other, None)
    monkeypatch.setattr(inside, owner, stand_in)
    assert missing() == [name]
