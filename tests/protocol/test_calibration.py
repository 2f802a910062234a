"""Predictions of stopped times: from nothing, from a history, and how good they were."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lparvm.config import CALIBRATION_SAMPLES_MAX
from lparvm.protocol.calibration import (
    Calibration,
    Kind,
    Prediction,
    Prior,
    Sample,
    calibration_lines,
    error_percent,
    predict,
    score,
)
from lparvm.protocol.results import LipStop, message_text

M = 1 << 20
MS = 1_000_000


def sample(work_bytes: int, moving_ns: int, other_ns: int = MS, kind: Kind = Kind.MOVE, **more) -> Sample:
    return Sample("op.1", "A", kind, work_bytes // 4096, work_bytes, moving_ns, other_ns, **more)


SAMPLES = st.lists(
    st.builds(
        sample, st.integers(0, 1 << 40), st.integers(0, 10**12), st.integers(0, 10**11), st.sampled_from(Kind)
    ),
    max_size=60,
)


@given(SAMPLES, st.sampled_from(Kind), st.integers(0, 1 << 40), st.integers(1, 1 << 40), st.integers(1, 8))
def test_the_interval_is_around_what_is_expected(
    samples: list[Sample], kind: Kind, work_bytes: int, rate: int, factor: int
):
    made = predict(samples, kind, work_bytes, Prior(rate, factor))
    assert 0 <= made.low_ns <= made.expected_ns <= made.high_ns
    assert made.samples == sum(one.kind is kind for one in samples)


@given(SAMPLES, st.integers(0, 1 << 40), st.integers(0, 1 << 40))
def test_more_bytes_are_never_expected_to_take_less_time(samples: list[Sample], one: int, other: int):
    low, high = sorted((one, other))
    assert predict(samples, Kind.MOVE, low).expected_ns <= predict(samples, Kind.MOVE, high).expected_ns


def test_without_a_history_the_rate_that_is_known_is_used_exactly():
    made = predict((), Kind.MOVE, 400 * M, Prior.of_known_rate(400 * M))
    prior = Prior()
    assert made.expected_ns == pytest.approx(1_000 * MS + prior.other_ns, rel=1e-5)
    assert made.high_ns - made.low_ns == pytest.approx(prior.other_high_ns, rel=1e-4)


def test_without_a_history_and_a_known_rate_the_interval_is_wide():
    made = predict((), Kind.MOVE, 1 << 30)
    assert made.low_ns * 3 < made.expected_ns
    assert made.expected_ns * 3 < made.high_ns
    assert made.samples == 0


def test_a_history_of_one_rate_and_overhead_is_found_again():
    # 2 ns a byte and 3 ms for each move; 1 ms besides.
    history = [sample(size * M, 3 * MS + 2 * size * M) for size in (8, 64, 16, 128, 32, 8, 64, 100)]
    made = predict(history, Kind.MOVE, 50 * M)
    assert made.expected_ns == pytest.approx(4 * MS + 100 * M, rel=1e-4)
    smaller = predict(history[:2], Kind.MOVE, 50 * M)
    assert smaller.expected_ns == pytest.approx(made.expected_ns, rel=0.1), "of two, there is no median"
    assert made.high_ns - made.low_ns < smaller.high_ns - smaller.low_ns, "it narrows as the history grows"


def test_moves_of_one_size_say_nothing_of_an_overhead():
    history = [sample(64 * M, 128 * M) for _ in range(5)]
    assert predict(history, Kind.MOVE, 32 * M).expected_ns == pytest.approx(64 * M + MS, rel=1e-4)


def test_a_move_in_four_that_was_disturbed_does_not_bend_the_line():
    history = [sample(size * M, 2 * size * M * (10 if size % 4 == 0 else 1)) for size in range(8, 40)]
    assert predict(history, Kind.MOVE, 20 * M).expected_ns == pytest.approx(40 * M + MS, rel=0.02)


def test_each_kind_has_its_own_line():
    history = [sample(64 * M, 64 * M), sample(64 * M, 640 * M, kind=Kind.EXCHANGE)]
    move, exchange = (predict(history, kind, 64 * M).expected_ns for kind in Kind)
    assert exchange > 9 * move


@given(SAMPLES, st.integers(1, 300), st.integers(1, 1 << 30))
def test_a_guest_that_needs_nothing_besides_moving_is_inside(samples: list[Sample], mega: int, rate: int):
    prior, size = Prior.of_known_rate(rate), mega * M
    exact = size * 10**9 // rate
    # Chunks of 4 MiB, each rounded down.
    told = -(-size // (4 * M)) * (4 * M * 10**9 // rate) if mega % 4 == 0 else exact
    assert predict((), Kind.MOVE, size, prior).low_ns <= min(told, exact)
    history = [sample(size, told, one.other_ns) for one in samples]
    assert predict(history, Kind.MOVE, size, prior).low_ns <= told, "whatever others needed besides"


def test_pages_without_memory_take_no_time_and_break_no_line():
    history = [sample(0, 0), sample(0, 5)]
    assert predict(history, Kind.MOVE, 0, Prior.of_known_rate(M)).expected_ns == MS + 2


def test_nine_stops_in_ten_are_inside_the_interval():
    # Rates and waits differ from stop to stop, some by much, as on a machine with other work.
    draw = random.Random(7)
    calibration = Calibration()
    for _ in range(400):
        size = draw.randrange(1, 512) * M
        prediction = calibration.predict(Kind.MOVE, size)
        moving = round(size * draw.lognormvariate(0.3, 0.15))
        other = round(MS * draw.expovariate(0.3))
        calibration = calibration.learn(sample(size, moving, other, prediction=prediction))
    result = score(calibration.samples)
    assert result.predictions == CALIBRATION_SAMPLES_MAX, "the history is bounded"
    assert 86 <= result.inside_percent <= 98, result
    assert result.median_error_percent < 15, result


def test_the_oldest_stops_are_forgotten():
    calibration = Calibration()
    for number in range(CALIBRATION_SAMPLES_MAX + 10):
        calibration = calibration.learn(sample(number, number))
    assert calibration.samples[0].work_bytes == 10
    assert len(calibration.samples) == CALIBRATION_SAMPLES_MAX


def test_only_stops_that_were_predicted_are_scored():
    made = Prediction(90, 100, 110)
    stops = [sample(1, moving, 0, prediction=made) for moving in (100, 110, 125)]
    result = score([sample(1, 5), *stops])
    assert (result.predictions, result.inside, result.inside_percent) == (3, 2, 66)
    assert result.median_error_percent == 10.0


@pytest.mark.parametrize(
    ("expected", "stopped", "error"),
    [(100, 125, 25.0), (100, 80, -20.0), (5, 0, -100.0), (0, 5, 100.0), (0, 0, 0.0), (2, 324, 16_100.0)],
)
def test_an_error_is_a_share_of_what_was_predicted(expected: int, stopped: int, error: float):
    assert error_percent(expected, stopped) == error


def test_of_an_lpar_s_lips_the_one_that_stood_longest_counts():
    stops = (
        LipStop("A", "LIP1", 9, {"STOPPING": 1, "MOVING": 8}),
        LipStop("A", "LIP2", 10, {"QUIESCING": 3, "MOVING": 7}),
    )
    made = Sample.of_stops("op.2", Kind.MOVE, 4, 8192, stops, None)
    assert (made.lpar, made.moving_ns, made.other_ns, made.stopped_ns) == ("A", 7, 3, 10)


def test_a_prediction_fills_its_message():
    text = message_text("LVM015I", lpar="A", **Prediction(1_000, 2_500_000, 3 * 10**9).values)
    assert text == "A: will stand still about 2.5 ms, between 1 us and 3 s"


def test_the_display_compares_each_prediction_with_what_came():
    calibration = Calibration().learn(sample(256 * M, 99 * MS))
    assert calibration_lines(calibration) == ("no predictions yet",), "nothing had been predicted"
    made = Prediction(150 * MS, 160 * MS, 170 * MS, 1)
    for moving in (159 * MS, 199 * MS):
        calibration = calibration.learn(sample(256 * M, moving, prediction=made))
    assert calibration_lines(calibration) == (
        "         LPAR                          pages  predicted                 between      stood      error  inside",
        "op.1     A                move         65536     160 ms        150 ms .. 170 ms     160 ms     +0.0 %  yes",
        "op.1     A                move         65536     160 ms        150 ms .. 170 ms     200 ms    +25.0 %  no",
        "2 predictions, median error 12.5 %, 50 % inside the interval (aim 90 %)",
    )
