"""The guest that docs/channel.md shows."""

from pathlib import Path

from trials import device, lpar, scenario, trial_of

EXAMPLE = Path(__file__).with_name("reader_guest.py")
PAGE = Path(__file__).parents[2] / "docs" / "channel.md"


def test_the_page_shows_it_as_it_is():
    assert EXAMPLE.read_text() in PAGE.read_text()


async def test_it_works_while_it_is_moved(autojump_clock, monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLE.parent)
    text = scenario(
        device("0190"), lpar("A", "0"), lpar("B", "1M", guest="reader_guest:Reader", devices=["0190"])
    )
    async with trial_of(text) as trial:
        for position in range(6):
            await trial.sleep_ms(11)
            await trial.give(f"MVSTOR B HSA={2 - position % 2}M")
        await trial.works("B")
