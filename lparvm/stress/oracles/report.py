"""Oracles on the machine's own report: guests' data, guests that failed, rules of the trace."""

from collections.abc import Iterator

from lparvm.actors.guest_table import Life
from lparvm.report import GuestReport, RunReport
from lparvm.stress.oracles.problem import Problem


def reported(report: RunReport) -> Iterator[Problem]:
    """What the report tells of damage and broken rules; damage first."""
    for guest in report.guests:
        lives: tuple[GuestReport | Life, ...] = (guest, *guest.lives)
        for life in lives:
            if life.damage_count:
                damage = life.damage[0]
                detail = f"at {damage.address:#x} expected {damage.expected}, found {damage.found}"
                yield Problem(
                    "guest-data", f"{guest.lpar} ({life.guest}): {life.damage_count} places, {detail}"
                )
    for rule in report.rules:
        if rule.verdict == "broken":
            yield Problem(f"rule:{rule.rule}", " ".join(str(rule.violation).split()))
    for guest in report.guests:
        if guest.ever_failed:
            yield Problem("guest-failed", f"{guest.lpar} ({guest.guest}) could not go on")
