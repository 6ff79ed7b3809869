"""Meta-regressions in words and as a table."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from carmeta.domain.words.terms import PERCENT
from carmeta.report import contents, numbers, words
from carmeta.report.tables import Column, Table, row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carmeta.domain.analysis import Analysis, OutcomeAnalysis
    from carmeta.domain.moderators import MetaRegression, ModeratorEffect

HEADING: Final = "Meta-regression"
# How far it may be read; Thompson and Higgins 2002 in the methods.
CAUTION: Final = (
    "The values are averages of cohorts: an association between cohorts need not hold between "
    "patients. With fewer than ten cohorts a moderator, and with several moderators or outcomes, "
    "chance alone gives an association easily."
)


def axis(fit: MetaRegression) -> str:
    """The moderator with its unit: ``Median age, years``."""
    unit = "%" if fit.unit == PERCENT else fit.unit
    return f"{fit.label}, {unit}" if unit else fit.label


def inside(fit: MetaRegression) -> str:
    """The moderator within a sentence: ``median age``, and an abbreviation as it is."""
    first, second = fit.label[:1], fit.label[1:2]
    return first.lower() + fit.label[1:] if second.islower() else fit.label


def per(fit: MetaRegression) -> str:
    """``odds ratio per unit 0.98 (95% CI 0.95 to 1.01), P = 0.20`` of a number."""
    (slope,) = fit.effects
    step = "percentage point" if fit.unit == PERCENT else "unit"
    shown = ratio(slope).replace("(", f"({numbers.level(fit.level)}% CI ")
    return f"odds ratio per {step} {shown}, P {numbers.p_value(slope.p)}"


def ratio(effect: ModeratorEffect) -> str:
    """``1.05 (0.98 to 1.12)``, with the decimals that it needs."""
    scale = numbers.ratio_scale(effect.ratio_lb, effect.ratio_ub)
    return numbers.estimate(effect.ratio, effect.ratio_lb, effect.ratio_ub, scale)


def sentences(outcome: OutcomeAnalysis) -> list[str]:
    """One a moderator: what was found, or why nothing was fitted, and who is left out."""
    return [sentence(fit) for fit in outcome.regressions]


def sentence(fit: MetaRegression) -> str:
    """``Median age, years: odds ratio per unit 1.05 (...), P = 0.12; k = 7, ...``."""
    parts = [_found(fit) if fit.effects else f"not fitted: {fit.refusal}"]
    parts += [item.message for item in fit.fallbacks]
    if fit.left_out:
        parts.append(f"without {', '.join(fit.left_out)}")
    return words.sentence(f"{axis(fit)}: {'; '.join(parts)}")


def _found(fit: MetaRegression) -> str:
    if fit.unit:
        text = per(fit)
    else:
        odds = ", ".join(f"{effect.category} {ratio(effect)}" for effect in fit.effects)
        level = f"{numbers.level(fit.level)}% CI"
        text = f"odds ratio ({level}) against {fit.reference}: {odds}"
        if fit.omnibus is not None:
            name = fit.omnibus.name.replace("chi2", "\u03c7\u00b2")
            stat = numbers.statistic(fit.omnibus.stat)
            text += f"; {name} = {stat}, P {numbers.p_value(fit.omnibus.p)}"
    return f"{text}; k = {fit.k}, {_left(fit)}"


def _left(fit: MetaRegression) -> str:
    explained = "" if math.isnan(fit.r2) else f"R\u00b2 = {numbers.i_squared(fit.r2)}, "
    return f"{explained}residual {words.TAU2} = {numbers.variance(fit.tau2)}".replace("= <", "< ")


def regressions(analysis: Analysis) -> Table:
    """Every coefficient; moderators without a fit say why."""
    columns = (
        Column("Outcome"),
        Column("Moderator"),
        Column("Compared", wide=True),
        Column("Cohorts", "right"),
        Column("Coefficient (log odds)", "right"),
        Column("Odds ratio (CI)", "right"),
        Column("P", "right"),
        Column("R\u00b2", "right"),
        Column(f"Residual {words.TAU2} (CI)", "right"),
    )
    rows = []
    notes: dict[str, None] = {}
    for outcome in analysis.outcomes:
        name = contents.outcome_name(outcome)
        for fit in outcome.regressions:
            rows += [row(name, axis(fit), *cells) for cells in _cells(fit)]
            said = [f"without {', '.join(fit.left_out)}"] if fit.left_out else []
            said += [item.message for item in fit.fallbacks]
            notes |= {words.sentence(f"{name}, {fit.label}: {text}"): None for text in said}
    return Table("regression", HEADING, columns, tuple(rows), tuple(notes))


def _cells(fit: MetaRegression) -> Iterator[tuple[str | int, ...]]:
    absent = (numbers.ABSENT,) * 5
    if not fit.effects:
        yield f"not fitted: {fit.refusal}", fit.k, *absent
    for effect in fit.effects:
        compared = f"{effect.category} against {fit.reference}" if effect.category else "per unit"
        residual = numbers.variance(fit.tau2)
        if not math.isnan(fit.tau2_ci_ub):
            limits = numbers.variance_interval(fit.tau2_ci_lb, fit.tau2_ci_ub)
            residual += f" ({limits})"
        yield (
            compared, fit.k, numbers.plain(effect.estimate), ratio(effect),
            numbers.p_value(effect.p).removeprefix("= "), numbers.i_squared(fit.r2), residual,
        )  # fmt: skip


def of_run(analysis: Analysis) -> list[str]:
    """Every sentence with its outcome."""
    return [
        f"{contents.outcome_name(outcome)}. {text}"
        for outcome in analysis.outcomes
        for text in sentences(outcome)
    ]
