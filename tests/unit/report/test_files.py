from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from carmeta.domain.analysis import Analysis
from carmeta.report import csvfiles, jsonfile, summary
from carmeta.report.files import render_all
from tests.figures import synthetic


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return synthetic.analysis(
        outcomes=(synthetic.outcome(9), synthetic.outcome(7, code="nt_ge3", rate=0.05))
    )


def read(raw: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(raw.decode())))


def test_columns_of_counts(analysis: Analysis) -> None:
    raw = csvfiles.all_csv(analysis)["counts.csv"].decode()
    assert raw.splitlines()[0] == (
        "study,cohort,product,outcome,xi,xi_lo,xi_hi,ni,population,grading,derivation,source,"
        "label,role,unit,flags"
    )
    assert "\r" not in raw


def test_counts_are_the_counts(analysis: Analysis) -> None:
    rows = read(csvfiles.all_csv(analysis)["counts.csv"])
    wanted = [row.count for outcome in analysis.outcomes for row in outcome.rows]
    pooled = [row for row in rows if row["role"] == "car-t"]
    assert [(int(r["xi"]), int(r["ni"]), r["label"]) for r in pooled[: len(wanted)]] == [
        (c.xi, c.ni, c.slab) for c in wanted
    ]
    karmma = next(row for row in rows if row["label"] == "Kapok")
    assert (karmma["xi_lo"], karmma["xi_hi"]) == ("119", "120")
    assert any(row["role"] == "comparator" for row in rows)  # arms of comparisons as well


def test_columns_of_pooled(analysis: Analysis) -> None:
    header = csvfiles.all_csv(analysis)["pooled.csv"].decode().splitlines()[0].split(",")
    assert header[:13] == [
        "outcome", "model", "measure", "method", "test", "k", "events", "patients", "estimate",
        "ci_lb", "ci_ub", "pi_lb", "pi_ub",
    ]  # fmt: skip
    assert set(header) >= {"tau2", "tau2_ci_lb", "i2", "q", "q_df", "q_pval", "fallbacks"}


def test_pooled_has_ten_digits(analysis: Analysis) -> None:
    row = read(csvfiles.all_csv(analysis)["pooled.csv"])[0]
    back = analysis.outcomes[0].headline.back
    assert float(row["estimate"]) == pytest.approx(back.estimate, rel=1e-9)
    assert len(row["estimate"].replace("0.", "", 1)) <= 10
    assert row["events"] == "529"


def test_pooled_rows(analysis: Analysis) -> None:
    rows = read(csvfiles.all_csv(analysis)["pooled.csv"])
    assert [row["role"] for row in rows] == ["primary", "beside"] * 2 + ["contrast"] * 3


def test_json_is_whole_and_exact(analysis: Analysis) -> None:
    document = json.loads(jsonfile.results(analysis))
    assert document["schema_version"] == 1
    head = document["outcomes"][0]["headline"]
    wanted = analysis.outcomes[0].headline
    assert head["estimate"] == wanted.estimate
    assert head["back"]["pi_ub"] == wanted.back.pi_ub
    assert document["contrasts"][0]["results"][0]["lrt"] is None  # NaN
    assert len(document["decisions"]) == len(analysis.decisions)


def test_json_says_where_infinities_are() -> None:
    counts = [synthetic.count(s, 0, n, number=i) for i, (s, n) in enumerate((("A", 9), ("B", 8)))]
    analysis = synthetic.analysis(outcomes=(synthetic.outcome(counts=counts),))
    document = json.loads(jsonfile.results(analysis))
    assert math.isinf(analysis.outcomes[0].headline.estimate)
    assert document["outcomes"][0]["headline"]["estimate"] is None
    assert document["infinite"]["outcomes[0].headline.estimate"] == "-inf"


def test_files_of_a_run(analysis: Analysis) -> None:
    names = set(render_all(analysis, jobs=1))
    for name in ("counts", "decisions", "findings", "excluded", "pooled", "sensitivity"):
        assert f"{name}.csv" in names
    for code in ("orr", "nt_ge3"):
        assert {f"forest_{code}.{end}" for end in ("svg", "pdf", "png", "csv")} <= names
        assert f"leave-one-out_{code}.svg" in names
    assert {
        "results.json", "report.html", "report.docx", "summary.md", "reproduce.R", "tables.xlsx",
        "tables.tex", "contrast_orr_or.svg", "contrast_orr_rd.pdf",
    } <= names  # fmt: skip


def test_without_figures(analysis: Analysis) -> None:
    files = render_all(analysis, figures=False, word=False, excel=False)
    assert not [name for name in files if name.endswith((".svg", ".png", ".pdf", "docx", "xlsx"))]
    assert b"<img" not in files["report.html"]


def test_helpers_do_not_change_a_byte_and_report_progress(analysis: Analysis) -> None:
    told: list[tuple[str, int, int]] = []
    alone = render_all(analysis, jobs=1)
    together = render_all(analysis, jobs=2, progress=lambda *step: told.append(step))
    assert alone == together
    assert list(together) == sorted(together)
    assert all(done <= total for _, done, total in told)
    assert told[-1][1] == told[-1][2]


def test_an_analysis_of_nothing_but_comparisons() -> None:
    analysis = synthetic.analysis(outcomes=())
    files = render_all(analysis, jobs=1)
    assert "contrast_orr_or.svg" in files
    assert "3.47 (2.24 to 5.39)" in files["summary.md"].decode()


def test_names_are_unique_and_safe() -> None:
    analysis = synthetic.analysis(
        outcomes=(synthetic.outcome(3, code="../x"), synthetic.outcome(3, code="..-x"))
    )
    names = [n for n in render_all(analysis, jobs=1) if n.startswith("forest_")]
    assert len(names) == 8
    assert all(re.fullmatch(r"[a-z0-9_.-]+", name) for name in names)
    assert not any(".." in name for name in names)


def test_summary_in_markdown(analysis: Analysis) -> None:
    shown = summary.markdown(analysis, ("ORR: 78.1 to 78.7",), "https://example.org/r").decode()
    assert "| Overall response | **80.8 (62.2 to 91.5)** | 21.9 to 98.4 | 9 | 529/649 |" in shown
    assert "- ORR: 78.1 to 78.7" in shown
    assert "[Full report](<https://example.org/r>)" in shown
    assert "1 error, 1 warning" in shown


def walk(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        for item in value.values():
            yield from walk(item)
    elif isinstance(value, list):
        for item in value:
            yield from walk(item)
    else:
        yield value


def test_json_holds_no_float_that_json_has_not(analysis: Analysis) -> None:
    values = list(walk(json.loads(jsonfile.results(analysis))))
    assert all(math.isfinite(value) for value in values if isinstance(value, float))


def test_json_tells_many_candidates_by_their_ends(analysis: Analysis) -> None:
    first = analysis.outcomes[0]
    count = replace(first.rows[0].count, candidates=range(10, 7_000_000))
    rows = (replace(first.rows[0], count=count), *first.rows[1:])
    spread = replace(analysis, outcomes=(replace(first, rows=rows),))
    document = json.loads(jsonfile.results(spread))
    told = document["outcomes"][0]["rows"][0]["count"]["candidates"]
    assert told == {"first": 10, "last": 6_999_999}
