"""report.pdf: text stays text, the same bytes each time, everything is in it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from carmeta.domain.analysis import Analysis
from carmeta.errors import OutputError
from carmeta.report import pdf
from carmeta.report.figures import FigureEntry, jobs, light, pictures
from carmeta.report.files import render_all
from tests.figures import synthetic

try:
    import typst
except ImportError:
    typst = None

needs_typst = pytest.mark.skipif(
    typst is None, reason="typst is not installed: pip install 'carmeta[pdf]'"
)
needs_pdftotext = pytest.mark.skipif(
    shutil.which("pdftotext") is None, reason="pdftotext (poppler) is not installed"
)
# Every sign that Typst's markup or code gives a meaning, and files it must not read.
HOSTILE = (
    "#eval(\"1+1\") #read(\"/etc/passwd\") #include \"../secret.typ\" $x^2$ *bold* _it_ `raw` "
    "<label> @ref \\ [content] ~ // comment /* more */ = Heading - item + item / term: x "
    "#{ panic() } #import \"@preview/x:0.1.0\" \" ' ``` #sys.inputs \\u{41} https://a.example"
)  # fmt: skip


def drawn(analysis: Analysis) -> list[FigureEntry]:
    return [*(light(job)[0] for job in jobs(analysis)), *pictures(analysis)[0]]


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return synthetic.analysis(outcomes=(synthetic.outcome(9),))


def hostile(analysis: Analysis, text: str) -> Analysis:
    return replace(
        analysis,
        title=text,
        notes=(text,),
        references=(text, *analysis.references),
        studies=tuple(
            replace(item, slab=f"{item.slab} {text}", values={text: text}, reference=text)
            for item in analysis.studies
        ),
        findings=tuple(
            replace(item, severity="warning", message=text, printed=(text,), hint=text)
            for item in analysis.findings
        ),
        provenance=replace(analysis.provenance, inputs={text: text}, config_path=text),
    )


def words(raw: bytes, folder: Path, *options: str) -> str:
    """The text of a document without any white space or invisible break."""
    path = folder / "report.pdf"
    path.write_bytes(raw)
    ran = subprocess.run(
        ["pdftotext", *options, "-enc", "UTF-8", str(path), "-"], capture_output=True, check=True
    )
    return squeezed(ran.stdout.decode())


def squeezed(text: str) -> str:
    return re.sub(r"[\s\u200b\u00a0]+", "", text)


@needs_typst
@needs_pdftotext
def test_hostile_text_is_set_as_it_is(analysis: Analysis, tmp_path: Path) -> None:
    found = words(pdf.render(hostile(analysis, HOSTILE)), tmp_path)
    # Title, question and the reference at least are set in one line of reading.
    assert found.count(squeezed(HOSTILE)) >= 3


@needs_typst
@pytest.mark.parametrize(
    "text", ["N" * 3000, "\x00\x1b[31m\ud800\uffff", "\u202eabc \u05d0\u05d1 \u65e5\u672c", "", " "]
)
def test_text_that_is_hard_to_set(analysis: Analysis, text: str) -> None:
    assert pdf.render(hostile(analysis, text)).startswith(b"%PDF-")


@needs_typst
def test_the_same_bytes_and_no_time(analysis: Analysis) -> None:
    figures = drawn(analysis)
    first = pdf.render(analysis, figures)
    assert first == pdf.render(analysis, figures)
    assert b"CreationDate" not in first
    assert b"ModDate" not in first
    assert b"CreateDate" not in first


@needs_typst
def test_fonts_are_in_the_file(analysis: Analysis) -> None:
    raw = pdf.render(analysis, drawn(analysis))
    assert set(re.findall(rb"/BaseFont\s*/[A-Z]{6}\+([\w-]+)", raw)) <= {
        b"Arimo-Regular",
        b"Arimo-Bold",
    }
    assert b"/FontFile" in raw


@needs_typst
@needs_pdftotext
def test_every_part_is_in_it(analysis: Analysis, tmp_path: Path) -> None:
    figures = drawn(analysis)
    raw = pdf.render(analysis, figures)
    found = words(raw, tmp_path)
    for heading in (
        "Results", "Figures", "Methods", "Studies", "Findings of the audit", "References",
        "Provenance",
    ):  # fmt: skip
        assert squeezed(heading) in found
    shown = pdf.contents.headline(analysis).rows[0]
    for cell in shown[:3]:
        assert squeezed(cell.text) in found
    for note in (*analysis.notes, *analysis.references, *pdf.caveats.caveats(analysis)):
        assert squeezed(note) in found
    for path, digest in analysis.provenance.inputs.items():
        assert squeezed(path) in found
        assert digest in found
    # The figures' own text: their labels come from the SVG.
    with_labels, without = found, words(pdf.render(analysis), tmp_path)
    name = squeezed("95% prediction interval (GLMM)")
    assert with_labels.count(name) > without.count(name)


@needs_typst
def test_a_figure_keeps_its_alternative_text(analysis: Analysis) -> None:
    part = next(
        item
        for item in pdf.document(analysis, drawn(analysis))["parts"]
        if item["kind"] == "figure"
    )
    assert part["alt"].startswith("Forest plot of")
    assert len(part["pages"]) == len(part["captions"])


def test_the_template_reads_nothing_but_its_data() -> None:
    template = (Path(pdf.__file__).parent / "templates" / "report.typ").read_text("utf-8")
    code = re.sub(r"//.*", "", template)
    for call in ("read", "include", "import", "eval", "csv", "yaml", "toml", "xml", "plugin"):
        assert not re.search(rf"\b{call}\b", code), call
    assert code.count("json(") == 1


def test_long_words_may_break() -> None:
    assert pdf.breakable("N" * 40) == "N" * 16 + "\u200b" + "N" * 16 + "\u200b" + "N" * 8
    assert pdf.breakable("a short sentence") == "a short sentence"


@needs_typst
def test_written_only_where_asked(analysis: Analysis) -> None:
    options = {"figures": False, "word": False, "excel": False, "jobs": 1}
    plain = render_all(analysis, **options)
    with_pdf = render_all(analysis, pdf=True, **options)
    assert set(with_pdf) - set(plain) == {"report.pdf"}
    assert {name: with_pdf[name] for name in plain} == plain


def test_without_typst_the_hint_says_what_to_install(
    analysis: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(OutputError, match="typst") as caught:
        render_all(analysis, figures=False, word=False, excel=False, pdf=True, jobs=1)
    assert caught.value.hint == "pip install 'carmeta[pdf]'"
