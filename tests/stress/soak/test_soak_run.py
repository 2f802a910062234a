"""Short soaks under the real clock: a healthy one, with a planted leak; and such in which something is planted."""

import signal
from functools import partial

import orjson
import pytest

from lparvm import config
from lparvm.arch.address import PAGE_BYTES
from lparvm.errors import UsageError
from lparvm.report import DAMAGED, INTACT
from lparvm.scenario import FaultConfig
from lparvm.scenario.model import FaultKind
from lparvm.stress.soak import SoakOptions, SoakReport, soak
from lparvm.stress.soak.memory import Usage
from lparvm.stress.soak.render import progress_text
from lparvm.stress_cli import real

M, S = 1 << 20, 1_000_000_000
SHORT = SoakOptions(seed=3, duration_ns=S, storage_bytes=16 * M)


def leaking(at_ns: int, storage_bytes: int) -> Usage:
    """As measured on a machine that loses 40 MB a second."""
    return Usage(at_ns, storage_bytes + 40 * M * at_ns // S, storage_bytes, 5, 9)


def planted(fault, **options) -> SoakReport:
    """A soak in which something is planted at once, and which ends by it."""
    short = SoakOptions(seed=3, duration_ns=20 * S, storage_bytes=16 * M, **options)
    return soak(short, on_machine=fault)


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def report(told):
    """One soak for all tests that only look at what came of it."""
    with pytest.MonkeyPatch.context() as patch:
        # A machine that others use as well takes fewer samples than it should.
        patch.setattr(config, "SOAK_SAMPLES_JUDGED_MIN", 3)
        return soak(SHORT, measured=leaking, on_progress=told.append)


def test_a_healthy_machine_is_intact_after_all_of_it(report):
    assert report.run.verdict == INTACT, "\n".join(report.reasons)
    assert report.commands >= 4
    assert {guest.guest for guest in report.guests if guest.steps} >= {"hammer", "ledger", "chain", "swapper"}
    assert all(guest.lives >= 1 for guest in report.guests)


def test_a_planted_leak_is_the_only_reason_and_the_verdict(report):
    assert report.verdict == "grew"
    assert report.exit_code == 1
    (reason,) = report.reasons
    assert reason.startswith("memory grew by ")


def test_progress_is_told(report, told):
    last = told[-1]
    assert len(told) == len(report.samples)
    assert last.duration_ns == S
    assert progress_text(last).startswith(f"{last.elapsed_ns / S:.0f} of 1 s: {last.commands} commands")


def test_the_json_form_has_every_key_and_is_json(report):
    told = orjson.loads(orjson.dumps(report.as_json()))
    assert told.keys() == {
        "seed", "verdict", "reasons", "interrupted", "duration_s", "main_storage", "operators", "trace", "commands",
        "relocations", "moved_bytes", "answer_median_s", "answer_longest_s", "stopped_median_s",
        "stopped_longest_s", "guests", "rules", "growth", "memory",
    }  # fmt: skip
    assert sum(sum(results.values()) for results in told["commands"].values()) == report.commands
    assert told["growth"]["own_bytes_an_hour"] > 100_000 * M
    assert told["memory"][0].keys() == {"at_s", "rss", "storage", "own", "threads", "files"}


# --- what is planted ----------------------------------------------------------------------------------------


def damage(lpar, machine):
    """Every word of an LPAR is another one, as soon as it runs."""
    zone = machine.assembly.zones.zone_of(lpar)
    machine.storage.words[zone.origin * PAGE_BYTES // 8 : zone.end * PAGE_BYTES // 8] ^= 1


def hang(lip, machine):
    machine.strike(FaultConfig(FaultKind.LIP_STUCK, lip, duration_ns=3600 * S))


def test_planted_damage_ends_it_and_is_told_with_its_place():
    report = planted(partial(damage, "LEDGER"))
    assert report.verdict == DAMAGED
    assert report.exit_code == 1
    assert report.reasons[0].startswith("LEDGER: damage at guest absolute 0x")
    assert report.run.duration_ns < 15 * S, "it ended early"


def test_a_lip_that_hangs_is_found_by_the_guests_that_stand():
    report = planted(partial(hang, "LIP1"), stall_ns=300_000_000, answer_ns=300_000_000)
    # On a busy machine it may be found when the LIP owes somebody an answer: then a rule is broken as well.
    assert report.verdict in ("failed", "broken")
    assert report.exit_code == 1
    told = ("done nothing", "not answered in")
    assert any(text in reason for reason in report.reasons for text in told), report.reasons
    assert not report.interrupted


# --- the command line ---------------------------------------------------------------------------------------


def test_ctrl_c_ends_it_in_order_with_the_report(capsys, monkeypatch):
    def interrupt(options, *, on_progress, signals):
        def tell(progress):
            on_progress(progress)
            if progress.elapsed_ns > 200_000_000:
                signal.raise_signal(signal.SIGINT)

        return soak(SHORT, on_progress=tell, signals=signals)

    # Nothing but the end by the signal is looked at.
    monkeypatch.setattr(real, "soak", interrupt)
    assert real.run_real("1h", 3, as_json=True) == 130
    told = orjson.loads(capsys.readouterr().out)
    assert told["interrupted"] is True
    assert told["verdict"] == INTACT, told["reasons"]


@pytest.mark.parametrize(
    ("time_text", "expected"),
    [
        ("soon", "--time: 'soon' is not a duration; expected a duration such as 250us, 2ms, 0.1s or 10m"),
        ("5ms", "--time: '5ms' is out of range; expected 1 s to "),
        ("99999h", "--time: '99999h' is out of range; expected 1 s to "),
    ],
)
def test_a_wrong_time_is_told_in_one_line(time_text, expected):
    with pytest.raises(UsageError) as caught:
        real.run_real(time_text, 0, as_json=False)
    assert str(caught.value).startswith(expected)
    assert "\n" not in str(caught.value)


def test_the_time_is_ten_minutes_when_nobody_says():
    assert real.duration_of(None) == 600 * S
    assert real.duration_of("90s") == 90 * S


def test_the_report_is_shown_as_tables(report, capsys, monkeypatch):
    monkeypatch.setattr(real, "soak", lambda *_args, **_more: report)
    assert real.run_real("1s", 3, as_json=False) == 1
    shown = capsys.readouterr().out
    heads = ("commands\n", "guests\n", "memory\n", "HAMMER", "MVSTOR")
    for head in (*heads, "verdict: grew  (real clock, seed 3"):
        assert head in shown
    assert "memory grew by " in shown
