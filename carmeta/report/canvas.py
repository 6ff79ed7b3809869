"""A page measured in points: text that is measured before it is drawn, and plain marks.

The origin is the top left corner and y runs down, as one reads. All drawing of all plots
goes through this module, so that fonts, colours and file determinism are settled once.
"""

from __future__ import annotations

import io
import re
from contextlib import contextmanager
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, Literal

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.text import Text
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Affine2D

from carmeta.errors import OutputError
from carmeta.report.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Align = Literal["left", "right", "center"]
Format = Literal["svg", "pdf", "png"]

# Okabe & Ito 2008 (Color universal design), darkened only where 3:1 on white needs it.
BLACK: Final = "#000000"
GREY: Final = "#5f5f5f"
RULE: Final = "#8a8a8a"
BLUE: Final = "#0072b2"
VERMILLION: Final = "#c44e00"
GREEN: Final = "#00785a"
PURPLE: Final = "#a8548a"
SKY: Final = "#3c8dc0"
ORANGE: Final = "#a86e00"
WHITE: Final = "#ffffff"

FAMILY: Final = "Arimo"  # has the widths of Arial and Helvetica, and tabular figures
FALLBACK: Final = "DejaVu Sans"  # comes with matplotlib; covers more scripts
# What a viewer of the SVG without Arimo uses: the first four share its widths.
CSS_FAMILIES: Final = "Arimo, Arial, 'Liberation Sans', Helvetica, 'DejaVu Sans', sans-serif"
MINIMUM_TEXT: Final = 7.0  # points at print size
DPI: Final = 300

_RC: Final[dict[str, Any]] = {
    "font.family": [FAMILY, FALLBACK],
    "font.weight": "normal",
    "svg.fonttype": "none",
    "svg.hashsalt": "carmeta",
    "svg.image_inline": True,
    "pdf.fonttype": 42,
    "pdf.compression": 6,
    "path.simplify": False,
    "lines.solid_capstyle": "butt",
    "lines.dash_capstyle": "butt",
    "axes.unicode_minus": True,
    "text.usetex": False,
    "text.parse_math": False,
    "text.hinting": "none",
    "text.antialiased": True,
    "savefig.bbox": None,
    "savefig.transparent": False,
    "figure.dpi": 72,
}


class Drawing(Figure):
    """A finished page with what a reader who cannot see it needs."""

    alt: str = ""
    title_text: str = ""
    # Every number drawn: one dict a mark, in drawing order (written beside the figure).
    drawn: tuple[dict[str, str | float | int], ...] = ()


@contextmanager
def settings() -> Iterator[None]:
    """Matplotlib's defaults with ours on top, whatever matplotlibrc the user keeps.

    May be nested; only the outermost has a price (3 ms).
    """
    if _active:
        yield
        return
    _register_fonts()
    with mpl.rc_context():
        parameters: dict[str, Any] = mpl.rcParams  # type: ignore[assignment]  # its own mapping type
        parameters.update(_defaults() | _RC)
        _active.append(True)
        try:
            yield
        finally:
            _active.clear()


_active: list[bool] = []


@lru_cache(maxsize=1)
def _defaults() -> dict[str, Any]:
    # Those are about windows, not about what is drawn; setting them has side effects.
    outside = ("backend", "webagg", "tk.", "interactive", "toolbar", "timezone", "date.epoch")
    return {key: value for key, value in mpl.rcParamsDefault.items() if not key.startswith(outside)}


@lru_cache(maxsize=1)
def _register_fonts() -> None:
    folder = resources.files("carmeta.report") / "fonts"
    for name in ("Arimo-Regular.ttf", "Arimo-Bold.ttf"):
        with resources.as_file(folder / name) as path:
            font_manager.fontManager.addfont(path)


@lru_cache(maxsize=64)
def _font(size: float, bold: bool) -> FontProperties:
    _register_fonts()
    return FontProperties(family=[FAMILY, FALLBACK], size=size, weight="bold" if bold else "normal")


@lru_cache(maxsize=2)
def _glyphs(bold: bool) -> frozenset[int]:
    codes: set[int] = set()
    for family in (FAMILY, FALLBACK):
        properties = FontProperties(family=family, weight="bold" if bold else "normal")
        font = font_manager.get_font(font_manager.findfont(properties, fallback_to_default=False))
        codes |= set(font.get_charmap())
    return frozenset(codes)


def check_glyphs(text: str, *, bold: bool = False) -> None:
    """Raise OutputError for a character that would be drawn as an empty box."""
    _register_fonts()
    missing = sorted({char for char in text if ord(char) not in _glyphs(bold)})
    if missing:
        listed = ", ".join(f"{char} (U+{ord(char):04X})" for char in missing[:8])
        raise OutputError(
            f"no bundled font can draw {listed} in {text[:60]!r}",
            hint="give the study a label in Latin, Greek, Cyrillic, Hebrew or Arabic letters",
        )


@lru_cache(maxsize=8192)
def text_width(text: str, size: float, bold: bool = False) -> float:
    """Width of a line of text in points, unhinted, as the PDF and SVG set it.

    Raises OutputError for a character that no font can draw.
    """
    if not text:
        return 0.0
    check_glyphs(text, bold=bold)
    with settings():
        width, _, _ = text_to_path.get_text_width_height_descent(
            text, _font(size, bold), ismath=False
        )
    return float(width)


def wrap(text: str, width: float, size: float, bold: bool = False, most: int = 60) -> list[str]:
    """Lines of text no wider than ``width`` points; a word that is wider is broken.

    After ``most`` lines the text ends with an ellipsis.
    """
    lines: list[str] = []
    line = ""
    used = 0.0
    # Without kerning widths add up, so that each word is measured once and not each line.
    space = text_width("n n", size, bold) - 2 * text_width("n", size, bold)
    for word in filter(None, text.split(" ")):
        wide = text_width(word, size, bold)
        if used + space + wide <= width and line:
            line, used = f"{line} {word}", used + space + wide
            continue
        if line:
            lines.append(line)
        *full, line = _break_word(word, width, size, bold)
        lines.extend(full)
        used = text_width(line, size, bold)
    lines.append(line)
    if len(lines) > most:
        last = lines[most - 1]
        while last and text_width(last + "\u2026", size, bold) > width:
            last = last[:-1]
        lines = [*lines[: most - 1], last + "\u2026"]
    return lines


def _break_word(word: str, width: float, size: float, bold: bool) -> list[str]:
    pieces: list[str] = []
    while text_width(word, size, bold) > width and len(word) > 1:
        low, high = 1, len(word) - 1
        while low < high:
            middle = (low + high + 1) // 2
            if text_width(word[:middle], size, bold) <= width:
                low = middle
            else:
                high = middle - 1
        pieces.append(word[:low])
        word = word[low:]
    return [*pieces, word]


class Canvas:
    """One page of ``width`` by ``height`` points; y is measured from the top."""

    def __init__(self, width: float, height: float) -> None:
        self.width = width
        self.height = height
        with settings():
            self.figure = Drawing(figsize=(width / 72, height / 72), facecolor="white")
            FigureCanvasAgg(self.figure)
        self._drawn = 0
        self._transform = Affine2D().scale(1 / 72) + self.figure.dpi_scale_trans

    def _y(self, y: float) -> float:
        return self.height - y

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float,
        align: Align = "left",
        bold: bool = False,
        colour: str = BLACK,
        rotation: float = 0.0,
        gid: str | None = None,
    ) -> float:
        """Draw one line with its baseline at y; returns its width in points."""
        if not text.strip():
            return 0.0
        if size < MINIMUM_TEXT:
            raise ValueError(f"text of {size} pt is below {MINIMUM_TEXT} pt")
        shown = plain(text)
        check_glyphs(shown, bold=bold)  # an SVG or PDF would keep quiet about an empty box
        with settings():
            artist = Text(
                x,
                self._y(y),
                shown,
                color=colour,
                fontproperties=_font(size, bold),
                horizontalalignment=align,
                verticalalignment="baseline",
                rotation=rotation,
                rotation_mode="anchor",
                parse_math=False,
                gid=gid,
            )
        self._add(artist)
        return text_width(shown, size, bold)

    def line(
        self,
        x: Sequence[float],
        y: Sequence[float],
        *,
        colour: str = BLACK,
        width: float = 0.8,
        dashes: tuple[float, ...] | None = None,
        gid: str | None = None,
    ) -> None:
        """A polyline with butt caps; ``dashes`` in points."""
        with settings():
            artist = Line2D(
                list(x),
                [self._y(value) for value in y],
                color=colour,
                linewidth=width,
                solid_capstyle="butt",
                dash_capstyle="butt",
                solid_joinstyle="miter",
                gid=gid,
            )
            if dashes:
                artist.set_linestyle((0, tuple(step / width for step in dashes)))
        self._add(artist)

    def polygon(
        self,
        points: Sequence[tuple[float, float]],
        *,
        fill: str | None = BLACK,
        edge: str | None = None,
        width: float = 0.8,
        gid: str | None = None,
    ) -> None:
        """A closed shape."""
        with settings():
            artist = Polygon(
                [(x, self._y(y)) for x, y in points],
                closed=True,
                facecolor=fill or "none",
                edgecolor=edge or "none",
                linewidth=width if edge else 0.0,
                joinstyle="miter",
                gid=gid,
            )
        self._add(artist)

    def square(self, x: float, y: float, side: float, *, fill: str, gid: str | None = None) -> None:
        """A filled square centred at (x, y)."""
        half = side / 2
        corners = [(x - half, y - half), (x + half, y - half), (x + half, y + half)]
        self.polygon([*corners, (x - half, y + half)], fill=fill, gid=gid)

    def circle(
        self,
        x: float,
        y: float,
        radius: float,
        *,
        fill: str | None,
        edge: str | None = None,
        width: float = 0.8,
        gid: str | None = None,
    ) -> None:
        """A circle of ``radius`` points."""
        from matplotlib.patches import Circle

        with settings():
            artist = Circle(
                (x, self._y(y)),
                radius,
                facecolor=fill or "none",
                edgecolor=edge or "none",
                linewidth=width if edge else 0.0,
                gid=gid,
            )
        self._add(artist)

    def segments(
        self,
        ends: Sequence[tuple[float, float, float, float]],
        *,
        colour: str = BLACK,
        width: float = 0.8,
        dashes: tuple[float, ...] | None = None,
    ) -> None:
        """Many straight lines (x0, y0, x1, y1) of one kind, cheaper than one by one."""
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path

        if not ends:
            return
        corners = [(x, self._y(y)) for x0, y0, x1, y1 in ends for x, y in ((x0, y0), (x1, y1))]
        path = Path(corners, [Path.MOVETO, Path.LINETO] * len(ends))
        with settings():
            artist = PathPatch(path, fill=False, edgecolor=colour, linewidth=width, capstyle="butt")
            if dashes:
                artist.set_linestyle((0, tuple(step / width for step in dashes)))
        self._add(artist)

    def dots(self, places: Sequence[tuple[float, float]], radius: float, *, fill: str) -> None:
        """Many filled circles of one kind, cheaper than one by one."""
        if not places:
            return
        with settings():
            artist = Line2D(
                [x for x, _ in places],
                [self._y(y) for _, y in places],
                linestyle="none",
                marker="o",
                markersize=2 * radius,
                markerfacecolor=fill,
                markeredgewidth=0.0,
            )
        self._add(artist)

    def _add(self, artist: Any) -> None:
        artist.set_transform(self._transform)
        # What is drawn later lies on top, whatever its kind.
        self._drawn += 1
        artist.set_zorder(self._drawn)
        if artist.get_gid():
            artist.set_gid(plain(artist.get_gid()))
        self.figure.add_artist(artist)


def save(figure: Figure, fmt: Format) -> bytes:
    """The bytes of a figure; the same for the same figure, whatever clock and locale.

    SVG keeps text as text and carries title and description for screen readers; PDF embeds
    TrueType; PNG is rendered at 300 dpi.
    """
    buffer = io.BytesIO()
    with settings():
        if fmt == "svg":
            figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
            return _finish_svg(buffer.getvalue(), figure)
        if fmt == "pdf":
            none = {"CreationDate": None, "ModDate": None, "Creator": None, "Producer": None}
            title = {"Title": getattr(figure, "title_text", "") or None}
            figure.savefig(buffer, format="pdf", metadata=none | title)
            return buffer.getvalue()
        if fmt == "png":
            alt = getattr(figure, "alt", "")
            metadata = {"Software": None} | ({"Description": alt} if alt else {})
            # Line art: the lowest compression is the fastest, and here the smallest as well.
            fast = {"compress_level": 1}
            figure.savefig(buffer, format="png", dpi=DPI, metadata=metadata, pil_kwargs=fast)
            return buffer.getvalue()
    raise ValueError(f"format must be svg, pdf or png, not {fmt!r}")


def _finish_svg(raw: bytes, figure: Figure) -> bytes:
    """Name fonts that viewers have, and add title and description."""
    from html import escape

    text = raw.decode("utf-8")
    text = text.replace(f"'{FAMILY}', '{FALLBACK}'", CSS_FAMILIES)
    text = re.sub(r' transform="rotate\(-0 [^)]*\)"', "", text)
    # Kerning would pull figures together, and numbers would no longer line up.
    text = text.replace("stroke-linecap: butt}", "stroke-linecap: butt; font-kerning: none}")
    title = escape(plain(getattr(figure, "title_text", "")), quote=False)
    alt = escape(plain(getattr(figure, "alt", "")), quote=False)
    head = f"\n <title>{title}</title>\n <desc>{alt}</desc>" if alt else ""
    return re.sub(
        r"(<svg )([^>]*)>", rf'\1role="img" \2>{_escape_group(head)}', text, count=1
    ).encode("utf-8")


def _escape_group(text: str) -> str:
    return text.replace("\\", r"\\")
