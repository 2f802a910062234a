"""Both ways of moving an LPAR, side by side: what the guests see of them."""

import json

import pytest

from lparvm.cli import group
from lparvm.compare import Comparison, _Watch, compare, conventional
from lparvm.errors import UsageError
from lparvm.protocol.results import Result
from lparvm.scenario import parse_scenario
from trials import command, lpar, scenario

A, B = lpar("A", "0"), lpar("B", "1M", size="512K", lips=2)


def _conventional(*commands: str, **more: object):
    other, lpars = conventional(parse_scenario(scenario(A, B, *commands, **more)))
    return [(one.text, *one.then) for one in other.commands], lpars


@pytest.mark.parametrize(
    ("target", "origin"),
    [("HSA=2M", "2M"), ("END", "3584K"), ("AFTER=A", "256K"), ("BEFORE=A", "0"), ("HSA=2056K", "2056K")],
)
def test_a_move_becomes_deactivate_define_activate_and_ipl(target: str, origin: str):
    given, lpars = _conventional(command("1ms", f"MVSTOR B {target}"))
    assert given == [("DEACTIVATE B", f"DEFINE B SIZE=512K ORIGIN={origin}", "ACTIVATE B", "IPL B")]
    assert lpars == ("B",)


def test_where_a_move_goes_follows_from_the_commands_before_it_in_time():
    given, lpars = _conventional(
        command("3ms", "MVSTOR A AFTER=B"), command("1ms", "MVSTOR B HSA=2M"), command("2ms", "XCHSTOR A B")
    )
    assert given[0][1] == "DEFINE A SIZE=256K ORIGIN=512K", "B begins at 0 after the exchange"
    assert given[1][1] == "DEFINE B SIZE=512K ORIGIN=2M"
    assert given[2] == ("XCHSTOR A B",)
    assert lpars == ("B", "A")


def test_what_is_not_to_complete_or_only_tests_stays():
    texts = [
        ("MVSTOR B HSA=0", "TARGET_OCCUPIED"),
        ("MVSTOR B HSA=2M TEST", "COMPLETED"),
        ("DISPLAY FRAME", "COMPLETED"),
    ]
    given, lpars = _conventional(*(command("1ms", text, expect) for text, expect in texts))
    assert given == [(text,) for text, _ in texts]
    assert lpars == ()


@pytest.mark.parametrize(("given", "size"), [("EXPAND=A", "2M"), ("EXPAND=A,SIZE=1M", "1M")])
def test_what_a_move_expands_is_expanded_by_a_command_of_its_own(given: str, size: str):
    commands = (command("1ms", f"MVSTOR B HSA=2M {given}"), command("2ms", "MVSTOR A END"))
    texts, _ = _conventional(*commands)
    assert texts[0][-1] == f"EXPAND A SIZE={size}"
    assert texts[1][1].startswith(f"DEFINE A SIZE={size} "), "where it has grown"


@pytest.fixture(scope="module")
def both() -> Comparison:
    """B's 512K at 20 MiB a second: 25 ms, either way."""
    text = scenario(A, B, command("50ms", "MVSTOR B HSA=2M"), duration="400ms")
    return compare(parse_scenario(text))


def test_the_conventional_way_loses_the_work_and_a_move_does_not(both: Comparison):
    (one,) = both.lpars
    assert one.relocated.steps_lost == 0
    assert one.relocated.regain_ns is None
    lost = both.conventional.guests[1].lives[0].steps
    assert one.conventional.steps_lost == lost > 100
    assert one.conventional.regained
    # The same guest at the same pace: as long as the old one ran, less what IPL itself cost the first one.
    assert one.conventional.regain_ns == pytest.approx(50_000_000, rel=0.1)
    assert one.relocated.steps > one.conventional.steps + lost // 2


def test_the_outage_is_from_leaving_sie_to_sie_again(both: Comparison):
    (one,) = both.lpars
    result = both.relocated.commands[0]
    assert result.longest_stop is not None
    assert one.relocated.outage_ns == result.longest_stop.stopped_ns
    ipl = next(one for one in both.conventional.commands if one.text == "IPL B")
    assert 25_000_000 <= one.conventional.outage_ns <= ipl.answered_ns - 50_000_000
    assert one.conventional.back


def test_both_runs_are_proven_and_told(both: Comparison):
    assert both.exit_code == 0
    assert [str(one.result) for one in both.conventional.commands] == ["COMPLETED"] * 4
    assert both.lpars[0].conventional.commands[-1] == "IPL B"
    told = json.loads(json.dumps(both.as_json()))
    assert list(told) == ["scenario", "seed", "clock", "lpars", "verdicts", "digests"]
    assert list(told["lpars"][0]) == ["lpar", "mvstor", "conventional"]
    assert told["verdicts"] == {"mvstor": "intact", "conventional": "intact"}


def test_what_was_not_regained_is_estimated_from_the_pace():
    text = scenario(A, B, command("200ms", "MVSTOR B HSA=2M"), duration="300ms")
    (one,) = compare(parse_scenario(text)).lpars
    assert not one.conventional.regained
    assert one.conventional.regain_ns == pytest.approx(200_000_000, rel=0.1)


def test_a_guest_that_does_not_come_back_is_out_until_the_end(both: Comparison):
    watch = _Watch(("B",))
    watch({"event": "lip.stopped", "lpar": "B", "lip": "LIP2", "op": "op.1", "left_sie_ns": 30, "t": 31})
    watch({"event": "lip.stopped", "lpar": "B", "lip": "LIP3", "op": "op.1", "left_sie_ns": 35, "t": 36})
    watch({"event": "guest.verified", "lpar": "B", "steps": 7, "t": 40})
    watch({"event": "machine.ended", "t": 100})
    way = watch.way("B", both.relocated)
    assert (way.outage_ns, way.back, way.steps_lost, way.regain_ns, way.steps) == (70, False, 7, None, 0)


def test_a_scenario_that_moves_nothing_is_refused():
    with pytest.raises(UsageError, match="expected one to compare"):
        compare(parse_scenario(scenario(A, B)))


def test_the_same_seed_gives_the_same_comparison(both: Comparison):
    text = scenario(A, B, command("50ms", "MVSTOR B HSA=2M"), duration="400ms")
    again = compare(parse_scenario(text))
    assert again.as_json() == both.as_json()
    assert again.conventional.commands[0].result is Result.COMPLETED


def test_the_command_shows_both_side_by_side(tmp_path, capsys):
    path = tmp_path / "two.toml"
    path.write_text(scenario(A, B, command("50ms", "MVSTOR B HSA=2M"), duration="200ms"))
    assert group.main(["compare", str(path)], standalone_mode=False) == 0
    shown = capsys.readouterr().out
    for words in (
        "MVSTOR",
        "conventional",
        "outage of the guest",
        "work lost",
        "none",
        "DEACTIVATE B",
        "IPL B",
    ):
        assert words in shown, shown
    assert group.main(["compare", str(path), "--json"], standalone_mode=False) == 0
    assert json.loads(capsys.readouterr().out)["clock"] == "virtual"
