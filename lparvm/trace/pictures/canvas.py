"""What all drawings share: figures, their style, text and its width, the axis of time, and bytes that don't change.

Imports matplotlib: import this where a picture is wanted, not before. No `pyplot`, no state of its own: a figure is
made, drawn and written within `rendered`.
"""

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache

import matplotlib as mpl
from attrs import frozen
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lparvm.units import NS_PER_S

WIDTH_IN = 12.0
DPI = 100
LEFT_IN, RIGHT_IN = 1.25, 0.35
FONT = "DejaVu Sans"
"""It comes with matplotlib, so that text is as wide on every machine."""
SIZE_PT, SMALL_PT, TITLE_PT = 8.5, 7.5, 11.0

_STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": [FONT],
    "font.size": SIZE_PT,
    "axes.titlesize": TITLE_PT,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.dpi": DPI,
    "hatch.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": SIZE_PT,
    "path.simplify": False,
    # A trace's text is no mathematics.
    "text.parse_math": False,
    # Text stays text: it can be searched, and read aloud.
    "svg.fonttype": "none",
}


@contextmanager
def _styled(salt: str) -> Iterator[None]:
    """Matplotlib's own defaults and ours, whatever the user's are."""
    with style.context(["default", {**_STYLE, "svg.hashsalt": salt}]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def rendered(draw: Callable[[], Figure], kind: str, *, title: str, digest: str = "") -> bytes:
    """A drawing as a file.

    Args:
        draw: makes the figure.
        kind: `svg` or `png`.
        title: of the document; ids in an SVG derive from it, so that several can stand in one page.
        digest: of what was drawn; stands in the SVG's metadata.
    """
    buffer = io.BytesIO()
    with _styled(title):
        figure = draw()
        if kind == "png":
            FigureCanvasAgg(figure)
            figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None, "Title": title})
        else:
            told = dict.fromkeys(("Date", "Creator", "Format", "Type"))
            told |= {"Title": title, "Identifier": digest or None}
            figure.savefig(buffer, format="svg", metadata=told)
    return buffer.getvalue()


def matplotlib_version() -> str:
    """The version that draws."""
    return mpl.__version__


@lru_cache(maxsize=4096)
def text_width_in(text: str, size_pt: float) -> float:
    """How wide a text is, in inches."""
    width, _, _ = TextToPath().get_text_width_height_descent(
        text, FontProperties(family=FONT, size=size_pt), ismath=False
    )
    return float(width) / 72


@frozen
class TimeScale:
    """Times in a window as a number of a fitting unit.

    Attributes:
        start_ns: begin of the window.
        end_ns: its end.
        unit: s, ms, us or ns.
        unit_ns: its length.
    """

    start_ns: int
    end_ns: int
    unit: str
    unit_ns: int

    @classmethod
    def of(cls, start_ns: int, end_ns: int) -> "TimeScale":
        """The largest unit of which the window has at least two. A window has a length that floats can tell."""
        end_ns = max(end_ns, start_ns + 1 + (abs(start_ns) >> 40))
        units = (("s", NS_PER_S), ("ms", 1_000_000), ("µs", 1_000), ("ns", 1))
        unit = next((one for one in units if end_ns - start_ns >= 2 * one[1]), units[-1])
        return cls(start_ns, end_ns, *unit)

    def __call__(self, t_ns: int) -> float:
        """A time in the unit."""
        return t_ns / self.unit_ns

    def inches(self, length_ns: int, width_in: float) -> float:
        """How wide a time is, where the window is so wide."""
        return length_ns / (self.end_ns - self.start_ns) * width_in


def figure_of(height_in: float, *, width_in: float = WIDTH_IN) -> Figure:
    """A white figure."""
    return Figure(figsize=(width_in, height_in), dpi=DPI, facecolor="white")


def axes_of(
    figure: Figure, *, left_in: float = LEFT_IN, right_in: float = RIGHT_IN, top_in: float, bottom_in: float
) -> Axes:
    """Axes with margins in inches."""
    width_in, height_in = figure.get_size_inches()
    box = (
        left_in / width_in,
        bottom_in / height_in,
        1 - (left_in + right_in) / width_in,
        1 - (top_in + bottom_in) / height_in,
    )
    return figure.add_axes(box)


def time_axis(axes: Axes, scale: TimeScale) -> None:
    """The axis of time, below, with its unit and a light grid."""
    axes.set_xlim(scale(scale.start_ns), scale(scale.end_ns))
    axes.set_xlabel(f"time on the run clock ({scale.unit})")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=12, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.10g}"))
    axes.grid(axis="x", color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)


def empty_figure(title: str, text: str) -> Figure:
    """A picture that says why there is nothing in it."""
    figure = figure_of(1.6)
    axes = axes_of(figure, top_in=0.5, bottom_in=0.2)
    axes.set_title(title)
    axes.axis("off")
    axes.text(0, 0.5, text, va="center")
    return figure


def left_out_note(figure: Figure, count: int, what: str) -> None:
    """Say in the lower right corner that the picture is not complete."""
    if count:
        figure.text(
            0.995, 0.01, f"{count} {what} not drawn", ha="right", va="bottom", size=SMALL_PT, color="#767676"
        )
