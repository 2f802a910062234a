"""A textbook race, found, shrunk and replayed with `lparvm.dst`: two clerks withdraw from one account.

Run it: `python docs/examples/dst_lost_update.py`. It prints the same each time, on every machine.
"""

import json

import trio

from lparvm import dst


class Account:
    """Holds money; may never be overdrawn."""

    def __init__(self, balance: int) -> None:
        """Open it with this balance."""
        self.balance = balance

    async def withdraw(self, amount: int) -> None:
        """Check, then act. Between the two others may run: that is the bug."""
        if self.balance >= amount:
            await trio.lowlevel.checkpoint()  # such as a line written to a log
            self.balance -= amount


async def main(tape: dst.Tape) -> None:
    """The program: whatever it draws, it draws from the tape."""
    account = Account(100)

    async def clerk(forms: int) -> None:
        for _ in range(forms):
            await trio.lowlevel.checkpoint()  # one form filled in
        await account.withdraw(tape.stream("amounts").between(50, 90))

    async with trio.open_nursery() as bank:
        bank.start_soon(clerk, 1, name="Ann")
        bank.start_soon(clerk, 4, name="Bob")
    assert account.balance >= 0, f"overdrawn: {account.balance}"


def fails(tape: dst.Tape) -> dst.Tape | None:
    """Run a tape; where it fails in the same way, what was used of it."""
    run = dst.run(main, tape=tape)
    return run.tape if isinstance(run.error, AssertionError) else None


def step(number: int, task: str, _now_s: float) -> None:
    """Tell a step of a clerk."""
    if task in ("Ann", "Bob"):
        print(f"    step {number:2}  {task}")


if __name__ == "__main__":
    for policy in ("seeded", "delay:5", "pct:3", "walk"):
        failures = sum(dst.run(main, policy, seed).error is not None for seed in range(100))
        print(f"{policy:7} fails in {failures:2} of 100 seeds")

    found = dst.first_failure(main, "walk", range(100))
    assert found is not None
    seed, run = found
    print(f"walk, seed {seed}: {run.error}; {run.tape.cost[0]} choices that are not 0")

    shrunk = dst.shrink(run.tape, fails)
    text = json.dumps(shrunk.tape.as_json()["streams"])
    print(f"shrunk in {shrunk.attempts} runs to {shrunk.tape.cost[0]}: {text}")

    again = dst.run(main, tape=shrunk.tape.again(), listener=step)
    print(f"replayed: {again.error}")
    same = sum(str(dst.run(main, tape=again.tape.again()).error) == str(again.error) for _ in range(100))
    print(f"and {same} times in 100 once more")
