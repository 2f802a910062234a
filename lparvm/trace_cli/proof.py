"""`lparvm trace check`: the proof of a run, from its trace alone."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from lparvm.trace_cli.common import file_argument, make_console, reading, trace

if TYPE_CHECKING:
    from rich.console import RenderableType

    from lparvm.trace.chains import Link
    from lparvm.trace.check import CheckReport, Found, Part, RuleResult

_STYLES = {"held": "green", "broken": "red", "damaged": "red", "problems": "red"}


@trace.command()
@file_argument
@click.option("--explain", is_flag=True, help="Tell of each rule what it checks, and what it does not.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts as one JSON object.")
def check(file: str, *, explain: bool, as_json: bool) -> int:
    """Check a run by its trace alone: every rule, by the patent's steps and claims.

    Exit 1: a rule is broken, a guest found damage, the file was cut off or has problems.
    """
    from lparvm.trace.check import check_trace  # noqa: PLC0415 - other commands start without it

    with reading(file) as one:
        report = check_trace(one.reader)
    if as_json:
        import orjson  # noqa: PLC0415

        found = report.as_json() | ({"explained": _explained()} if explain else {})
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    else:
        _show(report, explain=explain)
    return report.exit_code


def _explained() -> list[dict[str, Any]]:
    """What each rule is about, as data."""
    from lparvm.trace.rules import RULES  # noqa: PLC0415

    found: list[dict[str, Any]] = []
    for rule in RULES:
        told = rule.explained()
        found.append({
            "rule": rule.name, "law": told.law, "steps": rule.steps, "claims": rule.claims, "checks": told.checks,
            "not_checked": told.not_checked, "counts": told.counts,
        })  # fmt: skip
    return found


def _show(report: "CheckReport", *, explain: bool) -> None:
    from rich.text import Text  # noqa: PLC0415

    from lparvm.trace.wording import printable  # noqa: PLC0415

    console = make_console()
    told = "nothing: it was cut off" if report.trailer is None else report.trailer.get("verdict")
    console.print(f"{report.events:,} events, level {report.level.name.lower()}; the run said {told}")
    for part in (_rules(report.rules), _patent(report.parts)):
        console.print()
        console.print(part)
    for line in _violations(report):
        console.print(printable(line), soft_wrap=True)
    if explain:
        for line in _explanations():
            console.print(line, soft_wrap=True)
    console.print()
    console.print(Text(f"verdict: {report.verdict}", style=_STYLES.get(report.verdict, "yellow")))


def _rules(rules: "tuple[RuleResult, ...]") -> "RenderableType":
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(title="rules", title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("rule", "verdict"):
        table.add_column(name)
    table.add_column("checked", justify="right")
    table.add_column("", overflow="fold")
    for rule in rules:
        found = rule.verdict
        why = f"{found.violations:,} violations" if found.violations else found.reason or ""
        verdict = found.verdict.value
        table.add_row(
            rule.name, Text(verdict, style=_STYLES.get(verdict, "yellow")), f"{found.checked:,}", why
        )
    return table


def _patent(parts: "tuple[Part, ...]") -> "RenderableType":
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(title="by the patent", title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("part", "", "verdict"):
        table.add_column(name, no_wrap=True)
    table.add_column("rules", overflow="fold")
    for part in parts:
        number = " and ".join(map(str, part.numbers))
        where = {"step": f"step {number}", "claims": f"claims {number}"}.get(part.kind, "beyond it")
        verdict = Text(part.verdict.value, style=_STYLES.get(part.verdict.value, "yellow"))
        table.add_row(where, part.title, verdict, ", ".join(part.rules))
    return table


def _violations(report: "CheckReport") -> Iterator[str]:
    groups = [(rule.name, rule.found, rule.verdict.violations) for rule in report.rules]
    for name, found, count in (("guests' data", report.damage, report.damage_count), *groups):
        if not found:
            continue
        yield ""
        yield f"{name} broken" if name != "guests' data" else "guests found damage"
        for one in found:
            yield from _violation(one)
        if count > len(found):
            yield f"  and {count - len(found):,} more"


def _violation(found: "Found") -> Iterator[str]:
    line = "" if found.line is None else f" (line {found.line})"
    yield f"  {found.text}{line}"
    chain = found.chain
    if chain is None:
        return
    if chain.command is not None:
        yield f"    command {chain.command.op}, {chain.text!r} ({_where(chain.command)})"
    for number, link in enumerate(chain.links[:-1]):
        op = "" if link.op is None else f", {link.op}"
        start = "then" if number else "because of" if chain.whole else "because of what is not known, and"
        yield f"    {start} {link.event} by {link.actor}{op} ({_where(link)})"
        if number == 0 and chain.left_out:
            yield f"    then {chain.left_out:,} more"


def _where(link: "Link") -> str:
    from lparvm.trace.wording import time_text  # noqa: PLC0415

    return f"line {link.line}, seq {link.seq}, at {time_text(link.t_ns)} s"


def _explanations() -> Iterator[str]:
    from lparvm.trace.rules import RULES  # noqa: PLC0415

    for rule in RULES:
        told = rule.explained()
        steps = ", ".join(map(str, rule.steps)) or "none"
        claims = f"; claims {', '.join(map(str, rule.claims))}" if rule.claims else ""
        yield f"\n{rule.name}: {told.law}"
        yield f"  patent steps: {steps}{claims}"
        yield from (f"  {line}" for line in told.checks.splitlines())
        yield f"  Not checked: {told.not_checked}"
        yield f"  Counted: {told.counts}"
