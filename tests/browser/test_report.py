"""The report in a real headless Chromium."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from carmeta.domain.analysis import BiasItem, LineageEdge, LineageNode, StudyBias
from carmeta.report import contents
from carmeta.report.files import render_all
from tests.browser import cdp
from tests.figures import gallery, synthetic

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(cdp.find() is None, reason="no Chromium here"),
]
assert gallery.FIGURES  # the page holds the figures that the gallery shows


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from dataclasses import replace

    analysis = replace(
        synthetic.analysis(
            outcomes=(synthetic.outcome(9, subgroups=True), synthetic.outcome(7, code="nt_ge3"))
        ),
        lineage_nodes=(
            LineageNode("a/x", "a", "First 33", 33, ()),
            LineageNode("a/y", "a", "All 62", 62, ("orr",)),
        ),
        lineage_edges=(LineageEdge("a/y", "a/x", "updates"),),
        bias=(StudyBias("a", "A", "rob-2", (BiasItem("overall", "Overall", "low", "s", "p"),)),),
    )
    folder = tmp_path_factory.mktemp("report")
    files = render_all(analysis, jobs=1, word=False, excel=False)
    (folder / "report.html").write_bytes(files["report.html"])
    return folder / "report.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[cdp.Browser]:
    with cdp.Browser() as running:
        yield running


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_quiet_and_alone(browser: cdp.Browser, page: Path, width: int, dark: bool) -> None:
    browser.resize(width)
    browser.media(dark=dark)
    browser.open(page)
    assert browser.problems() == []
    assert browser.requests() == []
    assert browser.evaluate("document.documentElement.scrollWidth") == width
    hidden = browser.evaluate(
        "Array.from(document.images).filter(i => i.complete && i.naturalWidth === 0).length"
    )
    assert hidden == 0


def test_structure(browser: cdp.Browser, page: Path) -> None:
    browser.open(page)
    facts = browser.evaluate(
        """({
        lang: document.documentElement.lang,
        csp: document.querySelector('meta[http-equiv=Content-Security-Policy]').content,
        alts: Array.from(document.images).map(i => i.alt.length),
        ids: Array.from(document.querySelectorAll('[id]')).map(e => e.id),
        links: Array.from(document.querySelectorAll('a[href^="#"]')).map(a => a.hash.slice(1)),
        heads: Array.from(document.querySelectorAll('h1,h2,h3')).map(h => +h.tagName[1]),
        bare: document.querySelectorAll('th:not([scope])').length,
        captions: Array.from(document.querySelectorAll('table')).every(t => t.caption),
        first: document.querySelector('main table caption').textContent,
        })"""
    )
    assert facts["lang"] == "en"
    assert "default-src 'none'" in facts["csp"]
    assert "unsafe" not in facts["csp"]
    assert facts["alts"]
    assert min(facts["alts"]) > 20
    assert len(facts["ids"]) == len(set(facts["ids"]))
    assert set(facts["links"]) <= set(facts["ids"])
    levels = facts["heads"]
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    assert facts["bare"] == 0
    assert facts["captions"]
    assert facts["first"] == "Pooled estimates"  # the answer comes first


def test_foreign_script_is_refused(browser: cdp.Browser, page: Path) -> None:
    browser.open(page)
    ran = browser.evaluate(
        """(() => { const s = document.createElement('script');
        s.textContent = 'window.foreign = 1'; document.body.append(s);
        return window.foreign === 1; })()"""
    )
    assert ran is False


def test_sorting_and_filtering(browser: cdp.Browser, page: Path) -> None:
    browser.open(page)
    column = "Array.from(document.querySelectorAll('#table-counts tbody tr td:nth-child(5)'))"
    values = f"{column}.map(c => +c.dataset.value)"
    click = "document.querySelectorAll('#table-counts thead button')[4].click()"
    browser.evaluate(click)
    up = browser.evaluate(values)
    assert up == sorted(up)
    assert browser.evaluate("document.querySelector('#table-counts [aria-sort]').ariaSort") == (
        "ascending"
    )
    browser.evaluate(click)
    assert browser.evaluate(values) == sorted(up, reverse=True)
    left = browser.evaluate(
        """(() => { const i = document.querySelector('#evidence .filter input');
        i.value = 'kapok-3'; i.dispatchEvent(new Event('input'));
        return Array.from(document.querySelectorAll('#table-counts tbody tr'))
          .filter(r => !r.hidden).map(r => r.textContent.includes('Kapok-3')); })()"""
    )
    assert left
    assert all(left)


def test_keyboard(browser: cdp.Browser, page: Path) -> None:
    browser.resize(1280)
    browser.open(page)
    browser.key("Tab")
    assert browser.evaluate("document.activeElement.className") == "skip"
    wanted = browser.evaluate(
        """Array.from(document.querySelectorAll(
        'a[href], summary, button, input, [tabindex="0"]'))
        .filter(e => e.checkVisibility()).length"""
    )
    seen = {"0"}
    browser.evaluate(
        "document.querySelectorAll('a[href], summary, button, input, [tabindex]')"
        ".forEach((e, i) => { e.dataset.number = i })"
    )
    for _ in range(wanted + 5):
        seen.add(str(browser.evaluate("document.activeElement.dataset.number ?? 'body'")))
        outline = browser.evaluate(
            "document.activeElement === document.body || "
            "getComputedStyle(document.activeElement).outlineStyle !== 'none' || "
            "document.activeElement.className === 'skip'"
        )
        assert outline
        browser.key("Tab")
    assert len(seen - {"body"}) == wanted
    browser.evaluate("document.querySelector('details.trail summary').focus()")
    browser.key("Enter")
    assert browser.evaluate("document.querySelector('details.trail').open") is True


def test_without_scripts(page: Path) -> None:
    with cdp.Browser(scripts=False) as browser:
        browser.open(page)
        assert browser.problems() == []
        text = browser.evaluate("document.body.innerText")
        assert contents.estimate(synthetic.outcome(9).headline).text in text
        assert browser.evaluate("document.querySelectorAll('button, input').length") == 0
        opened = browser.evaluate(
            "(() => { const d = document.querySelector('details');"
            "d.querySelector('summary').click(); return d.open; })()"
        )
        assert opened is True


def test_printing(browser: cdp.Browser, page: Path) -> None:
    browser.open(page)
    raw = browser.pdf()
    assert raw.startswith(b"%PDF")
    assert 2 < raw.count(b"/Type /Page\n") < 20
    browser.media(kind="print")
    assert browser.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    browser.resize(718)  # the text width of A4 at 96 dots an inch
    wide = "Array.from(document.querySelectorAll('table')).filter(t => t.checkVisibility())"
    edges = browser.evaluate(f"{wide}.map(t => t.getBoundingClientRect().right)")
    assert max(edges) <= 718
    browser.resize(1280)
    browser.media()


def test_hostile_page_is_quiet(browser: cdp.Browser, tmp_path: Path) -> None:
    from tests.figures.test_hostile import POISON, poison

    analysis = poison(synthetic.analysis(outcomes=(synthetic.outcome(3),)), POISON)
    files = render_all(analysis, jobs=1, word=False, excel=False)
    (tmp_path / "report.html").write_bytes(files["report.html"])
    for width in (360, 1280):
        browser.resize(width)
        browser.open(tmp_path / "report.html")
        assert browser.problems() == []
        assert browser.requests() == []
        assert browser.evaluate("document.documentElement.scrollWidth") == width


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core, fetched by npm; skips where that is not possible."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm to fetch axe-core with")
    folder = tmp_path_factory.mktemp("axe")
    try:
        subprocess.run(
            [npm, "pack", "axe-core@4", "--silent"], cwd=folder, check=True, timeout=90,
            capture_output=True,
        )  # fmt: skip
    except (subprocess.SubprocessError, OSError):
        pytest.skip("axe-core cannot be fetched")
    (archive,) = folder.glob("axe-core-*.tgz")
    with tarfile.open(archive) as packed:
        member = packed.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode()


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_serious(browser: cdp.Browser, page: Path, axe: str, dark: bool) -> None:
    browser.resize(1280)
    browser.media(dark=dark)
    browser.open(page)
    browser.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    browser.evaluate(axe + "; 1")
    found = browser.evaluate(
        "axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.map(v => "
        "({id: v.id, impact: v.impact, nodes: v.nodes.slice(0, 3).map(n => n.html)})))"
    )
    grave = [item for item in found if item["impact"] in ("serious", "critical")]
    assert grave == [], json.dumps(grave, indent=1)[:3000]
