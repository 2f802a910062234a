"""`lparvm trace vocabulary`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from lparvm.errors import UsageError
from lparvm.trace_cli.common import trace

if TYPE_CHECKING:
    from lparvm.trace.event_type import EventType


@trace.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print it as one JSON object.")
def vocabulary(name: str | None, *, as_json: bool) -> None:
    """List every event that may stand in a trace: fields with types and units, level, patent step, version.

    NAME is an event, such as chunk.moved or MoveStorage, or one of the classes that messages hold, such as Zone.
    """
    from lparvm.trace.message_types import CLASSES, classes_in  # noqa: PLC0415 - other commands start without it
    from lparvm.trace.vocabulary import COMMON_TEXTS, VOCABULARY  # noqa: PLC0415

    events = [kind for kind in VOCABULARY.values() if name in (None, kind.name)]
    classes = classes_in(CLASSES if name is None else [name])
    for kind in events:
        classes |= classes_in(kind.fields.values())
    if not events and not classes:
        raise UsageError(
            f"there is no event {name!r:.60}; expected one of `lparvm trace vocabulary`{_near(name)}"
        )
    if as_json:
        _print_json(events, classes)
        return
    if name is None:
        click.echo("every event:")
        click.echo("\n".join(_fields(COMMON_TEXTS)))
    for kind in events:
        click.echo("\n".join(_event(kind)))
    for one, fields in classes.items():
        click.echo(f"{one}: {'values' if list(fields) == ['values'] else 'an object'} inside messages")
        click.echo("\n".join(_fields(fields)))


def _near(name: str | None) -> str:
    """The name that was perhaps meant."""
    import difflib  # noqa: PLC0415 - only where it is wrong

    from lparvm.trace.vocabulary import VOCABULARY  # noqa: PLC0415

    near = difflib.get_close_matches(name or "", VOCABULARY, n=1)
    return f", perhaps {near[0]}" if near else ""


def _event(kind: "EventType") -> Iterator[str]:
    step = "" if kind.step is None else f", step {int(kind.step)}"
    yield f"{kind.name}: {kind.meaning} ({kind.level.name.lower()}{step}, since version {kind.since})"
    yield from _fields(kind.fields)


def _fields(fields: dict[str, str]) -> Iterator[str]:
    for name, text in fields.items():
        yield f"    {name:<20} {text}"


def _print_json(events: list["EventType"], classes: dict[str, dict[str, str]]) -> None:
    import orjson  # noqa: PLC0415

    from lparvm.trace.vocabulary import COMMON_TEXTS  # noqa: PLC0415
    from lparvm.trace.writer import FORMAT_VERSION  # noqa: PLC0415

    told: list[dict[str, Any]] = [
        {
            "name": kind.name, "kind": "message" if kind.message else "fact", "level": kind.level.name.lower(),
            "step": kind.step, "since": kind.since, "meaning": kind.meaning, "fields": kind.fields,
        }
        for kind in events
    ]  # fmt: skip
    whole = {"version": FORMAT_VERSION, "common": COMMON_TEXTS, "events": told, "classes": classes}
    click.echo(orjson.dumps(whole, option=orjson.OPT_INDENT_2))
