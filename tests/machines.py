"""Small machines for the tests: scenarios that take milliseconds under the virtual clock."""

from lparvm.machine import Options, Parts
from lparvm.report import RunReport
from lparvm.runner import run
from lparvm.scenario import parse_scenario

TWO_LPARS = """
title = "two LPARs, a disk, a move that overlaps itself"
[machine]
main_storage = "4M"
[timing]
transfer_rate = "20M"
[[iop]]
name = "IOP1"
[[device]]
number = "0190"
kind = "disk"
iop = "IOP1"
latency = "3ms"
options = { size = "256K" }
[[lpar]]
name = "LPAR1"
origin = "0"
size = "1M"
guest = "hammer"
[[lpar]]
name = "LPAR2"
origin = "1M"
size = "1M"
lips = 2
guest = "journal"
devices = ["0190"]
[[command]]
at = "50ms"
text = "MVSTOR LPAR2 HSA=1536K"
[[command]]
at = "200ms"
text = "MVSTOR LPAR2 HSA=1M"
[run]
duration = "300ms"
"""

HAMMERS = """
title = "two LPARs that hammer; three moves"
[machine]
main_storage = "4M"
[timing]
transfer_rate = "20M"
[[lpar]]
name = "LPAR1"
origin = "0"
size = "512K"
guest = "hammer"
[[lpar]]
name = "LPAR2"
origin = "1M"
size = "1M"
lips = 2
guest = "hammer"
[[command]]
at = "30ms"
text = "MVSTOR LPAR2 HSA=1028K"
[[command]]
at = "130ms"
text = "MVSTOR LPAR2 HSA=768K"
[[command]]
at = "230ms"
text = "MVSTOR LPAR2 HSA=3M"
[run]
duration = "330ms"
"""


def run_virtual(text: str = TWO_LPARS, *, parts: Parts | None = None, **options: object) -> RunReport:
    """Run a scenario given as text, under the virtual clock."""
    return run(
        parse_scenario(text),
        clock="virtual",
        options=Options(parts=parts or Parts(), **options),  # type: ignore[arg-type]
    )


def broken_rules(report: RunReport) -> set[str]:
    """Names of the rules that the run broke."""
    return {rule.rule for rule in report.rules if rule.verdict == "broken"}


def story(report: RunReport) -> str:
    """What to say when a run did not end as expected."""
    lines = [f"verdict {report.verdict}"]
    lines += [f"  {rule.rule}: {rule.verdict} {rule.violation or ''}" for rule in report.rules]
    lines += [f"  {guest.lpar}: damage {guest.damage_count} {guest.damage[:2]}" for guest in report.guests]
    lines += [f"  {command.text}: {command.result} {command.message}" for command in report.commands]
    return "\n".join(lines)
