"""Draws docs/pictures/ and their captions in docs/reading-a-relocation.md: `python tools/draw_pictures.py [--check]`.

Each picture is made from a run of a built-in scenario under the virtual clock. Its bytes depend on the version of
matplotlib; what it shows does not: the SHA-256 of the model stands in the picture, and that is what `--check`
compares. In the page, what stands between `<!-- drawn: NAME -->` and `<!-- end -->` is written by this tool; the
rest is written by hand.
"""

import argparse
import hashlib
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a clone that is not installed works as well

from attrs import frozen

from lparvm.machine import Options
from lparvm.runner import run
from lparvm.trace.pictures.canvas import rendered
from lparvm.trace.pictures.collecting import shown
from lparvm.trace.pictures.draw_chart import draw_chart
from lparvm.trace.pictures.draw_downtime import draw_downtime
from lparvm.trace.pictures.draw_map import draw_map
from lparvm.trace.pictures.draw_timeline import draw_timeline
from lparvm.trace.pictures.report import Report, gather
from lparvm.trace.reader import open_trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reading-a-relocation.md"
FOLDER = ROOT / "docs" / "pictures"
PICTURE_BYTES_MAX = 150_000
_BLOCK = re.compile(r"<!-- drawn: ([a-z0-9-]+) -->\n.*?<!-- end -->", re.DOTALL)


@frozen
class Picture:
    """A picture of the page.

    Attributes:
        name: of its file, without ending.
        scenario: the run.
        command: the words that draw it, behind `lparvm trace`.
        model: what of a run's models it shows; its `repr` is what the digest is of.
        draw: draws a run's models.
        caption: what it shows, with the run's own figures.
    """

    name: str
    scenario: str
    command: str
    model: Callable[[Report], object]
    draw: Callable[[Report, str], "Figure"]
    caption: Callable[[Report], str]

    def digest(self, report: Report) -> str:
        """Of what it shows."""
        return hashlib.sha256(repr(self.model(report)).encode()).hexdigest()


def _window(start_ns: int, end_ns: int) -> Callable[[Report, str], "Figure"]:
    return lambda of, title: draw_timeline(of.timeline.cut(start_ns, end_ns), of.operations.operations, title)


def _stood(report: Report) -> str:
    """How long whom stood still, of all operations."""
    told = [f"{one.lpar} {shown(one.stopped_ns)} ({one.op})" for one in report.operations.standings]
    return f"{', '.join(told[:-1])} and {told[-1]}" if len(told) > 1 else told[0]


def _answers(report: Report) -> str:
    return "; ".join(f"`{one.command}`: {one.result}" for one in report.operations.operations)


PICTURES = (
    Picture(
        "figure-3-timeline", "figure-3", "timeline figure-3.jsonl -o timeline.svg",
        lambda of: (of.timeline, of.operations),
        lambda of, title: draw_timeline(of.timeline, of.operations.operations, title),
        lambda of: f"{_answers(of)}. Stood still: {_stood(of)}.",
    ),
    Picture(
        "figure-3-map", "figure-3", "map figure-3.jsonl -o map.svg",
        lambda of: of.storage,
        lambda of, title: draw_map(of.storage, title),
        lambda of: f"{_answers(of)}. {len(of.storage.transfers)} transfer of pages, "
                   f"{shown(of.storage.transfers[0].end_ns - of.storage.transfers[0].start_ns)}.",
    ),
    Picture(
        "figure-3-messages", "figure-3", "spacetime figure-3.jsonl --op op.1 -o messages.svg",
        lambda of: of.charts[0],
        lambda of, title: draw_chart(of.charts[0], title),
        lambda of: f"{len(of.charts[0].rows)} rows of {of.events} events; {len(of.charts[0].actors)} actors.",
    ),
    Picture(
        "exchange-map", "exchange", "map exchange.jsonl -o map.svg",
        lambda of: of.storage,
        lambda of, title: draw_map(of.storage, title),
        lambda of: f"{_answers(of)}. Stood still: {_stood(of)}.",
    ),
    Picture(
        "exchange-downtime", "exchange", "downtime exchange.jsonl -o downtime.svg",
        lambda of: of.operations,
        lambda of, title: draw_downtime(of.operations, title),
        lambda of: f"Stood still: {_stood(of)}.",
    ),
    Picture(
        "cancel-map", "cancel", "map cancel.jsonl -o map.svg",
        lambda of: of.storage,
        lambda of, title: draw_map(of.storage, title),
        lambda of: f"{_answers(of)}.",
    ),
    Picture(
        "cancel-timeline", "cancel", "timeline cancel.jsonl --from 290ms --to 350ms -o timeline.svg",
        lambda of: (of.timeline, of.operations),
        _window(290_000_000, 350_000_000),
        lambda of: f"The first of: {_answers(of)}.",
    ),
    Picture(
        "cancel-downtime", "cancel", "downtime cancel.jsonl -o downtime.svg",
        lambda of: of.operations,
        lambda of, title: draw_downtime(of.operations, title),
        lambda of: f"Stood still: {_stood(of)}.",
    ),
)  # fmt: skip


def reports(folder: Path) -> dict[str, Report]:
    """The models of every scenario that is run, by name."""
    found = {}
    for scenario in dict.fromkeys(one.scenario for one in PICTURES):
        path = folder / f"{scenario}.jsonl"
        run(scenario, clock="virtual", options=Options(trace=path))
        with open_trace(path, strict=True) as reader:
            found[scenario] = gather(reader)
    return found


def block(picture: Picture, report: Report) -> str:
    """What the tool writes in the page."""
    text = picture.caption(report)
    image = f"![{picture.name.replace('-', ' ')}](pictures/{picture.name}.svg)"
    command = f"`lparvm trace {picture.command}`"
    return f"<!-- drawn: {picture.name} -->\n{image}\n\n{command}  \n*{text}*\n<!-- end -->"


def page(text: str, models: dict[str, Report]) -> str:
    """The page with all blocks written anew.

    Raises:
        SystemExit: it has a block of an unknown picture, or none of a known one.
    """
    known = {one.name: one for one in PICTURES}
    shown_ones = _BLOCK.findall(text)
    if sorted(shown_ones) != sorted(known):
        raise SystemExit(f"draw_pictures: {PAGE.name} shows {shown_ones}; expected {sorted(known)}")
    return _BLOCK.sub(lambda match: block(known[match[1]], models[known[match[1]].scenario]), text)


def stale(models: dict[str, Report], page_path: Path, folder: Path) -> list[str]:
    """What is not as it would be drawn now."""
    text = page_path.read_text(encoding="utf-8")
    found = [page_path.name] if page(text, models) != text else []
    for picture in PICTURES:
        path = folder / f"{picture.name}.svg"
        told = path.read_text(encoding="utf-8") if path.exists() else ""
        if picture.digest(models[picture.scenario]) not in told:
            found.append(path.name)
    return found


def write(models: dict[str, Report], page_path: Path, folder: Path) -> None:
    """Draw everything anew.

    Raises:
        SystemExit: a picture is too large for a page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for picture in PICTURES:
        report = models[picture.scenario]
        title = f"{picture.scenario}: {picture.command.split()[0]}"
        data = rendered(
            lambda picture=picture, report=report, title=title: picture.draw(report, title),  # type: ignore[misc]
            "svg", title=picture.name, digest=picture.digest(report),
        )  # fmt: skip
        if len(data) > PICTURE_BYTES_MAX:
            raise SystemExit(
                f"draw_pictures: {picture.name} has {len(data)} bytes; expected {PICTURE_BYTES_MAX}"
            )
        (folder / f"{picture.name}.svg").write_bytes(data)
    page_path.write_text(page(page_path.read_text(encoding="utf-8"), models), encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Draw, or with `--check` see what is stale; exit code 1 where anything is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if anything is stale")
    parser.add_argument("--page", type=Path, default=PAGE, help=f"the page; default: docs/{PAGE.name}")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="the pictures; default: docs/pictures")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        models = reports(Path(folder))
    if given.check:
        names = stale(models, given.page, given.folder)
        if names:
            print(f"stale: {', '.join(names)}; run python tools/draw_pictures.py", file=sys.stderr)
        return int(bool(names))
    write(models, given.page, given.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
