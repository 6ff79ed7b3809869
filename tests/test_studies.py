"""The records of the real studies, and the counts that the main job makes of them.

The expected counts were read from the papers a second time, independently of the records,
and typed here by hand.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from carmeta.config import load_config
from carmeta.domain.evidence import Harmonised
from carmeta.domain.record import Review
from carmeta.harmonise import harmonise
from carmeta.pipeline.sets import named
from carmeta.records import load_review
from tests.words import MYELOMA

ROOT = Path(__file__).parent.parent

# outcome -> cohort -> (events, patients, other events that the print allows)
EXPECTED = {
    "orr": {
        "nci-bcma/all-doses": (14, 24),  # 58.3% of 24, Xu 2019
        "upenn-bcma/all-cohorts": (12, 25),  # 48%
        "crb-401/update-62": (47, 62),  # 76%
        "legend-2/rj-js-cz": (15, 17),  # printed
        "legend-2/xian": (50, 57),  # 88%
        "karmma/all-doses": (93, 128, 94),  # 73%
        "cartitude-1/all": (94, 97),  # 97%
        "evolve/all-doses": (57, 62),  # 92%
        "karmma-3/ide-cel": (181, 254),  # printed, intention to treat
    },
    "cr": {
        "nci-bcma/all-doses": (2, 24),  # 13% of 16 and, at lower doses, 0%
        "upenn-bcma/all-cohorts": (2, 25),  # 8%
        "crb-401/update-62": (24, 62),  # 39%
        "legend-2/rj-js-cz": (13, 17),  # 13 sCR
        "legend-2/xian": (39, 57),  # 68%, Raje 2019 citing Zhao 2018
        "karmma/all-doses": (42, 128),  # 33%
        "cartitude-1/all": (65, 97),  # 67%
        "evolve/all-doses": (22, 62),  # 36%, rounded twice
        "karmma-3/ide-cel": (98, 254),  # printed
    },
    "crs_any": {
        "nci-bcma/high-dose": (15, 16),  # 94%
        "upenn-bcma/all-cohorts": (22, 25),  # 88%
        "crb-401/update-62": (47, 62),  # 76%
        "legend-2/rj-js-cz": (17, 17),  # all
        "karmma/all-doses": (108, 128, 107),  # 84%
        "cartitude-1/all": (92, 97),  # 95%
        "evolve/all-doses": (55, 62),  # 89%
        "karmma-3/ide-cel": (197, 225),  # printed
    },
    "crs_ge3": {
        "nci-bcma/all-doses": (6, 24),  # 6/16, Xu 2019, and 0% at lower doses
        "upenn-bcma/all-cohorts": (8, 25),  # 32%
        "crb-401/update-62": (4, 62),  # 7%, rounded twice
        "legend-2/rj-js-cz": (7, 17),  # 7/17
        "karmma/all-doses": (6, 128, 7),  # 5%
        "cartitude-1/all": (4, 97),  # 4%
        "evolve/all-doses": (2, 62),  # 3%
        "karmma-3/ide-cel": (11, 225),  # 9 of grade 3 or 4 and 2 of grade 5
    },
    "nt_any": {
        "upenn-bcma/all-cohorts": (8, 25),  # 32%
        "crb-401/update-62": (22, 62),  # 36%, rounded twice
        "karmma/all-doses": (23, 128),  # 18%
        "cartitude-1/all": (20, 97),  # 21%
        "evolve/all-doses": (8, 62),  # 13%
        "karmma-3/ide-cel": (34, 225),  # printed
    },
    "nt_ge3": {
        "upenn-bcma/all-cohorts": (3, 25),  # 12%
        "crb-401/update-62": (1, 62),  # 2%
        "karmma/all-doses": (4, 128),  # 3%
        "cartitude-1/all": (10, 97),  # 10%
        "evolve/all-doses": (2, 62),  # 3%
        "karmma-3/ide-cel": (7, 225),  # 7 of grade 3 or 4, none of grade 5
    },
}


@pytest.fixture(scope="module")
def review() -> Review:
    loaded = load_review(ROOT / "studies")
    assert [str(d) for d in loaded.diagnostics] == []
    assert loaded.review is not None
    return loaded.review


@pytest.fixture(scope="module")
def primary(review: Review) -> Harmonised:
    return harmonise(review, load_config(ROOT / "configs" / "primary.yaml", MYELOMA))


@pytest.mark.parametrize("outcome", EXPECTED)
def test_the_main_job_pools_the_counts_of_the_papers(primary: Harmonised, outcome: str) -> None:
    found = {
        c.key: (c.xi, c.ni, *(x for x in c.candidates if x != c.xi))
        for c in primary.counts
        if c.outcome == outcome
    }
    assert found == EXPECTED[outcome]


def test_every_count_names_its_printed_cell(primary: Harmonised, review: Review) -> None:
    documents = {report.id for report in review.reports.values()}
    for count in primary.counts:
        assert any(count.source.startswith(doc) for doc in documents), count.source
        decided = [
            d
            for d in primary.decisions
            if (d.study, d.cohort, d.outcome) == (count.study, count.cohort, count.outcome)
        ]
        assert any(d.result == f"{count.xi} of {count.ni}" and d.inputs for d in decided)


def test_a_trial_without_patients_numbers_is_left_out_with_its_reason(primary: Harmonised) -> None:
    out = [e for e in primary.excluded if (e.study, e.cohort) == ("crb-402", "all-doses")]
    assert {e.outcome for e in out} == set(EXPECTED)
    assert {e.kind for e in out} == {"no-denominator"}


def test_karmma_3_response_is_flagged_as_intention_to_treat(primary: Harmonised) -> None:
    flagged = {(c.study, c.outcome) for c in primary.counts if c.flags}
    assert flagged == {("karmma-3", "orr"), ("karmma-3", "cr")}


def test_printed_counts_only_uses_nothing_from_percentages(review: Review) -> None:
    config = load_config(ROOT / "configs" / "printed-counts-only.yaml", MYELOMA)
    counts = harmonise(review, config).counts
    assert {c.derivation for c in counts} == {"printed", "summed"}
    assert {c.key for c in counts if c.outcome == "orr"} == {
        "crb-401/first-33",
        "karmma-3/ide-cel",
        "legend-2/rj-js-cz",
    }


def test_individual_patients_agree_with_the_text_of_legend_2(review: Review) -> None:
    config = load_config(ROOT / "configs" / "legend2-subsets.yaml", MYELOMA)
    wanted = {
        "rj": {"orr": (5, 5), "cr": (4, 5), "crs_any": (5, 5), "crs_ge3": (3, 5)},
        "js": {"orr": (8, 9), "cr": (8, 9), "crs_any": (9, 9), "crs_ge3": (2, 9)},
        "cz": {"orr": (2, 3), "cr": (2, 3), "crs_any": (3, 3), "crs_ge3": (2, 3)},
        "three-infusions": {"orr": (7, 8)},
        "one-infusion": {"orr": (8, 9)},
        "auto-hsct": {"orr": (8, 8)},
        "no-auto-hsct": {"orr": (7, 9)},
        "extramedullary": {"orr": (4, 5)},
        "no-extramedullary": {"orr": (11, 12)},
    }
    for cohort, outcomes in wanted.items():
        one = harmonise(review, named(config, (f"legend-2/{cohort}",)))
        found = {c.outcome: (c.xi, c.ni) for c in one.counts}
        assert {k: found[k] for k in outcomes} == outcomes, cohort
