"""What all figures for slides share: size, title, caption, thumbnails, files.

They are drawn by matplotlib, because slides need PNG as well; colours, scales and the
writing of numbers are those of report and dashboard.
"""

from __future__ import annotations

import io
import textwrap
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from covers.errors import needs_extra
from covers.images.thumbnails import open_thumbnail
from covers.render.charts.scales import scale_colours
from covers.render.numbers import unbroken
from covers.render.palette import SEQUENTIAL_SCALE, genre_colours, text_colour
from covers.workspace.disk.publish import publish

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from covers.workspace.paths import Workspace

_PNG_DPI = 150
_TOP_INCHES, _LINE_INCHES, _LETTER_INCHES = 0.55, 0.19, 0.066
_MOST_IN_LEGEND = 20


@contextmanager
def _any_name(figure: Figure) -> Iterator[None]:
    """Draw names as they are: a dollar begins no formula, and letters that the font lacks are boxes.

    An SVG keeps such letters as text.
    """
    import matplotlib as mpl
    from matplotlib.text import Text

    with mpl.rc_context({"text.parse_math": False}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        for text in figure.findobj(Text):
            text.set_parse_math(False)
        yield


@dataclass
class Frame:
    """A figure with one pair of axes, a title and a caption below.

    Parameters
    ----------
    figure, axes
        Matplotlib's; more axes may be added.
    title, caption : str
    width, height : float
        In inches.
    room_right : float
        Share of the width to leave free at the right.
    """

    figure: Any
    axes: Any
    title: str
    caption: str
    width: float
    height: float
    room_right: float = 0.0
    tight: bool = True

    def finish(self) -> Any:
        """Draw title and caption, once; return the figure."""
        # A number must not be torn from its unit or its name.
        lines = [
            line.replace("\N{NO-BREAK SPACE}", " ")
            for line in textwrap.wrap(unbroken(self.caption), int(self.width * 14.5))
        ]
        foot = (len(lines) + 0.8) * _LINE_INCHES / self.height
        head = 1 - _TOP_INCHES / self.height
        if self.tight:
            with _any_name(self.figure):
                self.figure.tight_layout(rect=(0, foot, 1 - self.room_right, head))
        self.figure.text(
            0.015,
            1 - 0.12 / self.height,
            self.title,
            fontsize=15,
            fontweight="bold",
            va="top",
        )
        self.figure.text(
            0.015,
            0.09 / self.height,
            "\n".join(lines),
            fontsize=9,
            color="#444444",
            va="bottom",
            linespacing=1.35,
        )
        return self.figure

    def save(self, stem: Path) -> Path:
        """Write ``stem.svg`` and ``stem.png``; return the SVG's path."""
        import matplotlib as mpl

        self.finish()
        # Text stays text, and the same result gives the same bytes.
        options = {"svg.fonttype": "none", "svg.hashsalt": "covers"}
        for suffix in ("svg", "png"):
            buffer = io.BytesIO()
            with mpl.rc_context(options), _any_name(self.figure):
                self.figure.savefig(
                    buffer,
                    format=suffix,
                    dpi=_PNG_DPI,
                    facecolor="white",
                    metadata={"Date": None} if suffix == "svg" else None,
                )
            with publish(stem.with_name(f"{stem.name}.{suffix}"), "wb") as file:
                file.write(buffer.getvalue())
        return stem.with_name(f"{stem.name}.svg")


def new_frame(
    *, width: float, height: float, title: str, caption: str, axes: bool = True
) -> Frame:
    """Open a figure with settings of its own.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    with needs_extra("drawing figures"):
        from matplotlib.figure import Figure
    figure = Figure(figsize=(width, height))
    return Frame(
        figure, figure.add_subplot() if axes else None, title, caption, width, height
    )


class Thumbnails:
    """Small pictures of covers, grey squares where one is missing."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def picture(self, cover_id: str, size_px: int = 128) -> npt.NDArray[np.uint8]:
        """Return a square picture, shape (size_px, size_px, 3)."""
        picture = open_thumbnail(self.workspace, cover_id)
        if picture is None:
            return np.full((size_px, size_px, 3), 200, np.uint8)
        return np.asarray(picture.resize((size_px, size_px)), np.uint8)


class Spot(NamedTuple):
    """A point in data units, and how far right of it something is drawn."""

    x: float
    y: float
    right_inches: float = 0.0


def add_thumbnail(
    axes: Any,
    picture: npt.NDArray[np.uint8],
    at: Spot,
    *,
    inches: float,
    border: str | None = None,
) -> None:
    """Put a picture of a given size at a spot."""
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    zoom = inches * 72 / picture.shape[0]
    box = AnnotationBbox(
        OffsetImage(picture, zoom=zoom, dpi_cor=True),
        (at.x, at.y),
        xybox=(at.right_inches * 72, 0),
        xycoords="data",
        boxcoords="offset points",
        frameon=border is not None,
        pad=0.12 if border else 0,
        bboxprops={"edgecolor": border, "facecolor": border} if border else None,
        annotation_clip=False,
    )
    box.set_in_layout(False)
    axes.add_artist(box)


def colour_map(name: str = SEQUENTIAL_SCALE) -> Any:
    """Return a scale of `covers.render.charts.scales` as matplotlib's colour map."""
    from matplotlib.colors import ListedColormap

    return ListedColormap(scale_colours(np.linspace(0, 1, 256), name), name)


def hide_spines(axes: Any, *sides: str) -> None:
    """Take away the lines around a plot, all or those named."""
    for side in sides or ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)


def plate(colour: str = "white", alpha: float = 0.85) -> dict[str, str | float]:
    """Return the box behind a text that keeps it readable on lines, dots and hatching.

    An outline around the letters would do, too, but turns text into curves.
    """
    return {
        "boxstyle": "round,pad=0.1",
        "facecolor": colour,
        "edgecolor": "none",
        "alpha": alpha,
    }


def colour_ticks(axes: Any, genres: Sequence[str]) -> None:
    """Put a patch of its colour behind each genre's name."""
    colours = genre_colours(genres)
    for label in (*axes.get_yticklabels(), *axes.get_xticklabels()):
        colour = colours.get(label.get_text())
        if colour:
            label.set_bbox(
                {
                    "boxstyle": "round,pad=0.15",
                    "facecolor": colour,
                    "edgecolor": "none",
                }
            )
            label.set_color(text_colour(colour))


def height_of_colours(n_genres: int) -> float:
    """Return how high a figure has to be, without its caption, for what `list_colours` lists, in inches."""
    return 0.5 + _LINE_INCHES * (min(n_genres, _MOST_IN_LEGEND + 1) + 1)


def list_colours(frame: Frame, colours: Mapping[str, str]) -> None:
    """List genres with their colours at the right edge, the first twenty, and make room for them."""
    from matplotlib.lines import Line2D

    shown = list(colours.items())[:_MOST_IN_LEGEND]
    longest = max((len(genre) for genre, _ in shown), default=0)
    frame.room_right = (0.6 + _LETTER_INCHES * max(longest, 10)) / frame.width
    handles = [
        Line2D([], [], marker="o", linestyle="", markersize=8, color=c, label=g)
        for g, c in shown
    ]
    if len(colours) > len(shown):
        more = f"and {len(colours) - len(shown)} more"
        handles.append(Line2D([], [], linestyle="", label=more))
    frame.figure.legend(
        handles=handles,
        loc="upper right",
        bbox_to_anchor=(0.995, 1 - 0.5 / frame.height),
        frameon=False,
        fontsize=9,
    )
