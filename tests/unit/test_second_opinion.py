"""PyMARE and statsmodels repeat what a run says, and a disagreement stops it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from carmeta import influence, pool, pool_two_arm
from carmeta.api.subgroups import subgroup_counts
from carmeta.cli import main
from carmeta.domain.witness import StudyInterval, witnessing
from carmeta.errors import EstimationError
from carmeta.pooling import inverse_variance
from carmeta.pooling.exact import study_limits
from carmeta.second_opinion import SecondOpinion

X, N = [28, 52, 3, 40, 9, 5], [33, 62, 11, 57, 97, 33]
METHODS = ("EE", "DL", "PM", "REML", "ML", "HE", "HS", "SJ", "EB")


@pytest.mark.parametrize("test", ["z", "t", "knha", "adhoc"])
@pytest.mark.parametrize("method", METHODS)
def test_every_pool_by_inverse_variance_is_repeated(method: str, test: str) -> None:
    with witnessing("orr") as seen:
        pool(X, N, method=method, test=test)
        pool(X, N, measure="PFT", method=method, test=test)
        pool_two_arm(X, N, [x // 2 for x in X], N, method=method, test=test)
        subgroup_counts(X, N, ["a", "b"] * 3, model="IV", method=method, test=test)
        subgroup_counts(X, N, ["a"] * 3 + ["b"] * 3, model="IV", method=method, test=test,
                        tau2="separate")  # fmt: skip
    assert len(seen) == 6
    assert all(one.outcome == "orr" for one in seen)
    assert SecondOpinion(tuple(seen)).run() == {}


def test_every_fit_of_a_batch_is_repeated() -> None:
    with witnessing("cr") as seen:
        influence(X, N)
    assert [len(one.yi) for one in seen] == [6, *[5] * 6]
    assert SecondOpinion(tuple(seen)).run() == {}


def test_a_tau2_that_was_given_is_taken_as_it_is() -> None:
    with witnessing("cr") as seen:
        inverse_variance.fit_batch([0.1, 0.5, 0.2], [0.1] * 3, method="DL", tau2=0.7)
    assert SecondOpinion(tuple(seen)).run() == {}


def test_pools_outside_a_run_are_not_kept() -> None:
    with witnessing("orr") as seen:
        pool(X, N, model="GLMM")
    pool(X, N)
    assert seen == []


@pytest.mark.parametrize("field", ["estimates", "ses", "tau2", "tau2_limits"])
def test_a_number_that_is_off_by_little_is_an_error(field: str) -> None:
    with witnessing("orr") as seen:
        pool(X, N, method="DL")
    (one,) = seen
    value = getattr(one, field)
    wrong = value * (1 + 1e-6) if field == "tau2" else tuple(v * (1 + 1e-6) for v in value)
    with pytest.raises(EstimationError, match=r"orr, IV \(DL, adhoc\).*PyMARE") as caught:
        SecondOpinion((replace(one, **{field: wrong}),)).run()
    assert caught.value.exit_code == 3


def test_the_two_values_are_named() -> None:
    with witnessing("cr") as seen:
        pool(X, N)
    (one,) = seen
    wrong = replace(one, estimates=(0.25,))
    with pytest.raises(EstimationError, match=rf"0\.25 .* {one.estimates[0]:.6f}"):
        SecondOpinion((wrong,)).run()


@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
def test_study_intervals_are_repeated(level: float) -> None:
    x = np.array([0, 1, 5, 10, 10**6])
    n = np.array([10, 10, 10, 10, 3 * 10**6])
    low, high = study_limits(x, n, level=level)
    rows = [
        StudyInterval(
            "orr", f"study {i}", int(x[i]), int(n[i]), level, float(low[i]), float(high[i])
        )
        for i in range(x.size)
    ]
    assert SecondOpinion((), tuple(rows)).run() == {}
    wrong = replace(rows[2], ci_ub=rows[2].ci_ub + 1e-6)
    with pytest.raises(EstimationError, match=r"orr, study 2.*statsmodels"):
        SecondOpinion((), (wrong,)).run()


REVIEW = Path(__file__).parents[1] / "golden" / "review"


def run_tiny(folder: Path, jobs: str) -> int:
    return main(
        ["pool", str(REVIEW / "configs/tiny.yaml"), "--studies", str(REVIEW / "studies"),
         "--output", str(folder), "--jobs", jobs]
    )  # fmt: skip


def test_a_run_says_that_they_agree(tmp_path: Path) -> None:
    assert run_tiny(tmp_path / "run", "1") == 0
    says = json.loads((tmp_path / "run" / "manifest.json").read_bytes())["second_opinion"]
    assert "inverse-variance pools" in says
    assert says.endswith("computed again by PyMARE and statsmodels, agree")
    results = json.loads((tmp_path / "run" / "results.json").read_bytes())
    assert results["second_opinion"] == says
    assert "iv_pools" not in results
    assert says in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("jobs", [pytest.param("1", marks=pytest.mark.slow), "2"])
def test_a_run_that_they_contradict_writes_nothing(
    jobs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right = inverse_variance._mean

    def wrong(*args: object) -> object:
        mean = right(*args)  # type: ignore[arg-type]  # handed on
        return replace(mean, estimate=mean.estimate * (1 + 1e-6))

    monkeypatch.setattr(inverse_variance, "_mean", wrong)
    assert run_tiny(tmp_path / "run", jobs) == 3
    said = capsys.readouterr().err
    assert "orr, IV (REML, adhoc): the estimate is" in said
    assert "by PyMARE" in said
    assert not (tmp_path / "run").exists()
