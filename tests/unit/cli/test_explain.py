"""`carmeta explain`: every cell with its line, and what was dropped with its reason."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
MARK = re.compile(r"(studies/[a-z0-9-]+\.yaml):(\d+):(\d+)")


def leaves(step):
    if not step.get("steps"):
        yield step
    for one in step.get("steps", ()):
        yield from leaves(one)


def test_every_cell_has_its_line(cli, monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    ran = cli("explain", "cr", "nci-bcma", "--format", "json")
    cells = [step for step in leaves(json.loads(ran.out)) if step["kind"] == "cell"]
    assert cells
    for cell in cells:
        file, line, _ = MARK.fullmatch(cell["at"]).groups()
        assert (ROOT / file).read_text(encoding="utf-8").splitlines()[int(line) - 1].strip()
    texts = [(ROOT / "studies" / "nci-bcma.yaml").read_text(encoding="utf-8").splitlines()[
        int(MARK.fullmatch(cell["at"])[2]) - 1
    ] for cell in cells]  # fmt: skip
    assert any("≥CR (9×10⁶/kg)" in text for text in texts)
    assert any("≥CR (0.3-3×10⁶/kg)" in text for text in texts)
    assert MARK.search(cli("explain", "cr", "nci-bcma").out.replace("\n", ""))


def test_what_was_dropped_for_a_cohort_is_named(cli, monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    text = " ".join(cli("explain", "orr", "crb-401").out.split())
    assert "CRB-401 (first 33 patients)" in text
    assert "earlier report" in text


def test_a_cohort_that_was_dropped_shows_its_reason(cli, monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    for cohort, words in {
        "crb-402": "no denominator",
        "crb-401/first-33": "earlier report",
        "salvage-msk-sinai": "salvage",
        "salvage-msk-sinai/first-all": "salvage",
        "karmma-3/standard": "comparator",
    }.items():
        ran = cli("explain", "orr", cohort)
        assert ran.code == 0
        assert words in " ".join(ran.out.split())
        assert "not pooled" in ran.out


def test_an_outcome_that_is_not_pooled_shows_why(cli, golden_review: Path) -> None:
    path = golden_review / "configs" / "tiny.yaml"
    studies = golden_review / "studies"
    for record in ("alpha-1", "beta-2", "gamma-3"):
        file = studies / f"{record}.yaml"
        file.write_text(file.read_text() + "status: draft\n")
    ran = cli("pool", path)
    assert ran.code == 2
    assert "draft" in ran.err
    assert not (golden_review / "outputs").exists()


def test_a_cohort_that_reports_nothing_of_an_outcome_is_an_error(cli, monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    ran = cli("explain", "nt_any", "nowhere")
    assert (ran.code, ran.out) == (2, "")
