"""Models, tests and flags in the words that figures, tables and the methods section use."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from carmeta.domain.measures import MEASURES, ONE_ARM
from carmeta.report import numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carmeta.domain.analysis import OutcomeAnalysis
    from carmeta.domain.result import Pooled, SubgroupTest

_TESTS_SHORT: Final = {"knha": "HK", "adhoc": "HK"}
# What a study's share in the pool is called: weight, or for a likelihood, which has no weights,
# its share of the information about the mean.
_WEIGHTS: Final = {
    "inverse-variance": "inverse-variance weight",
    "information-share": "information share",
    "mantel-haenszel": "Mantel-Haenszel weight",
}
_PI_WORDS: Final = {
    "V": "t distribution with k \u2212 1 degrees of freedom",
    "HTS": "t distribution with k \u2212 2 degrees of freedom",
    "bootstrap": "parametric bootstrap",
    "posterior": "posterior predictive distribution",
}
_LRT: Final = "likelihood-ratio \u03c7\u00b2"
_I2_WORDS: Final = {"tau2": "from \u03c4\u00b2", "Q": "from Q", "LRT": f"from the {_LRT}"}
_TAU2_CI_WORDS: Final = {
    "none": "",
    "PL": "profile likelihood",
    "QP": "Q-profile",
    "posterior": "posterior quantiles",
}
# Where nothing is pooled at random: the sum of all patients stands for the studies.
_SUMMED: Final = frozenset({"all-zero", "all-events", "one-patient-studies"})
DERIVATION_WORDS: Final[dict[str, str]] = {
    "printed": "count printed in the paper",
    "summed": "sum of printed counts",
    "patients": "counted over individual patients",
    "percent": "the only count that fits the printed percentage",
    "percent-several": "one of several counts that fit the printed percentage",
}
_VARIATIONS: Final[dict[str, str]] = {
    "leave-one-out": "one study left out",
    "cumulative": "one study added at a time",
    "report": "another report of the same cohort",
    "overlap": "other cohorts of the same patients",
    "candidates": "other counts that fit the percentages",
    "count": "other counts that fit the percentages",
    "printed": "only counts that stand in the papers",
    "reading": "other readings of ambiguous cells",
    "population": "other denominators",
    "inferred": "without numbers in inferred columns",
    "missing": "patients who were not assessable counted",
    "same-cohort": "the same cohort in every outcome",
    "cluster": "cohorts of one trial taken as alike",
    "one-row": "cohorts of one trial added up",
}
BESIDE: Final = ("cluster", "one-row", "same-cohort")  # what is shown next to the headline
TAU2: Final = "\u03c4\u00b2"
I2: Final = "I\u00b2"


def measure(code: str) -> str:
    """A measure in words; a code that is none speaks for itself."""
    return MEASURES[code].words if code in MEASURES else code


def short_name(outcome: OutcomeAnalysis) -> str:
    """The outcome as a column calls it, with the set of cohorts where a run has several."""
    return short_of(outcome.term.short, outcome.part_label)


def short_of(short: str, part_label: str) -> str:
    """An outcome as a column calls it, with the label of the set of cohorts if there is one."""
    return f"{part_label}: {short}" if part_label else short


def variation(kind: str) -> str:
    """What a sensitivity analysis varies."""
    return _VARIATIONS.get(kind, kind.replace("-", " "))


def fallback_codes(pooled: Pooled) -> frozenset[str]:
    """The codes of what was done instead of what was asked."""
    return frozenset(item.code for item in pooled.fallbacks)


def is_exact(pooled: Pooled) -> bool:
    """Whether no random-effects model stands behind the estimate."""
    return bool(fallback_codes(pooled) & {"single-study", *_SUMMED})


def model_short(pooled: Pooled) -> str:
    """The model for a table column, e.g. ``GLMM``, ``REML, HK`` or ``arcsine, DL, z``."""
    codes = fallback_codes(pooled)
    if "single-study" in codes:
        return "single study"
    if codes & _SUMMED:
        return "exact, pooled"
    if pooled.model == "GLMM":
        return "GLMM" if pooled.test in ("t", "") else f"GLMM, {_test_short(pooled)}"
    names = {"BB": "beta-binomial", "MH": "Mantel-Haenszel", "PETO": "Peto", "BAYES": "Bayesian"}
    parts = [_scale_short(pooled), names.get(pooled.model, pooled.model)]
    if pooled.model == "IV":
        parts[1:] = [pooled.method, _test_short(pooled)]
    return ", ".join(part for part in parts if part)


def _scale_short(pooled: Pooled) -> str:
    """The scale of a proportion, where it is not the usual one; tables name that of two arms."""
    other = pooled.measure in ONE_ARM and pooled.measure != "PLO"
    return MEASURES[pooled.measure].short if other else ""


def _test_short(pooled: Pooled) -> str:
    return _TESTS_SHORT.get(pooled.test, pooled.test)


def pool_label(pooled: Pooled) -> str:
    """The label of a diamond's row."""
    codes = fallback_codes(pooled)
    if "single-study" in codes:
        return "All patients, exact interval"
    if codes & _SUMMED:
        return "Exact pool (homogeneity assumed)"
    if pooled.model == "IV" and pooled.method == "EE":
        parts = (_scale_short(pooled), "inverse variance")
        return f"Common effect ({', '.join(part for part in parts if part)})"
    if pooled.model in ("MH", "PETO"):
        return f"Common effect ({model_short(pooled)})"
    if pooled.model == "BB":
        return "Beta-binomial"
    return f"Random effects ({model_short(pooled)})"


def model_long(pooled: Pooled) -> str:
    """The model in the words of a methods section, without its interval."""
    codes = fallback_codes(pooled)
    if "single-study" in codes:
        return "no pool: one study, its exact (Clopper-Pearson) interval"
    if codes & _SUMMED:
        return "pooled exact (Clopper-Pearson) interval, which assumes homogeneity"
    if pooled.model == "GLMM":
        return "binomial-normal random-intercept logistic model (GLMM), maximum likelihood"
    if pooled.model == "IV":
        scale = MEASURES[pooled.measure].short
        return f"inverse variance on the {scale} scale, {TAU2} by {pooled.method_words}"
    names = {
        "BB": "beta-binomial model, maximum likelihood",
        "MH": "Mantel-Haenszel",
        "PETO": "Peto one-step",
        "BAYES": "Bayesian random-effects model",
    }
    return names.get(pooled.model, pooled.model)


def test_long(pooled: Pooled) -> str:
    """How the confidence interval of the mean was made."""
    if is_exact(pooled):
        return "Clopper-Pearson"
    if pooled.bayes is not None:
        return "equal-tailed posterior quantiles"
    df = "" if math.isinf(pooled.df) else f" with {numbers.degrees(pooled.df)} df"
    return {
        "z": "Wald z",
        "t": f"Wald t{df}",
        "knha": f"Hartung-Knapp t{df}",
        "adhoc": f"Hartung-Knapp t{df}, ad hoc floor max(1, q)",
        "profile": "profile likelihood",
        "CR2": f"cluster-robust (CR2) t{df}",
    }.get(pooled.test, pooled.test or "as the model gives it")


def pi_long(pooled: Pooled) -> str:
    """How the prediction interval was made."""
    return _PI_WORDS.get(pooled.pi_method, pooled.pi_method)


def pi_short(pooled: Pooled) -> str:
    """How the prediction interval was made, in few words."""
    off = {"V": 1, "HTS": 2}.get(pooled.pi_method)
    return f"t with {pooled.k - off} df" if off else pi_long(pooled)


def weight(pooled: Pooled) -> str:
    """What the studies' weights of a fit are; empty where it has none."""
    return _WEIGHTS.get(pooled.weights_kind, "")


def i2_definition(pooled: Pooled) -> str:
    """Which definition of I2 was used, e.g. ``from tau2``."""
    return _I2_WORDS.get(pooled.i2_method, pooled.i2_method)


def tau2_ci_method(pooled: Pooled) -> str:
    """How the confidence interval of tau2 was made."""
    return _TAU2_CI_WORDS.get(pooled.tau2_ci_method, pooled.tau2_ci_method)


def heterogeneity(
    pooled: Pooled, style: numbers.IntervalStyle = numbers.TO, *, leading_zero: bool = True
) -> str:
    """``tau2 = 0.41 (95% CI 0.02 to 1.9, Q-profile); I2 = 72% (from tau2); Q = ..., P = ...``.

    Only what exists for the fit; empty for a single study.
    """
    parts = []
    if not math.isnan(pooled.tau2):
        text = f"{TAU2} = {numbers.variance(pooled.tau2)}".replace("= <", "< ")
        if not (math.isnan(pooled.tau2_ci_lb) and math.isnan(pooled.tau2_ci_ub)):
            limits = numbers.variance_interval(pooled.tau2_ci_lb, pooled.tau2_ci_ub, style)
            how = tau2_ci_method(pooled)
            inside = f"{numbers.level(pooled.level)}% CI {limits}" + (f", {how}" if how else "")
            text += f" ({inside})"
        parts.append(text)
    if not math.isnan(pooled.i2):
        definition = i2_definition(pooled)
        parts.append(
            f"{I2} = {numbers.i_squared(pooled.i2)}" + (f" ({definition})" if definition else "")
        )
    for name, stat, df, p_value in (
        ("Q", pooled.q, pooled.q_df, pooled.q_pval),
        (_LRT, pooled.lrt, pooled.lrt_df, pooled.lrt_pval),
    ):
        if not math.isnan(stat):
            p = numbers.p_value(p_value, leading_zero=leading_zero)
            parts.append(f"{name} = {numbers.statistic(stat)}, df = {df:g}, P {p}")
    return "; ".join(parts)


def heterogeneity_short(pooled: Pooled) -> str:
    """tau2 and I2 without intervals, for a subgroup's own line."""
    parts = []
    if not math.isnan(pooled.tau2):
        parts.append(f"{TAU2} = {numbers.variance(pooled.tau2)}".replace("= <", "< "))
    if not math.isnan(pooled.i2):
        parts.append(f"{I2} = {numbers.i_squared(pooled.i2)}")
    return ", ".join(parts)


def subgroup_test(test: SubgroupTest, name: str = "", *, leading_zero: bool = True) -> str:
    """``Difference between subgroups (product): F(3, 5) = 2.10, P = 0.22 (common tau2)``.

    ``name`` stands for the moderator where its id is not meant for readers.
    """
    p = numbers.p_value(test.p, leading_zero=leading_zero)
    statistic = test.name.replace("chi2", "\u03c7\u00b2")
    if not math.isnan(test.stat):
        statistic += f" = {numbers.statistic(test.stat)}"
    how = {"exact": "exact test", "likelihood ratio": "likelihood ratio"}.get(
        test.kind, f"{test.tau2} {TAU2}"
    )
    text = f"Difference between subgroups ({name or test.moderator}): {statistic}, P {p} ({how})"
    return "; ".join((text, *(item.message for item in test.fallbacks)))


def subgroup_tests(outcome: OutcomeAnalysis) -> list[str]:
    """Every test between subgroups of an outcome as a sentence."""
    return [
        sentence(subgroup_test(test, subgroup_name(outcome, test)))
        for test in outcome.subgroup_tests
    ]


def thresholds(outcome: OutcomeAnalysis, label: str) -> list[str]:
    """How likely a new cohort lies beyond each threshold, one sentence each."""
    return [
        f"The probability that a new cohort lies {item.direction} "
        f"{numbers.percent(item.threshold)} is {_chance(item.probability)} ({label})."
        for item in outcome.beyond
    ]


def _chance(probability: float) -> str:
    return numbers.NOT_ESTIMABLE if math.isnan(probability) else numbers.percent(probability)


def moderator_name(moderator: str) -> str:
    """The moderator's id as a word: ``one-word`` is ``One word``."""
    plain = moderator.replace("-", " ").replace("_", " ")
    return plain[:1].upper() + plain[1:]


def subgroup_name(outcome: OutcomeAnalysis, test: SubgroupTest) -> str:
    """What a test's subgroups are called."""
    if outcome.part and test.moderator == outcome.part:
        return outcome.part_label
    return moderator_name(test.moderator).lower()


def fallback_sentences(pooled: Pooled) -> list[str]:
    """Every declared fallback and caution as a sentence."""
    return [sentence(item.message) for item in (*pooled.fallbacks, *pooled.cautions)]


def notes_of_models(fits: Sequence[Pooled]) -> list[str]:
    """Fallbacks and cautions of the first, and those that another has alone with its name."""
    notes: dict[str, str] = {}
    for fit in fits:
        name = "" if fit is fits[0] else f"{model_short(fit)}: "
        for item in (*fit.fallbacks, *fit.cautions):
            notes.setdefault(item.message, sentence(f"{name}{item.message}"))
    return list(notes.values())


def sentence(text: str) -> str:
    """Text with a capital at the start and a full stop at the end."""
    text = text.strip()
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")
