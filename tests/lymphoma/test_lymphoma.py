"""A review of another disease, in data alone: words of packs and of its own, invented trials."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from carmeta.config import load_config
from carmeta.domain.analysis import Analysis
from carmeta.domain.evidence import Harmonised
from carmeta.harmonise import harmonise
from carmeta.pipeline.run import run
from carmeta.records import load_review

HERE = Path(__file__).parent


@cache
def harmonised(name: str) -> Harmonised:
    loaded = load_review(HERE / "studies")
    assert loaded.review is not None
    config = load_config(HERE / "configs" / f"{name}.yaml", loaded.review.words)
    return harmonise(loaded.review, config)


@cache
def analysis(name: str) -> Analysis:
    return run(HERE / "configs" / f"{name}.yaml", studies=HERE / "studies", varied=False)


def counted(name: str, outcome: str) -> dict[str, tuple[int, int, str]]:
    counts = [count for count in harmonised(name).counts if count.outcome == outcome]
    return {f"{c.study}/{c.cohort}": (c.xi, c.ni, c.population) for c in counts}


def test_validate_has_nothing_to_say(cli, monkeypatch) -> None:
    monkeypatch.chdir(HERE)
    ran = cli("validate")
    assert (ran.code, ran.out) == (0, "")


# By hand from the records; each trial gives what it prints for the preferred population.
EXPECTED = {
    "orr": {
        "registry-g/all": (88 + 65, 209, "infused"),
        "series-h/all": (6, 8, "infused"),
        "trial-a/all": (55 + 27, 100, "mitt"),
        "trial-b/all": (50, 95, "evaluable"),
        "trial-c/all": (175, 240, "evaluable"),
        "trial-d/car-t": (149, 180, "itt"),
        "trial-e/car-t": (75, 162, "itt"),  # 46.3% of 162 fits 75 only
        "trial-f/car-t": (61 + 18, 92, "itt"),
    },
    "cr_6mo": {"trial-a/all": (38, 100, "mitt")},
    "crs_ge3": {
        "registry-g/all": (12, 209, "infused"),
        "series-h/all": (2, 8, "infused"),
        "trial-a/all": (12 + 1, 102, "infused"),
        "trial-b/all": (15 + 9 + 0, 110, "infused"),
        "trial-c/all": (105 - 99, 250, "infused"),
        "trial-d/car-t": (11, 170, "infused"),
        "trial-e/car-t": (8, 155, "infused"),
        "trial-f/car-t": (1 + 0, 90, "mitt"),
    },
    # ICANS is what a paper calls so; neurological events of any kind are another outcome.
    "icans_any": {
        "registry-g/all": (90, 209, "infused"),
        "series-h/all": (3, 8, "infused"),
        "trial-c/all": (70, 250, "infused"),
        "trial-d/car-t": (95, 170, "infused"),
        "trial-f/car-t": (11, 90, "mitt"),
    },
    "nt_any": {
        "trial-a/all": (65, 102, "infused"),
        "trial-b/all": (23, 110, "infused"),
        "trial-e/car-t": (16, 155, "infused"),
    },
    "infection_any": {
        "trial-a/all": (40, 102, "infused"),  # by its term, Infections and infestations
        "trial-b/all": (38, 110, "infused"),  # 34.5%
        "trial-d/car-t": (70, 170, "infused"),
        "trial-e/car-t": (43, 155, "infused"),
    },
    "infection_ge3": {
        "trial-a/all": (24, 102, "infused"),
        "trial-b/all": (22, 110, "infused"),  # 20.0%
        "trial-c/all": (30, 250, "infused"),
        "trial-d/car-t": (24, 170, "infused"),
        "trial-e/car-t": (10, 155, "infused"),
        "trial-f/car-t": (14, 90, "mitt"),
    },
    "second_cancer": {"trial-c/all": (6, 250, "infused")},
    "nrm": {"registry-g/all": (12, 209, "infused"), "trial-c/all": (8, 250, "infused")},
    "icu": {
        "registry-g/all": (58, 209, "infused"),
        "trial-b/all": (26, 110, "infused"),
        "trial-c/all": (19, 250, "infused"),
    },
}


@pytest.mark.parametrize("outcome", EXPECTED)
def test_counts_by_hand(outcome: str) -> None:
    assert counted("primary", outcome) == EXPECTED[outcome]


def test_other_roles_are_left_out_and_said() -> None:
    reasons = {(e.study, e.cohort): e.reason for e in harmonised("primary").excluded}
    assert "role bispecific" in reasons["trial-i", "all"]
    assert "role comparator" in reasons["trial-d", "standard"]


def test_only_the_scales_asked_for() -> None:
    assert list(counted("lee-and-penn", "crs_ge3")) == [
        "series-h/all", "trial-a/all", "trial-b/all", "trial-d/car-t", "trial-e/car-t",
        "trial-f/car-t",
    ]  # fmt: skip
    gradings = {c.study: c.grading for c in harmonised("lee-and-penn").counts}
    assert (gradings["trial-a"], gradings["trial-b"]) == ("Lee 2014", "Penn")


def test_randomised_trials_against_standard_care() -> None:
    done = analysis("second-line")
    found = {
        (one.outcome, pair.study): [(arm.xi, arm.ni) for arm in pair.arms]
        for one in done.contrasts
        for pair in one.pairs
    }
    assert found["orr", "trial-d"] == [(149, 180), (90, 179)]
    assert found["orr", "trial-e"] == [(75, 162), (68, 160)]  # 46.3% and 42.5%
    assert found["cr", "trial-f"] == [(61, 92), (36, 92)]
    assert found["infection_ge3", "trial-f"] == [(14, 90), (19, 91)]
    assert len(found) == 9


def test_age_makes_subgroups_at_the_cut_of_the_review() -> None:
    first = analysis("by-age").outcomes[0]
    levels = [sorted(row.count.study for row in level.rows) for level in first.subgroups]
    assert [level.level for level in first.subgroups] == ["age < 60 years", "age ≥ 60 years"]
    assert levels == [
        ["trial-a", "trial-b", "trial-d", "trial-e"],  # 58, 56, 58, 59.5
        ["registry-g", "series-h", "trial-c", "trial-f"],  # 66, 61, 63, 60
    ]


def test_outcomes_are_regressed_on_age() -> None:
    for outcome in analysis("by-age").outcomes:
        (fit,) = outcome.regressions
        assert (fit.unit, fit.k, fit.left_out) == ("years", len(outcome.rows), ())
        assert len(fit.effects) == 1
    (fit,) = analysis("by-age").outcomes[0].regressions
    ages = {point.slab: point.value for point in fit.points}
    assert sorted(ages.values()) == [56, 58, 58, 59.5, 60, 61, 63, 66]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["primary", "second-line"])
def test_pool_writes_a_report(cli, tmp_path: Path, monkeypatch, name: str) -> None:
    monkeypatch.chdir(HERE)
    ran = cli("pool", f"configs/{name}.yaml", "-o", tmp_path / name, "--quiet")
    assert ran.code == 0, ran.err
    report = (tmp_path / name / "report.html").read_text(encoding="utf-8")
    assert "Infection, grade ≥3" in report
