"""`lparvm trace vocabulary`."""

import click

from lparvm.trace_cli.common import trace


@trace.command()
def vocabulary() -> None:
    """List every event that may stand in a trace: fields with types and units, level, patent step, version."""
    from lparvm.trace.vocabulary import COMMON_FIELDS, VOCABULARY  # noqa: PLC0415

    click.echo(f"every event: {', '.join(COMMON_FIELDS)}")
    for kind in VOCABULARY.values():
        step = "" if kind.step is None else f", step {int(kind.step)}"
        click.echo(
            f"{kind.name}: {kind.meaning} ({kind.level.name.lower()}{step}, since version {kind.since})"
        )
        for name, text in kind.fields.items():
            click.echo(f"    {name:<20} {text}")
