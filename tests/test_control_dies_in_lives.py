"""LPAR control dies at any message and any order of a lifecycle command, and the next one goes on as if it had not."""

import pytest

from lparvm.machine import Machine, Options
from lparvm.report import RunReport
from lparvm.runner import run
from lparvm.scenario import parse_scenario
from machines import story
from trials import command, device, lpar, scenario

SMALL = {"size": "32K"}
LPARS = (
    lpar("A", "0", guest="idle", **SMALL),
    lpar("B", "128K", guest="copier", size="128K", devices=["0190"]),
)
LIVES = scenario(
    device("0190", latency="2ms"), *LPARS,
    command("5ms", "STOP B"), command("10ms", "START B"), command("15ms", "DEACTIVATE B"),
    command("20ms", "DEFINE B SIZE=128K ORIGIN=512K"), command("25ms", "ACTIVATE B"), command("30ms", "IPL B"),
    command("50ms", "IPL B GUEST=hammer"), main_storage="1M", duration="70ms",
)  # fmt: skip


def _run(text: str, fuse: int | None) -> tuple[RunReport, bool]:
    """Run; LPAR control dies so many messages and orders after the command came. Whether it died before the answer."""
    machines: list[Machine] = []
    told: list[str] = []

    def listen(event: dict) -> None:
        mine = event.get("text") == text or event["event"] == "part.failed"
        if event["event"] == "command.received" and mine:
            machines[0].assembly.records.fuse = fuse
        if mine:
            told.append(event["event"])

    options = Options(listeners=(listen,))
    report = run(parse_scenario(LIVES), clock="virtual", options=options, on_machine=machines.append)
    died = "part.failed" in told and told.index("part.failed") < told.index("command.answered")
    return report, died


@pytest.mark.parametrize(
    "text",
    [
        "STOP B", "START B", "DEACTIVATE B", "DEFINE B SIZE=128K ORIGIN=512K", "ACTIVATE B", "IPL B",
        "IPL B GUEST=hammer",
    ],
)  # fmt: skip
def test_every_moment_to_die_leads_to_the_same_end(text: str):
    fuse, died = 0, True
    while died:
        report, died = _run(text, fuse)
        assert report.verdict == "intact", f"it died after {fuse} messages and orders: {story(report)}"
        guest = next(one for one in report.guests if one.lpar == "B")
        assert [life.ended_by for life in guest.lives] == ["DEACTIVATE", "IPL"], f"after {fuse}"
        fuse += 1
    assert fuse > 5, "it died at several moments"


def test_the_same_seed_gives_the_same_trace():
    digests = {_run("IPL B", fuse)[0].digest for fuse in (None, None)}
    assert len(digests) == 1
    assert _run("IPL B", 3)[0].digest not in digests, "a death is told"
