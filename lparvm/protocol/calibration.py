"""How long a guest will stand still: predicted from the machine's own history, with an interval.

A stop has two parts. *Moving* grows with the bytes that the mover transfers; *the rest* (stop, quiesce, check,
SALE, SIE) does not. So the moving part is a line through what came before, fitted by medians (Theil and Sen),
which one disturbed move in three cannot bend; and the rest is a median. The interval is made of quantiles:
of the ratio of each move to the line, and upwards of the rest itself. It begins at moving alone: a guest that
waits stops at once, and may need nothing besides. A short history says little about quantiles, so what was assumed
beforehand weighs with it, as `CALIBRATION_PRIOR_SAMPLES` samples would.

Everything is in integers: the same history gives the same prediction on any machine.
"""

import enum
from collections.abc import Sequence

from attrs import evolve, field, frozen, validators

from lparvm.config import (
    CALIBRATION_COVERAGE_PERCENT,
    CALIBRATION_OTHER_HIGH_NS,
    CALIBRATION_OTHER_NS,
    CALIBRATION_PRIOR_SAMPLES,
    CALIBRATION_RATE_BYTES_S,
    CALIBRATION_RATE_FACTOR,
    CALIBRATION_SAMPLES_MAX,
)
from lparvm.protocol.phases import Phase
from lparvm.protocol.results import LipStop
from lparvm.units import NS_PER_S, format_duration

# Ratios are in millionths, the slope in 2^-20 ns a byte.
_ONE = 1_000_000
_SLOPE_SHIFT = 20
# Rates and ratios are rounded, and a mover's time is, chunk by chunk: what is exact must not be outside for that.
_ROUNDING = 2
# Of the newest samples so many are fitted by pairs: enough for a median, and cheap.
_PAIRED_MAX = 48


class Kind(enum.StrEnum):
    """What the mover does; each kind has its own line."""

    MOVE = "move"
    EXCHANGE = "exchange"


@frozen
class Prediction:
    """How long a guest should stand still, in ns: between `low_ns` and `high_ns`, about `expected_ns`.

    Attributes:
        samples: how many of the machine's own stops it rests on.
    """

    low_ns: int
    expected_ns: int
    high_ns: int
    samples: int = 0

    def holds(self, stopped_ns: int) -> bool:
        """Whether that time is inside the interval."""
        return self.low_ns <= stopped_ns <= self.high_ns

    @property
    def values(self) -> dict[str, object]:
        """What fills message LVM015I, beside the LPAR."""
        named = {"low": self.low_ns, "expected": self.expected_ns, "high": self.high_ns}
        return {name: format_duration(duration_ns) for name, duration_ns in named.items()}


@frozen
class Sample:
    """A stop that came to its end with the guest at the target.

    Attributes:
        op: the operation.
        lpar: whose guest stood.
        kind: what the mover did.
        pages: pages that the operation moved.
        work_bytes: bytes that the mover transferred for it: of pages that hold memory.
        moving_ns: how long it stood while pages moved.
        other_ns: how long it stood besides.
        prediction: what had been predicted; None where nothing was.
    """

    op: str
    lpar: str
    kind: Kind
    pages: int
    work_bytes: int = field(validator=validators.ge(0))
    moving_ns: int = field(validator=validators.ge(0))
    other_ns: int = field(validator=validators.ge(0))
    prediction: Prediction | None = None

    @classmethod
    def of_stops(
        cls, op: str, kind: Kind, pages: int, work_bytes: int, stops: Sequence[LipStop],
        prediction: Prediction | None,
    ) -> "Sample":  # fmt: skip
        """From the stops of one LPAR's LIPs, of which there is at least one: the one that stood longest counts."""
        longest = max(stops, key=lambda stop: stop.stopped_ns)
        moving_ns = longest.phases_ns.get(Phase.MOVING, 0)
        other_ns = longest.stopped_ns - moving_ns
        return cls(op, longest.lpar, kind, pages, work_bytes, moving_ns, other_ns, prediction)

    @property
    def stopped_ns(self) -> int:
        """How long the guest stood still in all."""
        return self.moving_ns + self.other_ns


@frozen
class Prior:
    """What is assumed before there is a history.

    Attributes:
        rate_bytes_s: bytes a second that the mover transfers, above 0.
        rate_factor: it may be so many times slower or faster; 1: the rate is known.
        other_ns, other_high_ns: expected and most of what a stop needs besides; the least is nothing.
    """

    rate_bytes_s: int = CALIBRATION_RATE_BYTES_S
    rate_factor: int = CALIBRATION_RATE_FACTOR
    other_ns: int = CALIBRATION_OTHER_NS
    other_high_ns: int = CALIBRATION_OTHER_HIGH_NS

    @classmethod
    def of_known_rate(cls, rate_bytes_s: int) -> "Prior":
        """Under the virtual clock: the mover's rate is the scenario's, exactly."""
        return cls(rate_bytes_s, 1)


@frozen
class _Line:
    """Time by bytes: `offset_ns + bytes * slope`."""

    offset_ns: int
    slope: int

    def at(self, work_bytes: int) -> int:
        return self.offset_ns + (work_bytes * self.slope >> _SLOPE_SHIFT)


@frozen
class Calibration:
    """The machine's history of stops, oldest first, and what follows from it. A value: `learn` gives a new one."""

    prior: Prior = Prior()
    samples: tuple[Sample, ...] = ()

    def learn(self, sample: Sample) -> "Calibration":
        """With one more stop; the oldest are forgotten beyond the limit."""
        return evolve(self, samples=(*self.samples, sample)[-CALIBRATION_SAMPLES_MAX:])

    def predict(self, kind: Kind, work_bytes: int) -> Prediction:
        """How long a guest will stand still while the mover transfers `work_bytes` (pages that hold memory)."""
        return predict(self.samples, kind, work_bytes, self.prior)


def predict(history: Sequence[Sample], kind: Kind, work_bytes: int, prior: Prior = Prior()) -> Prediction:
    """How long a guest will stand still.

    Args:
        history: stops that came before, oldest first.
        kind: what the mover will do.
        work_bytes: bytes that it will transfer.
        prior: what is assumed where the history says nothing.
    """
    same = [sample for sample in history if sample.kind is kind]
    line = _fit(same, prior)
    ratios = [_ratio(sample.moving_ns, line.at(sample.work_bytes)) for sample in same]
    others = [sample.other_ns for sample in same]
    moving_ns = line.at(work_bytes)
    slowest = prior.rate_factor * _ONE
    low = _mixed(_quantile(ratios, high=False), _ONE // prior.rate_factor, len(same))
    high = _mixed(_quantile(ratios, high=True), slowest, len(same))
    other_ns = _median(others) if others else prior.other_ns
    other_high_ns = _mixed(_quantile(others, high=True), prior.other_high_ns, len(same))
    expected_ns = moving_ns + other_ns
    return Prediction(
        min(moving_ns * max(0, low - _ROUNDING) // _ONE, expected_ns),
        expected_ns,
        max(moving_ns * high // _ONE + other_high_ns, expected_ns),
        len(same),
    )


def error_percent(expected_ns: int, stopped_ns: int) -> float:
    """By what share of the expected time it was longer (above 0) or shorter; one decimal."""
    if expected_ns == 0:
        return 100.0 if stopped_ns else 0.0
    return round(1000 * (stopped_ns - expected_ns) / expected_ns) / 10


@frozen
class Score:
    """How good the predictions were.

    Attributes:
        predictions: how many there were.
        median_error_percent: the median of the absolute errors.
        inside: how many stops were inside their interval.
    """

    predictions: int
    median_error_percent: float
    inside: int

    @property
    def inside_percent(self) -> int:
        """The share of stops inside their interval."""
        return 100 * self.inside // max(1, self.predictions)


def score(history: Sequence[Sample]) -> Score:
    """How good the predictions of these stops were; stops without one don't count."""
    errors, inside = [], 0
    for sample in history:
        if sample.prediction is not None:
            errors.append(abs(error_percent(sample.prediction.expected_ns, sample.stopped_ns)))
            inside += sample.prediction.holds(sample.stopped_ns)
    # Errors have one decimal: their tenths are integers.
    tenths = [round(10 * error) for error in errors]
    return Score(len(errors), (_median(tenths) if tenths else 0) / 10, inside)


def calibration_lines(calibration: Calibration) -> tuple[str, ...]:
    """What DISPLAY CALIBRATION shows: a line a stop, oldest first, and how good the predictions were.

    The error is a share of what was predicted.
    """
    head = (
        f"{'':<8} {'LPAR':<16} {'':<8} {'pages':>9} {'predicted':>10} {'between':>23} {'stood':>10} "
        f"{'error':>10}  inside"
    )
    lines = [head, *(_line_of(sample) for sample in calibration.samples if sample.prediction is not None)]
    result = score(calibration.samples)
    if not result.predictions:
        return ("no predictions yet",)
    total = (
        f"{result.predictions} prediction{'' if result.predictions == 1 else 's'}, median error "
        f"{result.median_error_percent:.1f} %, {result.inside_percent} % inside the interval "
        f"(aim {CALIBRATION_COVERAGE_PERCENT} %)"
    )
    return (*lines, total)


def _line_of(sample: Sample) -> str:
    made = sample.prediction
    assert made is not None, "only predicted stops have a line"
    between = f"{format_duration(made.low_ns)} .. {format_duration(made.high_ns)}"
    error = f"{error_percent(made.expected_ns, sample.stopped_ns):+.1f} %"
    inside = "yes" if made.holds(sample.stopped_ns) else "no"
    return (
        f"{sample.op:<8} {sample.lpar:<16} {sample.kind:<8} {sample.pages:>9} "
        f"{format_duration(made.expected_ns):>10} {between:>23} {format_duration(sample.stopped_ns):>10} "
        f"{error:>10}  {inside}"
    )


def _fit(samples: Sequence[Sample], prior: Prior) -> _Line:
    """The moving part's line; without a history the prior's, with moves of one size through 0 and them."""
    assumed = (NS_PER_S << _SLOPE_SHIFT) // prior.rate_bytes_s
    moved = [sample for sample in samples if sample.work_bytes]
    if not moved:
        offsets = [sample.moving_ns for sample in samples]
        return _Line(_median(offsets) if offsets else 0, assumed)
    newest = moved[-_PAIRED_MAX:]
    slopes = [
        ((second.moving_ns - first.moving_ns) << _SLOPE_SHIFT) // (second.work_bytes - first.work_bytes)
        for position, first in enumerate(newest)
        for second in newest[position + 1 :]
        # Sizes that are nearly the same say nothing about the slope.
        if 4 * abs(second.work_bytes - first.work_bytes) >= min(first.work_bytes, second.work_bytes)
    ]
    through_0 = _median([(one.moving_ns << _SLOPE_SHIFT) // one.work_bytes for one in moved])
    slope = max(0, _median(slopes)) if len(slopes) >= len(newest) else through_0
    offset = _median([one.moving_ns - (one.work_bytes * slope >> _SLOPE_SHIFT) for one in moved])
    return _Line(max(0, offset), slope)


def _ratio(moving_ns: int, fitted_ns: int) -> int:
    return _ONE * max(1, moving_ns) // max(1, fitted_ns)


def _median(values: Sequence[int]) -> int:
    """The middle one, or the mean of the two in the middle; of at least one value."""
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) // 2


def _quantile(values: Sequence[int], *, high: bool) -> int | None:
    """The value that leaves half of what the interval need not hold on its side; None of no values.

    Of few values it lies outside of all: with n values, a further one is beyond the outermost once in n + 1
    times. Then it is as far out again as one value is from the next, on the average; not below 0.
    """
    if not values:
        return None
    ordered = sorted(values, reverse=high)
    spare_percent = (100 - CALIBRATION_COVERAGE_PERCENT) // 2
    rank = (len(ordered) + 1) * spare_percent // 100
    if rank:
        return ordered[rank - 1]
    return max(0, ordered[0] + (ordered[0] - ordered[-1]) // len(ordered))


def _mixed(seen: int | None, assumed: int, samples: int) -> int:
    """What was seen in so many samples, and what was assumed, by their weights."""
    if seen is None:
        return assumed
    weight = CALIBRATION_PRIOR_SAMPLES
    return (seen * samples + assumed * weight) // (samples + weight)
