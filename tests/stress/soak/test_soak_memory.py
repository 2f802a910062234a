"""Whether memory grows: told by medians of thirds, so that neither noise nor what fills up once counts."""

import random

import pytest

from lparvm import config
from lparvm.stress.soak import memory
from lparvm.stress.soak.memory import Usage, growth_of, growth_problems, measure

M, MINUTE_NS, HOUR_NS = 1 << 20, 60_000_000_000, 3_600_000_000_000


def series(own, *, count=40, over_ns=10 * MINUTE_NS, threads=lambda part: 5, files=lambda part: 9):
    """Samples whose values are functions of the part of the run that is over, 0 to 1."""
    return [
        Usage(
            round(part * over_ns), 300 * M + round(own(part)), 300 * M, threads(part), files(part)
        )
        for part in (number / (count - 1) for number in range(count))
    ]  # fmt: skip


def problems(samples):
    return growth_problems(growth_of(samples))


def leak(bytes_an_hour, over_ns):
    return lambda part: 80 * M + bytes_an_hour * part * over_ns / HOUR_NS


def test_what_goes_to_and_fro_is_no_growth():
    draw = random.Random(1)
    assert problems(series(lambda part: 80 * M + draw.uniform(-6, 6) * M)) == ()


def test_what_fills_up_during_the_warm_up_is_no_growth():
    full = config.SOAK_WARM_UP_PERCENT / 100
    assert problems(series(lambda part: 80 * M + 100 * M * min(part, full))) == ()


def test_a_single_peak_is_no_growth():
    assert problems(series(lambda part: (500 if 0.9 < part < 0.95 else 80) * M)) == ()


def test_a_leak_is_found_and_told_by_the_hour():
    (told,) = problems(series(leak(200 * M, 10 * MINUTE_NS)))
    assert told.endswith("in 308 s, 200.0M an hour; 64M an hour is the most")


def test_a_slow_leak_is_found_in_a_long_run():
    slow = 40 * M  # below what is judged by the hour
    assert problems(series(leak(slow, HOUR_NS), over_ns=HOUR_NS)) == ()
    (told,) = problems(series(leak(slow, 24 * HOUR_NS), over_ns=24 * HOUR_NS))
    assert told.startswith("memory grew by 4")


def test_what_the_guests_storage_holds_does_not_count():
    samples = [Usage(number, (100 + number) * M, number * M, 5, 9) for number in range(40)]
    assert problems(samples) == ()


def test_threads_and_files_that_stay_are_found():
    told = problems(series(lambda part: 80 * M, threads=lambda part: round(40 * part)))
    assert told == ("21 more threads after 308 s; 8 are the most",)
    told = problems(series(lambda part: 80 * M, files=lambda part: 9 + round(20 * part)))
    assert told == ("10 more open files after 308 s; 4 are the most",)


def test_of_few_samples_nothing_is_said():
    assert growth_of(series(leak(1000 * M, HOUR_NS), count=8)) is None
    assert growth_problems(None) == ()


def test_a_system_that_does_not_tell_of_files_counts_none():
    growth = growth_of(series(lambda part: 80 * M, files=lambda part: None))
    assert growth is not None
    assert growth.files == 0


def test_memory_that_this_process_takes_is_measured():
    before = measure(0, 0)
    taken = bytearray(b"\1" * (64 * M))
    after = measure(1, 0)
    grown = after.own_bytes - before.own_bytes
    assert grown > 48 * M, f"{len(taken)} bytes were taken, and {grown} seen"
    assert after.threads >= 1


def test_a_file_that_stays_open_is_measured(tmp_path):
    before = measure(0, 0)
    if before.files is None:
        pytest.skip("this system does not tell how many files are open")
    with (tmp_path / "file").open("w"):
        assert measure(0, 0).files == before.files + 1
    assert measure(0, 0).files == before.files


def test_without_proc_the_most_that_there_was_is_measured(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_STATM", tmp_path / "none")
    monkeypatch.setattr(memory, "_DESCRIPTORS", tmp_path / "none")
    usage = measure(0, 0)
    assert usage.rss_bytes > M
    assert usage.files is None
