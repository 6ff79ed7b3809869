"""Whatever model a configuration may have as its headline, its run can be written up."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any, get_args

import pytest

from carmeta.config import AnalysisConfig, Sensitivity, resolved
from carmeta.domain.analysis import Analysis
from carmeta.domain.evidence import Harmonised
from carmeta.domain.measures import MEASURES
from carmeta.domain.models import MODELS
from carmeta.lineage import Lineage
from carmeta.pipeline.dependence import Trials
from carmeta.pipeline.outcome import analyse_outcome
from carmeta.report import caveats, csvfiles, summary, words
from carmeta.report.methods import Methods, answer
from carmeta.report.reproduce import script
from carmeta.vocabulary import PiMethod, SingleArmMeasure
from tests.figures import synthetic
from tests.words import MYELOMA

MODELS_OF_ONE_ARM = MODELS["one arm"]
DATA = {
    "mixed": ([3, 0, 9, 7, 2, 11], [20, 15, 30, 12, 40, 33]),
    "one": ([3], [20]),
    "two": ([3, 9], [20, 30]),
    "all-zero": ([0, 0, 0], [20, 15, 30]),
    "all-events": ([20, 15, 30], [20, 15, 30]),
    "separated": ([0, 15, 0, 12], [20, 15, 30, 12]),
    "one-patient": ([0, 1, 1, 0], [1, 1, 1, 1]),
}


def written(data: str, subgroup: bool, **options: Any) -> tuple[Analysis, str]:
    """The run of a configuration on a data set, and what its report says."""
    counts = [
        synthetic.count(f"S{i}", x, n, number=i, product=("ide-cel", "cilta-cel")[i % 2])
        for i, (x, n) in enumerate(zip(*DATA[data], strict=True))
    ]
    config = AnalysisConfig(
        name="x", title="X", outcomes=("orr",), subgroup="product" if subgroup else None,
        sensitivity=Sensitivity(
            leave_one_out=False, candidates=False, influence=False, evidence=False
        ),
        **options,
    )  # fmt: skip
    trials = Trials({item.study: item.study for item in counts}, {}, Lineage.build([]))
    outcome = analyse_outcome(config, Harmonised(tuple(counts), (), ()), trials, "orr", MYELOMA)
    assert outcome is not None
    analysis = replace(synthetic.analysis(outcomes=(outcome,)), config=resolved(config))
    methods = Methods(analysis)
    assert all(methods.references())
    text = "\n".join(content for _, content in methods.paragraphs)
    said = [*caveats.caveats(analysis), *answer(analysis)]
    said.append(words.heterogeneity(outcome.headline))
    said += [
        summary.markdown(analysis).decode(),
        *map(bytes.decode, csvfiles.all_csv(analysis).values()),
    ]
    said.append(script(analysis).decode())
    return analysis, "\n".join((text, *said))


@pytest.mark.parametrize("subgroup", [False, True])
@pytest.mark.parametrize("data", [*DATA])
@pytest.mark.parametrize("model", [*MODELS_OF_ONE_ARM])
def test_every_model_on_every_kind_of_data(model: str, data: str, subgroup: bool) -> None:
    _, text = written(data, subgroup, models=({"model": model},))
    assert "prediction interval for the proportion in a new study ()" not in text
    assert " by  " not in text


@pytest.mark.parametrize("model", [*MODELS_OF_ONE_ARM])
def test_every_choice_of_every_model(model: str) -> None:
    has = MODELS_OF_ONE_ARM[model]
    for test, i2 in product(has.tests or (None,), has.i2_methods):
        for method in has.methods or (None,):
            if method == "EE" and i2 == "tau2":
                continue
            spec = {"model": model, "method": method, "test": test}
            written("mixed", False, models=(spec,), i2_method=i2)
    for pi in has.pi_methods:
        _, text = written("mixed", False, models=({"model": model},), pi_method=pi)
        assert words._PI_WORDS[pi] in text


@pytest.mark.parametrize("data", [*DATA])
@pytest.mark.parametrize("measure", get_args(SingleArmMeasure))
def test_every_scale_on_every_kind_of_data(measure: str, data: str) -> None:
    spec = {"model": "IV", "measure": measure}
    analysis, text = written(data, True, models=(spec,), thresholds={"orr": {"value": 0.5}})
    head = analysis.outcomes[0].headline
    assert head.measure == measure
    if not words.is_exact(head):
        assert MEASURES[measure].words in text


def test_models_that_differ_in_their_scale_only_are_told_apart() -> None:
    specs = ({"model": "IV", "measure": "PFT"}, {"model": "IV"}, {"model": "IV", "measure": "PAS"})
    analysis, text = written("mixed", False, models=specs)
    outcome = analysis.outcomes[0]
    fits = (outcome.headline, *outcome.beside)
    for name in (words.model_short, words.model_long, words.pool_label):
        assert len({name(fit) for fit in fits}) == 3
    assert words.pool_label(fits[0]) == "Random effects (double arcsine, REML, HK)"
    assert words.model_short(fits[1]) == "REML, HK"  # logits are what is usual
    assert "double-arcsine transformed proportion" in text
    assert "inverse-variance model of the arcsine-transformed proportion" in text
    assert "Double arcsine, REML, HK and REML, HK differ by more than the rounding shown" in text


def test_a_prediction_interval_has_its_words() -> None:
    assert {*get_args(PiMethod), "posterior"} == {*words._PI_WORDS}


def test_a_bayesian_headline_says_what_it_believed() -> None:
    analysis, text = written("mixed", False, models=({"model": "BAYES"},))
    assert "half-normal" in text
    assert "credible interval" in text
    assert "posterior predictive" in text
    assert any("Bayesian random-effects" in item for item in Methods(analysis).references())


def test_one_patient_a_study_is_no_random_effects_model() -> None:
    analysis, text = written("one-patient", False, models=({"model": "GLMM"},))
    assert words.is_exact(analysis.outcomes[0].headline)
    assert "random-intercept" not in "\n".join(c for _, c in Methods(analysis).paragraphs)
    assert text
