"""How far an operation is, in percent, and how long it will still take: pure.

Each phase has its span of the percent; moving has most. An operation that is backed out does not fall: what
it still has to do on its way back is mapped onto what is left up to 100. Nothing but the report is 100.
"""

from attrs import evolve, frozen

from lparvm.protocol.phases import Phase

_BEFORE_MOVE, _AFTER_MOVE, _BEFORE_REPORT, _REPORTED = 5, 95, 99, 100
# Where each phase begins. Phases that are not here leave the percent as it is.
_BEGINS: dict[str, int] = {
    Phase.ADMITTING: 0,
    Phase.STOPPING: 1,
    Phase.QUIESCING: 2,
    Phase.CHECKING: 4,
    Phase.MOVING: _BEFORE_MOVE,
    Phase.NOTIFYING: _AFTER_MOVE,
    Phase.RESTARTING: 97,
    # Operations that move nothing: a share of the whole for each.
    Phase.ASKING: 10,
    Phase.RESETTING: 10,
    Phase.EXTENDING: 50,
    Phase.SHRINKING: 50,
    Phase.LOADING: 50,
    Phase.REPORTED: _REPORTED,
}


@frozen
class Gauge:
    """How far an operation is. A value: `advance` gives the next one.

    Attributes:
        percent: of its work, 0 to 100; never falls; 100 at the report, and only there.
        left_ns: estimate of the time until the report, above 0 until then, from how fast the percent grew on the
            present way; None while it is unknown.
        way: the way that the mover is on: there, back, or on none yet.
        way_percent: the percent when it set out.
        way_units: units of work done, there or still to be undone, when it set out.
        way_began_ns: when it set out, run clock.
    """

    percent: int = 0
    left_ns: int | None = None
    way: Phase | None = None
    way_percent: int = 0
    way_units: int = 0
    way_began_ns: int = 0

    def advance(self, phase: str, units_done: int, units: int, now_ns: int) -> "Gauge":
        """As it stands after an event.

        Args:
            phase: the operation's phase.
            units_done: pages across, or of an exchange page steps; on the way back they fall to 0.
            units: of how many.
            now_ns: run clock.
        """
        if self.percent == _REPORTED:
            return self
        units_done = max(0, min(units_done, units))
        if phase == Phase.MOVING and self.way is not Phase.BACKING_OUT:
            return self._on_way(Phase.MOVING, units_done, units - units_done, now_ns)
        if phase == Phase.BACKING_OUT:
            return self._on_way(Phase.BACKING_OUT, units_done, units_done, now_ns)
        percent = max(self.percent, _BEGINS.get(phase, 0))
        return evolve(self, percent=percent, left_ns=0 if percent == _REPORTED else None)

    def _on_way(self, way: Phase, units_done: int, units_left: int, now_ns: int) -> "Gauge":
        gauge = self
        if self.way is not way:
            begin = max(self.percent, _BEFORE_MOVE) if way is Phase.MOVING else self.percent
            gauge = evolve(
                self, way=way, way_percent=begin, way_units=units_done, way_began_ns=now_ns, percent=begin
            )
        end = _AFTER_MOVE if way is Phase.MOVING else _BEFORE_REPORT
        passed = abs(units_done - gauge.way_units)
        # What the way is long is what was passed and what is left; one without length is passed at once.
        length = passed + units_left
        span = max(0, end - gauge.way_percent)
        percent = gauge.way_percent + (span * passed // length if passed else 0)
        left_ns = None
        if passed and span and now_ns > gauge.way_began_ns:
            # Also what comes after the last page takes its time: checksums, SALE, SIE.
            rest = (_REPORTED - gauge.way_percent) * length - span * passed
            left_ns = max(1, (now_ns - gauge.way_began_ns) * rest // (span * passed))
        return evolve(gauge, percent=max(gauge.percent, percent), left_ns=left_ns)
