"""What is not in a pool is said by name, and cohorts that differ between outcomes are named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from carmeta.domain.analysis import Analysis, SensitivityRow
from carmeta.domain.evidence import Excluded
from carmeta.report import caveats, contents, left_out, summary
from carmeta.report.files import render_all
from tests.figures import synthetic

OUT = (
    Excluded("lost-1", "all", "LOST-1", "orr", "no-denominator", "only a percentage is printed"),
    Excluded("draft-2", "all", "DRAFT-2", "orr", "draft", "its record is a draft"),
    Excluded("bad-3", "all", "BAD-3", "orr", "impossible", "20% of 8 patients"),
    Excluded("study-0", "early", "CYPRESS-1, early", "orr", "counted", "part", by="study-0/all"),
    Excluded("study-0", "site", "CYPRESS-1, site", "orr", "counted", "part", by="study-0/all"),
    Excluded("twin-4", "all", "TWIN-4", "orr", "overlap", "shares patients", by="study-0/all"),
    Excluded("control-5", "all", "CONTROL-5", "orr", "outside", "role comparator"),
)


@pytest.fixture(scope="module")
def run() -> Analysis:
    return synthetic.analysis(outcomes=(replace(synthetic.outcome(9), excluded=OUT),))


def test_everything_is_named_in_the_summary(run: Analysis) -> None:
    text = summary.markdown(run).decode()
    for item in OUT:
        assert item.slab in text, item.slab
    for item in OUT[:3]:
        assert item.reason in text
    (twin,) = [line for line in text.splitlines() if "TWIN-4" in line]
    assert "nothing of twin-4 is pooled" in twin
    (parts,) = [line for line in text.splitlines() if "CYPRESS-1, early" in line]
    assert "CYPRESS-1, site" in parts
    assert parts.replace("\\", "").endswith("patients counted in CYPRESS-1.")
    (control,) = [line for line in text.splitlines() if "CONTROL-5" in line]
    assert "nothing of" not in control  # nobody looks for it


def test_it_stands_beside_the_outcome_in_the_report(run: Analysis) -> None:
    page = render_all(run, word=False, excel=False, jobs=1)["report.html"].decode()
    figure = page[page.index('id="figure-forest_orr"') : page.index("</figure>")]
    for item in OUT:
        assert item.slab in figure, item.slab


def test_an_outcome_without_any_cohort_is_said_with_what_was_left_out(run: Analysis) -> None:
    gone = replace(OUT[0], outcome="vgpr", slab="LOST-5")
    empty = replace(run, config={**run.config, "outcomes": ["orr", "vgpr"]}, not_pooled=(gone,))
    text = summary.markdown(empty).decode()
    assert "Very good partial response or better" in text
    assert "LOST-5" in text


def test_cohorts_of_a_study_that_differ_between_outcomes_are_named() -> None:
    orr, cr = synthetic.outcome(9), synthetic.outcome(9, code="cr", rate=0.4)
    rows = list(cr.rows)
    (at,) = [i for i, row in enumerate(rows) if row.count.slab == "Myrtle"]
    part = replace(rows[at].count, cohort="high", slab="Myrtle, high dose", ni=16)
    rows[at] = replace(rows[at], count=part)
    same = SensitivityRow("same-cohort", "Myrtle, high dose, 13 of 16", orr.beside[0])
    orr = replace(orr, sensitivity=(*orr.sensitivity, same))
    run = synthetic.analysis(outcomes=(orr, replace(cr, rows=tuple(rows))))
    (line,) = [item for item in caveats.caveats(run) if "Myrtle, high dose (16)" in item]
    assert "ORR" in line
    assert "CR" in line
    (refit,) = [item for item in caveats.caveats(run) if "13 of 16" in item]
    assert contents.estimate(same.pooled).text in refit
    text = summary.markdown(run).decode()
    page = render_all(run, word=False, excel=False, jobs=1)["report.html"].decode()
    for shown in (text, page):
        assert "Myrtle, high dose (16)" in shown.replace("\\", "")


def test_nothing_of_a_study_is_pooled_is_said_of_what_it_is_true_for() -> None:
    """A study may be pooled for another outcome (#8.3)."""
    orr, cr = synthetic.outcome(9), synthetic.outcome(9, code="cr", rate=0.4)
    here = cr.rows[0].count
    cr = replace(
        cr,
        rows=cr.rows[1:],
        excluded=(
            Excluded(here.study, here.cohort, here.slab, "cr", "definition", "another group"),
            Excluded("lost-1", "all", "LOST-1", "cr", "no-denominator", "a percentage"),
        ),
    )
    orr = replace(
        orr,
        excluded=(Excluded("lost-1", "all", "LOST-1", "orr", "no-denominator", "a percentage"),),
    )
    run = synthetic.analysis(outcomes=(orr, cr))
    lines = {group.names: group.sentence() for group in left_out.of_run(run)}
    assert lines[here.slab,].endswith(f"another group; nothing of {here.study} is pooled for CR.")
    assert lines["LOST-1",] == "LOST-1 (ORR, CR): a percentage; nothing of lost-1 is pooled."
    beside = [group.sentence(outcomes=False) for group in left_out.of_outcome(cr)]
    assert f"{here.slab}: another group; nothing of {here.study} is pooled for CR." in beside
    page = render_all(run, word=False, excel=False, jobs=1)["report.html"].decode()
    assert f"nothing of {here.study} is pooled for CR." in page


def test_a_study_without_a_pool_of_its_outcome_may_be_pooled_for_another() -> None:
    orr = synthetic.outcome(9)
    here = orr.rows[0].count
    gone = Excluded(here.study, here.cohort, here.slab, "vgpr", "lost", "lost in the text")
    run = replace(synthetic.analysis(outcomes=(orr,)), not_pooled=(gone,))
    (line,) = [group.sentence() for group in left_out.of_run(run) if here.slab in group.names]
    assert line.endswith(f"nothing of {here.study} is pooled for ≥VGPR.")


def test_patients_are_counted_elsewhere_only_where_that_is_known() -> None:
    mate = replace(OUT[4], cohort="mate", slab="CYPRESS-1, mate", kind="overlap")
    run = synthetic.analysis(outcomes=(replace(synthetic.outcome(9), excluded=(*OUT, mate)),))
    (line,) = [x for x in summary.markdown(run).decode().splitlines() if "CYPRESS-1, mate" in x]
    assert line.replace("\\", "").endswith("may share patients with CYPRESS-1.")
