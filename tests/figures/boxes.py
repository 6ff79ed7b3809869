"""Measuring what is on a page: boxes in points, from matplotlib's own renderer."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

from carmeta.report.canvas import Drawing, settings

ZOOM = 4  # pixels a point: enough that rounding to pixels does not matter


@dataclass(frozen=True)
class Box:
    what: str
    x0: float
    y0: float
    x1: float
    y1: float
    kind: str = "text"

    def overlap(self, other: Box) -> float:
        """The smaller side of the common rectangle, in points; 0 where they are apart."""
        wide = min(self.x1, other.x1) - max(self.x0, other.x0)
        high = min(self.y1, other.y1) - max(self.y0, other.y0)
        return max(0.0, min(wide, high))


@dataclass(frozen=True)
class Page:
    """All boxes of a page; y runs up, the origin is bottom left, as matplotlib has it."""

    width: float
    height: float
    texts: tuple[Box, ...]
    marks: tuple[Box, ...]

    def mark(self, gid: str) -> Box:
        """The mark with that id."""
        (found,) = [box for box in self.marks if box.what == gid]
        return found

    def written(self) -> list[str]:
        """Every text on the page."""
        return [box.what for box in self.texts]


def texts(figure: Drawing) -> list[Text]:
    """All texts of a page."""
    return [artist for artist in figure.get_children() if isinstance(artist, Text)]


def measure(figure: Drawing) -> Page:
    """The boxes of all texts and of all shapes and lines with an id."""
    with settings():
        figure.set_dpi(72 * ZOOM)
        renderer = figure.canvas.get_renderer()
        written, marks = [], []
        for artist in figure.get_children():
            if isinstance(artist, Text) and artist.get_text():
                extent = artist.get_window_extent(renderer)
                written.append(_box(artist.get_text(), extent))
            elif isinstance(artist, (Line2D, Patch)) and artist is not figure.patch:
                extent = artist.get_path().get_extents(artist.get_transform())
                kind = "line" if isinstance(artist, Line2D) else "shape"
                marks.append(_box(artist.get_gid() or "", extent, kind))
        width, height = (side * 72 for side in figure.get_size_inches())
        figure.set_dpi(72)
    return Page(width, height, tuple(written), tuple(marks))


def _box(what: str, extent: object, kind: str = "text") -> Box:
    x0, y0, x1, y1 = (float(side) / ZOOM for side in extent.extents)
    return Box(what, min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1), kind)


def problems(page: Page, tolerance: float = 0.3) -> list[str]:
    """Texts that touch each other, a mark with an id, or the edge of the page."""
    found = []
    for index, text in enumerate(page.texts):
        if text.x0 < 0 or text.y0 < 0 or text.x1 > page.width or text.y1 > page.height:
            found.append(f"{text.what!r} leaves the page: {text}")
        for other in page.texts[index + 1 :]:
            if text.overlap(other) > tolerance:
                found.append(f"{text.what!r} overlaps {other.what!r} by {text.overlap(other):.2f}")
        for mark in page.marks:
            named = mark.what.split(":")[0]
            if named in ("bias", "box", "band", "region"):
                continue  # these lie behind text
            if mark.what and mark.kind == "shape" and text.overlap(mark) > tolerance:
                found.append(f"{text.what!r} overlaps mark {mark.what}")
            if named in ("interval", "axis", "pooled-line", "null", "benchmark") and (
                _crossed(text, mark, tolerance)
            ):
                found.append(f"{text.what!r} is crossed by {mark.what}")
    for mark in page.marks:
        if mark.x0 < -0.01 or mark.x1 > page.width + 0.01 or mark.y0 < -0.01:
            found.append(f"mark {mark.what} leaves the page")
    return found


def _crossed(text: Box, line: Box, tolerance: float) -> bool:
    """Whether a horizontal or vertical line runs through a text."""
    return (
        min(text.x1, line.x1) - max(text.x0, line.x0) > (tolerance if line.x1 > line.x0 else 0)
        and min(text.y1, line.y1) - max(text.y0, line.y0) > (tolerance if line.y1 > line.y0 else 0)
        and text.x0 + tolerance < line.x1
        and line.x0 < text.x1 - tolerance
        and text.y0 + tolerance < line.y1
        and line.y0 < text.y1 - tolerance
    )
