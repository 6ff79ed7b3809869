"""Which choice in the evidence moves an estimate most."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from carmeta.domain.analysis import OutcomeAnalysis, SensitivityRow
from carmeta.pipeline.diagnostics import diagnose
from carmeta.report import contents_choices, csvfiles, summary
from carmeta.report.files import render_all
from tests.figures import synthetic

# label, kind, shift in percentage points
CHANGES = (
    ("small", "count", 0.26), ("large", "reading", -7.2), ("middle", "overlap", 3.04),
    ("none", "population", 0.0), ("tiny", "missing", -0.04), ("next", "printed", 1.0),
    ("other", "count", -2.0),
)  # fmt: skip


def changed() -> OutcomeAnalysis:
    outcome = synthetic.outcome(9)
    back = outcome.headline.back
    rows = tuple(
        SensitivityRow(
            kind,
            label,
            replace(outcome.headline, back=replace(back, estimate=back.estimate + moved / 100)),
        )
        for label, kind, moved in CHANGES
    )
    return replace(
        outcome, sensitivity=(*outcome.sensitivity, *rows), diagnostics=diagnose(outcome.rows)
    )


@pytest.fixture(scope="module")
def analysis():
    return synthetic.analysis(outcomes=(changed(),))


def shown(table) -> list[tuple[str, str]]:
    return [(line[2].text, line[4].text) for line in table.rows]


def test_the_largest_shift_comes_first(analysis) -> None:
    assert shown(contents_choices.choices(analysis)) == [
        ("large", "\u22127.2"), ("middle", "+3.0"), ("other", "\u22122.0"), ("next", "+1.0"),
        ("small", "+0.3"), ("tiny", "0.0"), ("none", "0.0"),
    ]  # fmt: skip


def test_five_are_shown_and_the_rest_follows(analysis) -> None:
    top, rest = contents_choices.top_choices(analysis), contents_choices.other_choices(analysis)
    assert len(top.rows) == 5
    assert shown(top) + shown(rest) == shown(contents_choices.choices(analysis))


def test_leaving_a_study_out_is_no_choice_in_the_evidence(analysis) -> None:
    kinds = {item.kind for item, _ in contents_choices.ranked(analysis.outcomes[0])}
    assert kinds == {kind for _, kind, _ in CHANGES}


def test_the_shift_stands_in_the_csv(analysis) -> None:
    raw = csvfiles.all_csv(analysis)["sensitivity.csv"].decode()
    rows = list(csv.DictReader(io.StringIO(raw)))
    found = {r["label"]: float(r["shift"]) for r in rows if r["kind"] != "leave-one-out"}
    for label, _, moved in CHANGES:
        assert found[label] == pytest.approx(moved / 100, abs=1e-11)


def test_one_line_an_outcome_in_the_summary(analysis) -> None:
    text = summary.markdown(analysis).decode()
    (line,) = [item for item in text.splitlines() if "of 7 shifts" in item]
    assert "\u22127.2 percentage points" in line
    assert "large" in line


def test_the_page_shows_and_the_folder_holds_them(analysis) -> None:
    files = render_all(analysis, word=False, excel=False, jobs=1)
    page = files["report.html"].decode()
    for kind in ("funnel", "baujat", "influence", "specification"):
        assert files[f"{kind}_orr.svg"].startswith(b"<?xml")
        assert files[f"{kind}_orr.csv"].startswith((b"label,", b"place,"))
        assert f"{kind}_orr.pdf" not in files
        assert f'id="figure-{kind}_orr"' in page
    assert "Influence of choices in the evidence" in page
    assert "refused below 10" in page
    visible, hidden = page.index(">middle<"), page.index(">none<")
    assert visible < page.index("Smaller shifts") < hidden


def test_without_diagnostics_there_is_only_the_curve() -> None:
    run = synthetic.analysis(outcomes=(replace(changed(), diagnostics=None),))
    files = render_all(run, word=False, excel=False, jobs=1)
    assert "specification_orr.svg" in files
    assert not [name for name in files if name.startswith(("funnel", "baujat", "influence"))]
