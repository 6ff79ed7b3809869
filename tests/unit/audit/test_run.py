from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

import carmeta.audit
from carmeta.audit import CODES, audit
from carmeta.domain.evidence import Severity
from carmeta.domain.record import Review
from carmeta.records import load_review
from tests.words import declare


def test_nothing_to_audit():
    assert audit(Review(studies=[], products={}, reports={})) == ()


def test_codes_are_well_formed():
    assert all(re.fullmatch(r"[A-Z]{3}\d{3}", code) for code in CODES)
    assert len({code.title for code in CODES.values()}) == len(CODES)
    assert {code.severity for code in CODES.values()} == set(get_args(Severity))


def test_every_code_is_made_somewhere_and_none_other():
    folder = Path(carmeta.audit.__file__).parent
    text = "".join(p.read_text("utf-8") for p in folder.glob("*.py"))
    assert set(re.findall(r'"([A-Z]{3}\d{3})"', text)) == set(CODES)


def test_every_code_is_tested():
    text = "".join(p.read_text("utf-8") for p in Path(__file__).parent.glob("test_*.py"))
    assert set(re.findall(r'"([A-Z]{3}\d{3})"', text)) >= set(CODES)


def test_every_code_is_documented():
    page = Path(carmeta.audit.__file__).parents[2] / "docs" / "audit.md"
    text = page.read_text("utf-8")
    for code in CODES.values():
        row = f"| {code.code} | {code.severity} | {code.title} | {code.meaning} |"
        assert row in text


RECORD = """id: {name}
label: {name}
trial: {{design: single-arm}}
reports:
  - {{id: {name}-2020, authors: Doe, title: T, journal: J, year: 2020}}
cohorts:
  - id: all
    label: all
    role: car-t
    proportions:
      - {{outcome: orr, population: infused, percent: "68", at: {{table: "2"}}}}
"""


def wrong(make):
    return make.cohort(
        n=8, proportions=[make.proportion(percent="20"), make.proportion("cr", count=9)]
    )


def test_findings_come_by_study_and_severity(make):
    b = make.study(wrong(make), name="b")
    a = make.study(make.cohort(toxicity=[make.toxicity("crs", {"any": 3})]), name="a")
    a["trial"] = {"design": "single-arm"}
    found = make.run(b, a)
    assert [one.study for one in found] == ["b", "b"]
    assert [one.code for one in found] == ["GRM002", "POP001"]
    assert len(set(found)) == len(found)


def test_acknowledged_findings_keep_their_reason(make):
    note = {"code": "GRM002", "cohort": "all", "subject": "orr", "reason": "as printed"}
    found = make.run(make.study(wrong(make), acknowledged=[note]))
    assert {one.code: one.acknowledged for one in found} == {
        "GRM002": "as printed", "POP001": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    "note",
    [
        {"code": "GRM001"},
        {"code": "GRM002", "subject": "cr"},
        {"code": "GRM002", "cohort": "other"},
    ],
)
def test_stale_acknowledgements(make, note):
    found = make.run(make.study(wrong(make), acknowledged=[note | {"reason": "as printed"}]))
    assert [one.code for one in found] == ["GRM002", "POP001", "ACK001"]
    assert not any(one.acknowledged for one in found)


def test_a_wide_acknowledgement_covers_all_of_its_code(make):
    cohort = make.cohort(
        n=8, proportions=[make.proportion(percent="20"), make.proportion("cr", percent="10")]
    )
    found = make.run(make.study(cohort, acknowledged=[{"code": "GRM002", "reason": "r"}]))
    assert [one.acknowledged for one in found if one.code == "GRM002"] == ["r", "r"]


def test_review_findings_can_be_acknowledged_anywhere(make):
    def one(name, scale, **fields):
        row = make.toxicity("crs", {"any": 3}, scale=scale)
        return make.study(
            make.cohort(toxicity=[row]), name=name, trial={"design": "single-arm"}
        ) | (fields)

    note = {"code": "GRD004", "reason": "a moderator"}
    found = make.run(one("a", "ctcae"), one("b", "astct", acknowledged=[note]))
    assert [(one.code, one.acknowledged) for one in found] == [("GRD004", "a moderator")]


def test_a_draft_is_told(make):
    (found,) = make.run(make.study(make.cohort(), status="draft"))
    assert (found.code, found.severity, found.path) == ("DRA001", "warning", ("status",))


def test_a_finding_about_several_studies_names_the_first(make):
    def one(name, scale):
        row = make.toxicity("crs", {"any": 3}, scale=scale)
        return make.study(make.cohort(toxicity=[row]), name=name, trial={"design": "single-arm"})

    (found,) = make.run(one("a", "ctcae"), one("b", "astct"))
    assert (found.code, found.study, found.record) == ("GRD004", "", "a")
    assert found.path == ("cohorts", 0, "toxicity", 0)
    assert "b/all" in " ".join(found.printed)


def test_every_finding_has_its_place_in_a_file(tmp_path):
    folder = declare(tmp_path) / "studies"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.yaml").write_text(RECORD.format(name=name))
    loaded = load_review(folder)
    found = audit(loaded.review, loaded.sources)
    places = [(one.code, str(one.mark).removeprefix(f"{folder.as_posix()}/")) for one in found]
    assert places == [("POP004", "a.yaml:11:9"), ("POP004", "b.yaml:11:9")]


def test_the_audit_imports_nothing_heavy():
    heavy = "{'numpy', 'scipy', 'pandas', 'statsmodels', 'pymare', 'matplotlib', 'yaml'}"
    code = f"import sys, carmeta.audit; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
