"""The table of studies shows what is printed of the cohorts that are pooled, or says why not."""

from __future__ import annotations

import pytest


def lines(analysis, study: str) -> dict[str, dict[str, str]]:
    """Cohort's label -> its characteristics."""
    return {item.slab: item.values for item in analysis.studies if item.study == study}


@pytest.mark.parametrize(
    ("study", "cohort", "why"),
    [
        # one median a dose cohort stands on the cohort that is pooled
        ("upenn-bcma", "UPenn CAR-BCMA", ("65 days", "57 days", "125 days")),
        ("evolve", "EVOLVE", ("9.3 months", "not reached")),
        # only another cohort has one
        ("crb-401", "CRB-401 (62 patients)", ("CRB-401 (first 33 patients)",)),
    ],
)
def test_a_median_of_other_patients_is_left_blank_with_the_reason(
    analysis, study: str, cohort: str, why: tuple[str, ...]
) -> None:
    run = analysis("primary")
    key = "Median follow-up" if study == "crb-401" else "Median PFS"
    assert lines(run, study)[cohort][key] == ""
    (item,) = [found for found in run.studies if found.slab == cohort]
    (reason,) = [text for text in item.blanks if text.startswith(key)]
    for part in why:
        assert part in reason


def test_a_trial_has_its_registry_numbers_and_nothing_where_the_record_has_none(analysis) -> None:
    run = analysis("primary")
    assert {values["Trial"] for values in lines(run, "karmma").values()} == {"NCT03361748"}
    both = {values["Trial"] for values in lines(run, "legend-2").values()}
    assert both == {"NCT03090659, ChiCTR-ONH-17012285"}
    assert {values["Trial"] for values in lines(analysis("salvage"), "salvage-msk-sinai").values()}\
        == {""}  # fmt: skip


def test_the_countries_of_a_study_are_shown(analysis) -> None:
    run = analysis("primary")
    assert {values["Country"] for values in lines(run, "legend-2").values()} == {"China"}


def test_a_median_of_the_pooled_cohort_is_shown(analysis) -> None:
    run = analysis("primary")
    assert lines(run, "crb-401")["CRB-401 (62 patients)"]["Median PFS"] == "8 months"
    assert lines(run, "karmma")["KarMMa"]["Median PFS"] == "8.8 months"
    (trial,) = lines(run, "karmma-3").values()
    assert trial["Median PFS"] == "13.3 months (11.8 to 16.1)"


def test_each_pooled_cohort_of_a_study_has_its_own_line_and_says_for_what(analysis) -> None:
    run = analysis("primary")
    legend = lines(run, "legend-2")
    assert set(legend) == {"LEGEND-2 (RJ, JS, CZ)", "LEGEND-2 (Xi'an)"}
    assert legend["LEGEND-2 (RJ, JS, CZ)"]["Median follow-up"].startswith("417 days")
    assert legend["LEGEND-2 (Xi'an)"]["Median follow-up"] == ""
    assert legend["LEGEND-2 (Xi'an)"]["Patients pooled"] == "57"
    for study in ("nci-bcma", "legend-2"):
        shown = {
            (slab, name)
            for slab, v in lines(run, study).items()
            for name in v["Outcomes"].split(", ")
        }
        pooled = {
            (row.count.slab, row.count.outcome)
            for outcome in run.outcomes
            for row in outcome.rows
            if row.count.study == study
        }
        assert len(shown) == len(pooled)
        assert {slab for slab, _ in shown} == {slab for slab, _ in pooled}
