"""The machine-readable tables of a run: plain CSV, with the digits of `carmeta.digits`."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from carmeta.digits import difference, number_text
from carmeta.domain.evidence import Action, Derivation, Severity
from carmeta.domain.moderators import ModeratorEffect
from carmeta.domain.result import NAN
from carmeta.report.fields import (
    ANALYSIS,
    NOT_NEGATIVE,
    NUMBER,
    OUTCOME,
    PATIENTS,
    SHARE,
    SQUARED,
    WHOLE,
    Field,
    one_of,
)
from carmeta.report.text import csv_cell
from carmeta.vocabulary import ExclusionKind, Measure, Method, ModelCode, PiMethod, Test, Unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from carmeta.domain.analysis import Analysis, OutcomeAnalysis, SensitivityRow
    from carmeta.domain.evidence import Count
    from carmeta.domain.moderators import MetaRegression
    from carmeta.domain.result import Pooled

Value = str | int | float

STUDY: Final = Field("study", "id of the study: the name of its record")
COHORT: Final = Field("cohort", "id of the cohort within the study")
OUTCOME_CODE: Final = Field("outcome", "code of the outcome")
SOURCE: Final = Field("source", "the printed cells it comes from, in words, with their places")
PART: Final = Field("part", "id of the set of cohorts, where the configuration names several")

COUNTS: Final = (
    STUDY,
    COHORT,
    Field("product", "name of the product"),
    OUTCOME_CODE,
    Field("xi", "events that are pooled", WHOLE, PATIENTS, "xi_lo to xi_hi"),
    Field("xi_lo", "fewest events that the print allows", WHOLE, PATIENTS, NOT_NEGATIVE),
    Field("xi_hi", "most events that the print allows", WHOLE, PATIENTS, "up to ni"),
    Field("ni", "patients whom the events are divided by", WHOLE, PATIENTS, "1 or more"),
    Field("population", "the population that these patients are"),
    Field("grading", "scale by which an adverse event was graded; empty where none is told"),
    Field("derivation", "how the count came about", allowed=one_of(Derivation)),
    SOURCE,
    Field("label", "name of the cohort in figures and tables", of="slab"),
    Field("role", "role of the cohort in the question"),
    Field("unit", "what is counted", allowed=one_of(Unit)),
    Field("flags", "what is said beside the row, with ; between", of=lambda c: "; ".join(c.flags)),
)
DECISIONS: Final = (
    STUDY,
    COHORT,
    OUTCOME_CODE,
    Field("action", "what was done", allowed=one_of(Action)),
    Field("rule", "short name of the rule by which it was done"),
    Field(
        "inputs", "the printed cells that went in, with | between",
        of=lambda item: " | ".join(item.inputs),
    ),
    Field("result", "what came out"),
    Field("reason", "why"),
)  # fmt: skip
FINDINGS: Final = (
    Field("code", "code of the finding, which keeps its meaning"),
    Field("severity", "how serious it is", allowed=one_of(Severity)),
    STUDY,
    COHORT,
    Field("subject", "what it is about: an outcome, a category or a field"),
    Field("message", "what was seen"),
    Field("hint", "what would settle it"),
    Field(
        "printed", "the printed places side by side, with | between",
        of=lambda item: " | ".join(item.printed),
    ),
    Field("file", "the record that it is in", of=lambda item: item.mark.file if item.mark else ""),
    Field(
        "line", "line in that file", WHOLE, allowed="1 or more; 0 where it is of the whole file",
        of=lambda item: item.mark.line if item.mark else "",
    ),
    Field(
        "column", "character in that line", WHOLE,
        allowed="1 or more; 0 where it is of the whole file",
        of=lambda item: item.mark.column if item.mark else "",
    ),
    Field("acknowledged", "the reason that the record gives for it; empty where it is open"),
)  # fmt: skip
EXCLUDED: Final = (
    OUTCOME_CODE,
    STUDY,
    Field(
        "cohort", "id of the cohort, or of all cohorts left out for the one reason, with ; between",
        of=lambda item: item.cohort or "; ".join(item.cohorts),
    ),
    Field("label", "name of the cohort or study in figures and tables", of="slab"),
    Field("kind", "kind of reason", allowed=one_of(ExclusionKind)),
    Field("reason", "why it is not pooled"),
    SOURCE,
    PART,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Pool:
    """A line of pooled.csv."""

    outcome: str
    pooled: Pooled
    events: int
    patients: int
    role: str
    moderator: str = ""
    subgroup: str = ""
    part: str = ""


def _limits(
    prefix: str, path: str, unit: str, mean: str, allowed: str = ""
) -> tuple[Field, Field, Field, Field]:
    """Confidence and prediction limits of an estimate."""
    confidence, prediction = f"confidence limit of {mean}", "prediction limit for a new study"
    made = (
        Field(f"{prefix}{name}", f"{side} {what}", NUMBER, unit, allowed, of=f"{path}{name}")
        for name, side, what in (
            ("ci_lb", "lower", confidence), ("ci_ub", "upper", confidence),
            ("pi_lb", "lower", prediction), ("pi_ub", "upper", prediction),
        )
    )  # fmt: skip
    one, two, three, four = made
    return one, two, three, four


POOLED: Final = (
    OUTCOME_CODE,
    Field(
        "model", "the model; where method is exact, the counts were only summed",
        allowed=one_of(ModelCode), of="pooled.model",
    ),
    Field("measure", "scale of the analysis", allowed=one_of(Measure), of="pooled.measure"),
    Field(
        "method", "estimator of tau2; empty where the model has none",
        allowed=f"{one_of(Method)}, exact", of="pooled.method",
    ),
    Field(
        "test", "test and limits of the mean; empty where the model has none",
        allowed=f"{one_of(Test)}, CR2, exact", of="pooled.test",
    ),
    Field("k", "studies (cohorts, pairs of arms) that are pooled", WHOLE, "", NOT_NEGATIVE,
          of="pooled.k"),
    Field("events", "events behind the estimate, of both arms together", WHOLE, PATIENTS),
    Field("patients", "patients behind the estimate, of both arms together", WHOLE, PATIENTS),
    Field("estimate", "the pooled estimate", NUMBER, OUTCOME, of="pooled.back.estimate"),
    *_limits("", "pooled.back.", OUTCOME, "the estimate"),
    Field("analysis_estimate", "the mean effect", NUMBER, ANALYSIS, of="pooled.estimate"),
    Field("analysis_se", "its standard error", NUMBER, ANALYSIS, NOT_NEGATIVE, of="pooled.se"),
    Field("analysis_stat", "its test statistic against 0", NUMBER, of="pooled.stat"),
    Field("analysis_df", "degrees of freedom of that test; inf for a normal one", NUMBER, "",
          "above 0", of="pooled.df"),
    Field("analysis_p", "P value of that test", NUMBER, "", SHARE, of="pooled.p"),
    *_limits("analysis_", "pooled.", ANALYSIS, "the mean effect"),
    Field("pi_method", "how the prediction limits are made; empty where there are none",
          allowed=f"{one_of(PiMethod)}, posterior", of="pooled.pi_method"),
    Field("level", "level of all limits", NUMBER, "", SHARE, of="pooled.level"),
    Field("tau2", "variance of the true effects between studies", NUMBER, SQUARED, NOT_NEGATIVE,
          of="pooled.tau2"),
    Field("tau2_ci_lb", "lower confidence limit of tau2", NUMBER, SQUARED, NOT_NEGATIVE,
          of="pooled.tau2_ci_lb"),
    Field("tau2_ci_ub", "upper confidence limit of tau2", NUMBER, SQUARED, NOT_NEGATIVE,
          of="pooled.tau2_ci_ub"),
    Field("tau2_ci_method", "how they are made: profile likelihood, Q-profile, posterior quantiles",
          allowed="PL, QP, posterior, none", of="pooled.tau2_ci_method"),
    Field("i2", "share of the variability that is between studies, by i2_method", NUMBER,
          "percent", "0 to 100", of="pooled.i2"),
    Field("i2_method", "definition of I2 and H2: from tau2, from Q, from the likelihood ratio",
          allowed="tau2, Q, LRT", of="pooled.i2_method"),
    Field("h2", "variability over that within studies; below 1 only if from Q", NUMBER, "",
          NOT_NEGATIVE, of="pooled.h2"),
    Field("q", "Cochran's Q; empty for likelihood models", NUMBER, "", NOT_NEGATIVE,
          of="pooled.q"),
    Field("q_df", "degrees of freedom of Q", NUMBER, "", NOT_NEGATIVE, of="pooled.q_df"),
    Field("q_pval", "P value of Q", NUMBER, "", SHARE, of="pooled.q_pval"),
    Field("lrt", "likelihood-ratio statistic of homogeneity, of likelihood models", NUMBER, "",
          NOT_NEGATIVE, of="pooled.lrt"),
    Field("lrt_df", "degrees of freedom of it", NUMBER, "", NOT_NEGATIVE, of="pooled.lrt_df"),
    Field("lrt_pval", "P value of it", NUMBER, "", SHARE, of="pooled.lrt_pval"),
    Field(
        "fallbacks", "what was done otherwise than asked, as code: message, with ; between",
        of=lambda row: "; ".join(f"{item.code}: {item.message}" for item in row.pooled.fallbacks),
    ),
    Field("role", "headline model, model beside it, level of a moderator, or comparison",
          allowed="primary, beside, subgroup, contrast"),
    Field("moderator", "the moderator, of a subgroup"),
    Field("subgroup", "its level, of a subgroup"),
    PART,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Refit:
    """A line of sensitivity.csv."""

    outcome: OutcomeAnalysis
    row: SensitivityRow

    @property
    def shift(self) -> float:
        return difference(self.row.pooled.back.estimate, self.outcome.headline.back.estimate)


_OF_ROW: Final = {field.name: field for field in POOLED}
SENSITIVITY: Final = (
    replace(OUTCOME_CODE, of="outcome.outcome"),
    Field("kind", "what is varied", of="row.kind"),
    Field("label", "the variation in words", of="row.label"),
    Field("model", "model and options, e.g. IV (REML, adhoc)", of="row.pooled.label"),
    *(
        replace(_OF_ROW[name], of=f"row.{_OF_ROW[name].of}")
        for name in ("k", "estimate", "ci_lb", "ci_ub", "pi_lb", "pi_ub", "tau2", "i2")
    ),
    Field(
        "fallbacks", "codes of what was done otherwise than asked, with ; between",
        of=lambda item: "; ".join(fallback.code for fallback in item.row.pooled.fallbacks),
    ),
    replace(PART, of="outcome.part"),
    Field("shift", "the estimate less the headline estimate", NUMBER, OUTCOME),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Coefficient:
    """A line of regression.csv; of what is not fitted, the one without numbers."""

    outcome: str
    fit: MetaRegression
    effect: ModeratorEffect


_UNFITTED: Final = ModeratorEffect(NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN)
_LOGIT: Final = "log odds"
REGRESSION: Final = (
    OUTCOME_CODE,
    Field("moderator", "what the outcome is set against", of="fit.moderator"),
    Field("label", "the moderator in words", of="fit.label"),
    Field("unit", "its unit; empty where it has categories", of="fit.unit"),
    Field("category", "the category of the coefficient; empty of a number", of="effect.category"),
    Field("reference", "the category that it is set against", of="fit.reference"),
    Field("model", "the model", allowed=one_of(ModelCode), of="fit.model"),
    Field("method", "estimator of tau2", allowed=one_of(Method), of="fit.method"),
    Field("test", "test and limits of the coefficient", allowed=one_of(Test), of="fit.test"),
    Field("k", "cohorts with a value of the moderator", WHOLE, "", NOT_NEGATIVE, of="fit.k"),
    Field("estimate", "the coefficient: per unit, or against the reference", NUMBER, _LOGIT,
          of="effect.estimate"),
    Field("se", "its standard error", NUMBER, _LOGIT, NOT_NEGATIVE, of="effect.se"),
    Field("stat", "its test statistic against 0", NUMBER, of="effect.stat"),
    Field("df", "degrees of freedom of that test; inf for a normal one", NUMBER, "", "above 0",
          of="effect.df"),
    Field("p", "P value of that test", NUMBER, "", SHARE, of="effect.p"),
    Field("ci_lb", "lower confidence limit of the coefficient", NUMBER, _LOGIT, of="effect.ci_lb"),
    Field("ci_ub", "upper confidence limit of the coefficient", NUMBER, _LOGIT, of="effect.ci_ub"),
    Field("odds_ratio", "the coefficient as an odds ratio", NUMBER, "", NOT_NEGATIVE,
          of="effect.ratio"),
    Field("odds_ratio_lb", "lower confidence limit of it", NUMBER, "", NOT_NEGATIVE,
          of="effect.ratio_lb"),
    Field("odds_ratio_ub", "upper confidence limit of it", NUMBER, "", NOT_NEGATIVE,
          of="effect.ratio_ub"),
    Field("level", "level of all limits", NUMBER, "", SHARE, of="fit.level"),
    Field("omnibus", "statistic of all coefficients of the moderator, e.g. F(2, 9)",
          of=lambda row: row.fit.omnibus.name if row.fit.omnibus else ""),
    Field("omnibus_p", "P value of it", NUMBER, "", SHARE,
          of=lambda row: row.fit.omnibus.p if row.fit.omnibus else math.nan),
    Field("tau2", "residual variance between studies", NUMBER, SQUARED, NOT_NEGATIVE,
          of="fit.tau2"),
    Field("tau2_ci_lb", "lower confidence limit of it", NUMBER, SQUARED, NOT_NEGATIVE,
          of="fit.tau2_ci_lb"),
    Field("tau2_ci_ub", "upper confidence limit of it", NUMBER, SQUARED, NOT_NEGATIVE,
          of="fit.tau2_ci_ub"),
    Field("r2", "share of tau2 that the moderator accounts for", NUMBER, "percent", "0 to 100",
          of="fit.r2"),
    Field("refusal", "why nothing is fitted; empty where it is", of="fit.refusal"),
    Field("left_out", "cohorts without a value, each with the reason, with ; between",
          of=lambda row: "; ".join(row.fit.left_out)),
    Field(
        "fallbacks", "what was done otherwise than asked, as code: message, with ; between",
        of=lambda row: "; ".join(f"{item.code}: {item.message}" for item in row.fit.fallbacks),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Raw:
    """A machine-readable table: plain values below column names."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]

    @classmethod
    def of(cls, name: str, fields: Sequence[Field], items: Iterable[object]) -> Raw:
        """One row an item, one column a field."""
        rows = tuple(tuple(field.take(item) for field in fields) for item in items)
        return cls(name, tuple(field.name for field in fields), rows)


def sheet(fields: Sequence[Field], items: Iterable[object]) -> bytes:
    """A CSV file with one row an item, one column a field."""
    raw = Raw.of("", fields, items)
    return write(raw.columns, raw.rows)


def write(columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> bytes:
    """UTF-8 CSV with LF line ends; text that looks like a formula is marked as text."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(value, name) for value, name in zip(row, columns, strict=True)])
    return buffer.getvalue().encode("utf-8", "backslashreplace")


def _cell(value: Value, column: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return number_text(value, column)
    # The csv module leaves a lone carriage return unquoted, and readers break the line there.
    text = csv_cell(value.replace("\x00", "\ufffd"))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def all_csv(analysis: Analysis) -> dict[str, bytes]:
    """File name to bytes for counts, decisions, findings, excluded, pooled, sensitivity, and
    for regression where it is asked for.
    """
    return {f"{raw.name}.csv": write(raw.columns, raw.rows) for raw in all_raw(analysis)}


def all_raw(analysis: Analysis) -> list[Raw]:
    """The tables behind those files."""
    makers = [counts, decisions, findings, excluded, pooled, sensitivity]
    if any(outcome.regressions for outcome in analysis.outcomes):
        makers.append(regression)
    return [make(analysis) for make in makers]


def used_counts(analysis: Analysis) -> list[Count]:
    """Every count that entered a pool or a comparison, each once, in the order of the run."""
    found: dict[tuple[str, str, str, int, int], Count] = {}
    for item in (c for one in analysis.pools for c in one.counts):
        found.setdefault((item.study, item.cohort, item.outcome, item.xi, item.ni), item)
    return list(found.values())


def counts(analysis: Analysis) -> Raw:
    """One line a count, with everything that says where it comes from."""
    return Raw.of("counts", COUNTS, used_counts(analysis))


def decisions(analysis: Analysis) -> Raw:
    """Everything derived, chosen or dropped."""
    return Raw.of("decisions", DECISIONS, analysis.decisions)


def findings(analysis: Analysis) -> Raw:
    """What the audit saw."""
    return Raw.of("findings", FINDINGS, analysis.findings)


def excluded(analysis: Analysis) -> Raw:
    """Cohorts that report an outcome but are not in its pool."""
    return Raw.of("excluded", EXCLUDED, analysis.excluded)


def pooled(analysis: Analysis) -> Raw:
    """Every pooled estimate: primary model, models beside it, subgroups, comparisons."""
    return Raw.of("pooled", POOLED, _pools(analysis))


def _pools(analysis: Analysis) -> Iterator[_Pool]:
    for outcome in analysis.outcomes:
        code, part = outcome.outcome, outcome.part
        for item in (outcome.headline, *outcome.beside):
            role = "primary" if item is outcome.headline else "beside"
            yield _Pool(code, item, outcome.events, outcome.patients, role, part=part)
        for group in outcome.subgroups:
            if group.pooled is not None:
                events = sum(row.count.xi for row in group.rows)
                patients = sum(row.count.ni for row in group.rows)
                what = ("subgroup", group.moderator, group.level, part)
                yield _Pool(code, group.pooled, events, patients, *what)
    for contrast in analysis.contrasts:
        for item in contrast.results:
            arms = [arm for pair in contrast.used(item) for arm in pair.arms]
            events, patients = sum(arm.xi for arm in arms), sum(arm.ni for arm in arms)
            yield _Pool(contrast.outcome, item, events, patients, "contrast")


def sensitivity(analysis: Analysis) -> Raw:
    """The primary model with something varied."""
    rows = (_Refit(outcome, row) for outcome in analysis.outcomes for row in outcome.sensitivity)
    return Raw.of("sensitivity", SENSITIVITY, rows)


def regression(analysis: Analysis) -> Raw:
    """Every coefficient of a moderator, and a line for each regression that is not fitted."""
    lines = [
        line
        for outcome in analysis.outcomes
        for fit in outcome.regressions
        for line in (
            [_Coefficient(outcome.outcome, fit, effect) for effect in fit.effects]
            or [_Coefficient(outcome.outcome, fit, _UNFITTED)]
        )
    ]
    return Raw.of("regression", REGRESSION, lines)
