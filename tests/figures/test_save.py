"""The files of a figure: formats, fonts, metadata, and the same bytes every time."""

from __future__ import annotations

import re
import struct
import zlib
from xml.etree import ElementTree

import pytest

from carmeta.report.canvas import save
from carmeta.report.forest import forest
from tests.figures import gallery, synthetic

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    (figure,) = forest(synthetic.outcome(9))
    return {fmt: save(figure, fmt) for fmt in ("svg", "pdf", "png")}


def test_svg_keeps_text_as_text(files: dict[str, bytes]) -> None:
    root = ElementTree.fromstring(files["svg"])
    texts = ["".join(node.itertext()) for node in root.iter(f"{SVG}text")]
    for wanted in ("CEDAR-1", "78.7", "Random effects (GLMM)"):
        assert wanted in texts
    assert len(files["svg"]) < 60_000


def test_svg_has_title_and_description(files: dict[str, bytes]) -> None:
    root = ElementTree.fromstring(files["svg"])
    assert root.get("role") == "img"
    assert root[0].tag == f"{SVG}title"
    assert root[0].text == "Overall response (partial response or better)"
    assert root[1].tag == f"{SVG}desc"
    assert (root[1].text or "").startswith("Forest plot of Overall response in 9 studies")


def test_svg_names_fonts_that_viewers_have(files: dict[str, bytes]) -> None:
    families = set(re.findall(rb"font-family: ([^;\"]*)", files["svg"]))
    assert families == {b"Arimo, Arial, 'Liberation Sans', Helvetica, 'DejaVu Sans', sans-serif"}


def test_nothing_of_clock_or_version(files: dict[str, bytes]) -> None:
    assert b"matplotlib" not in files["svg"].lower()
    assert b"<dc:date>" not in files["svg"]
    for word in (b"/CreationDate", b"/ModDate", b"/Producer", b"/Creator"):
        assert word not in files["pdf"]
    assert b"matplotlib" not in files["png"].lower()
    assert b"tEXtSoftware" not in files["png"]


def test_pdf_embeds_truetype(files: dict[str, bytes]) -> None:
    raw = files["pdf"]
    assert b"/FontFile2" in raw
    assert b"/Type3" not in raw
    names = {name.split(b"+")[-1] for name in re.findall(rb"/BaseFont /([^ /\n]+)", raw)}
    assert names == {b"Arimo-Regular", b"Arimo-Bold"}


def test_png_has_300_dots_an_inch_and_a_description(files: dict[str, bytes]) -> None:
    raw = files["png"]
    chunks: dict[bytes, bytes] = {}
    at = 8
    while at < len(raw):
        (length,) = struct.unpack(">I", raw[at : at + 4])
        chunks.setdefault(raw[at + 4 : at + 8], raw[at + 8 : at + 8 + length])
        at += 12 + length
    per_metre = struct.unpack(">II", chunks[b"pHYs"][:8])
    assert per_metre == (11811, 11811)  # 300 / 0.0254
    width, _ = struct.unpack(">II", chunks[b"IHDR"][:8])
    assert width == round(518.7 / 72 * 300)
    text = chunks.get(b"iTXt") or chunks.get(b"tEXt") or zlib.decompress(chunks[b"zTXt"])
    assert b"Description" in text


def test_the_same_bytes_twice(files: dict[str, bytes]) -> None:
    (figure,) = forest(synthetic.outcome(9))
    assert {fmt: save(figure, fmt) for fmt in files} == files
    assert {fmt: save(figure, fmt) for fmt in files} == files  # saving does not change it


def test_settings_of_the_user_do_not_matter(files: dict[str, bytes]) -> None:
    import matplotlib as mpl

    with mpl.rc_context(
        {"font.family": "serif", "font.size": 30, "lines.linewidth": 9, "figure.dpi": 200,
         "savefig.bbox": "tight", "svg.fonttype": "path", "text.parse_math": True}
    ):  # fmt: skip
        before = dict(mpl.rcParams)
        (figure,) = forest(synthetic.outcome(9))
        assert {fmt: save(figure, fmt) for fmt in files} == files
        assert dict(mpl.rcParams) == before


def test_unknown_format_and_options() -> None:
    outcome = synthetic.outcome(2)
    with pytest.raises(ValueError, match="svg, pdf or png"):
        save(forest(outcome)[0], "gif")
    for option in ({"preset": "lancet"}, {"width": "triple"}, {"scale": "odds"}, {"sort": "size"},
                   {"by": "phase"}, {"axis": (0.9, 0.1)}):  # fmt: skip
        with pytest.raises(ValueError, match=r"must|no subgroups"):
            forest(outcome, **option)


@pytest.mark.parametrize(
    ("sort", "first"),
    [("input", "CYPRESS-1"), ("label", "CEDAR-1"), ("estimate", "Myrtle"), ("weight", "LINDEN-2")],
)
def test_sorting(sort: str, first: str) -> None:
    from tests.figures import boxes

    labels = [row.count.slab for row in synthetic.outcome(9).rows]
    for descending in (False, True):
        (figure,) = forest(synthetic.outcome(9), sort=sort, descending=descending)
        drawn = [t.get_text() for t in boxes.texts(figure) if t.get_text() in labels]
        assert sorted(drawn) == sorted(labels)
        assert drawn[-1 if descending else 0] == first


@pytest.mark.parametrize("name", sorted(gallery.FIGURES))
def test_committed_gallery_shows_what_is_drawn_now(name: str) -> None:
    """Content, not bytes: other versions of matplotlib draw other bytes."""
    for file, raw in gallery.pages(name).items():
        old = (gallery.FOLDER / file).read_bytes()
        texts = [
            ["".join(node.itertext()) for node in ElementTree.fromstring(svg).iter(f"{SVG}text")]
            for svg in (old, raw)
        ]
        assert texts[0] == texts[1]


def test_committed_gallery_is_complete() -> None:
    wanted = {file for name in gallery.FIGURES for file in gallery.pages(name)}
    assert {path.name for path in gallery.FOLDER.glob("*.svg")} == wanted
    assert (gallery.FOLDER / "README.md").read_text("utf-8") == gallery.index()


def test_every_figure_has_title_and_alt_text() -> None:
    for name, draw in gallery.FIGURES.items():
        for figure in draw():
            assert figure.alt, name
            assert figure.title_text, name
