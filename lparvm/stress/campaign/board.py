"""The board of a campaign: one HTML file that loads nothing, has no script, and takes no markup from a seed."""

from importlib import resources
from xml.etree import ElementTree as ET

from lparvm.stress.campaign.summary import GREEN, Failure, Summary, one_line
from lparvm.stress.campaign.totals import OracleTotals, PolicyTotals
from lparvm.trace.pictures.markup import Content, document, tag
from lparvm.units import format_duration
from lparvm.version import VERSION

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_NEVER = "never"
# Shares of seeds, each with its class in the style sheet: a probe's reach spans orders of magnitude.
_HEATS = ((0.5, "heat5"), (0.1, "heat4"), (0.02, "heat3"), (0.004, "heat2"), (0.0, "heat1"))


def board(summary: Summary) -> str:
    """The whole page, as text."""
    css = (
        resources.files("lparvm.stress.campaign").joinpath("assets", "board.css").read_text(encoding="utf-8")
    )
    title = f"stress campaign, seeds {summary.seeds_text}"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("link", rel="icon", href="data:,"),  # else a browser asks for one
        tag("style", css),
    )
    body = tag(
        "body",
        *_facts(summary),
        *_detections(summary),
        *_failures(summary),
        *_policies(summary),
        *_probes(summary),
        *_faults(summary),
        tag("p", f"Written by lparvm {VERSION}.", class_="hint"),
    )
    return document(tag("html", head, body, lang="en"))


def _facts(summary: Summary) -> list[ET.Element]:
    campaign, totals = summary.campaign, summary.totals
    kind = "good" if summary.verdict == GREEN else "bad"
    facts = [
        ("seeds", summary.seeds_text),
        ("failures", f"{totals.failures:,}" + (f", {totals.crashed:,} crashed" if totals.crashed else "")),
        ("policy", campaign.policy),
        ("mutant", campaign.mutant or "none"),
        ("size", campaign.size),
        ("engine", f"{summary.engine}, {summary.slots} at once"),
        ("seeds a second", f"{totals.seeds_per_s:.1f}"),
        ("real time", format_duration(totals.elapsed_ns)),
        ("virtual time", format_duration(totals.virtual_ns)),
        ("relocations", f"{totals.relocations:,}"),
        ("commands answered", f"{totals.operations:,}"),
        ("scheduler's steps", f"{totals.steps:,}"),
        ("faults that struck", f"{totals.faults.total():,}"),
        ("workers lost", str(totals.workers_lost)),
        ("digest", totals.digest),
    ]
    if totals.resumed:
        facts.insert(1, ("from the results file", f"{totals.resumed:,} seeds"))
    items: list[Content] = []
    for name, value in facts:
        items += [tag("dt", name), tag("dd", value)]
    verdict = tag("p", "Verdict: ", tag("span", summary.verdict, class_=f"verdict {kind}"))
    return [tag("h1", "Stress campaign"), verdict, tag("dl", *items, class_="facts")]


def _detections(summary: Summary) -> list[ET.Element]:
    if not summary.totals.oracles:
        return []
    policies = sorted(summary.totals.policies)
    rows = [
        _detection(name, one, policies)
        for name, one in sorted(summary.totals.oracles.items(), key=lambda item: -item[1].failures)
    ]
    names = ("oracle", "failures", "first seed", *policies)
    return [tag("h2", "What was detected"), _table(names, rows, numbers=range(1, len(names)))]


def _detection(name: str, one: OracleTotals, policies: list[str]) -> ET.Element:
    counts = (tag("td", f"{one.policies[policy] or ''}", class_="number") for policy in policies)
    return tag(
        "tr",
        tag("td", one_line(name)),
        tag("td", f"{one.failures:,}", class_="number"),
        tag("td", str(one.first.seed), class_="number"),
        *counts,
    )


def _failures(summary: Summary) -> list[ET.Element]:
    if not summary.failures:
        return []
    rows = [_failure(one) for one in summary.failures]
    found = [
        tag("h2", "Failures"),
        _table(("seed", "policy", "verdict", "oracle", "what was found", "run it again"), rows, numbers=(0,)),
    ]
    if summary.failures_left_out:
        found.append(tag("p", f"{summary.failures_left_out:,} more failures are not listed.", class_="hint"))
    return found


def _failure(one: Failure) -> ET.Element:
    verdict = one.verdict
    return tag(
        "tr",
        tag("td", str(verdict.seed), class_="number"),
        tag("td", one_line(verdict.policy), class_="name"),
        tag("td", verdict.verdict),
        tag("td", one_line(verdict.oracle)),
        tag("td", one.detail),
        tag("td", tag("code", one.command)),
    )


def _policies(summary: Summary) -> list[ET.Element]:
    rows = [_policy(name, one) for name, one in sorted(summary.totals.policies.items())]
    names = ("policy", "seeds", "failures", "share", "first failing seed")
    return [tag("h2", "Policies"), _table(names, rows, numbers=range(1, 5))] if rows else []


def _policy(name: str, one: PolicyTotals) -> ET.Element:
    first = "" if one.first_failure is None else str(one.first_failure)
    values = (f"{one.seeds:,}", f"{one.failures:,}", _percent(one.failures / one.seeds), first)
    return tag(
        "tr",
        tag("td", one_line(name), class_="name"),
        *(tag("td", value, class_="number") for value in values),
    )


def _probes(summary: Summary) -> list[ET.Element]:
    heading = tag("h2", "Probes")
    if not summary.probes_told:
        return [heading, tag("p", "No probe is known.")]
    policies = sorted(summary.totals.policies.items())
    rows = [_probe(name, policies, summary) for name in summary.probes_told]
    names = ("probe", "times", *(name for name, _ in policies))
    hint = (
        "Of the seeds under a policy, the share that reached the situation. "
        f"{len(summary.unreached)} of {len(summary.probes_told)} were never reached."
    )
    return [
        heading,
        tag("p", hint, class_="hint"),
        _table(names, rows, numbers=range(1, len(names)), kind="heat"),
    ]


def _probe(name: str, policies: list[tuple[str, PolicyTotals]], summary: Summary) -> ET.Element:
    times = summary.totals.probes[name]
    cells = []
    for _policy_name, one in policies:
        reached = one.probes[name]
        share = reached / one.seeds
        kind = next(kind for least, kind in _HEATS if share > least) if reached else "heat0"
        title = f"{reached:,} of {one.seeds:,} seeds"
        cells.append(tag("td", _percent(share) if reached else _NEVER, class_=f"number {kind}", title=title))
    missed = "missed" if not times else None
    return tag(
        "tr", tag("td", one_line(name), class_=missed), tag("td", f"{times:,}", class_="number"), *cells
    )


def _faults(summary: Summary) -> list[ET.Element]:
    faults = summary.totals.faults
    if not faults:
        return []
    most = max(faults.values())
    rows = [
        tag(
            "tr",
            tag("td", one_line(name)),
            tag("td", f"{count:,}", class_="number"),
            tag("td", _bar(count / most), class_="bar"),
        )
        for name, count in sorted(faults.items(), key=lambda item: (-item[1], item[0]))
    ]
    return [tag("h2", "Faults that struck"), _table(("kind", "times", ""), rows, numbers=(1,))]


def _bar(share: float) -> ET.Element:
    rectangle = tag("rect", width=max(0.5, 100 * share), height=10)
    return tag("svg", rectangle, viewBox="0 0 100 10", preserveAspectRatio="none", aria_hidden="true")


def _table(
    names: tuple[str, ...],
    rows: list[ET.Element],
    *,
    numbers: range | tuple[int, ...],
    kind: str | None = None,
) -> ET.Element:
    head = tag(
        "tr",
        *(
            tag("th", one_line(name), class_="number" if place in numbers else None, scope="col")
            for place, name in enumerate(names)
        ),
    )
    return tag("div", tag("table", tag("thead", head), tag("tbody", *rows), class_=kind), class_="wide")


def _percent(share: float) -> str:
    if not share:
        return "0 %"
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"
