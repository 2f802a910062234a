"""Probes: what was reached is counted by who asks, and costs nothing where nobody does."""

from lparvm import dst


def test_what_is_reached_is_counted():
    with dst.collected() as ledger:
        for number in range(5):
            dst.sometimes("even", number % 2 == 0)
            dst.sometimes("any")
    assert ledger == {"even": 3, "any": 5}
    dst.sometimes("any")
    assert ledger["any"] == 5, "nobody collects any more"


def test_the_innermost_collects():
    with dst.collected() as outer:
        dst.sometimes("a")
        with dst.collected() as inner:
            dst.sometimes("b")
        dst.sometimes("c")
    assert (set(outer), set(inner)) == ({"a", "c"}, {"b"})


def test_a_run_has_its_own():
    async def main(tape: dst.Tape) -> None:
        dst.sometimes("drew high", tape.stream("a").draw(10) > 4)

    reached = [dst.run(main, "walk", seed).probes["drew high"] for seed in range(40)]
    assert set(reached) == {0, 1}
