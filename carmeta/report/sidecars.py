"""The CSV beside each figure: every number that it draws, and the text that it shows."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Final

from carmeta.domain.moderators import FittedMean, RegressionPoint
from carmeta.report import csvfiles, numbers, words
from carmeta.report.fields import (
    FLAG,
    NOT_NEGATIVE,
    NUMBER,
    OUTCOME,
    PATIENTS,
    SHARE,
    SQUARED,
    TEXT,
    WHOLE,
    Field,
)

if TYPE_CHECKING:
    from carmeta.domain.analysis import Influence
    from carmeta.report.forest_spec import ForestSpec, Row


def _drawn(name: str, row: Row) -> csvfiles.Value:
    if row.mark is None:
        return ""
    value: csvfiles.Value = row.mark.glyph if name == "mark" else getattr(row.mark, name)
    return value


def _shown(key: str, row: Row) -> str:
    parts = row.cells[key].parts if key in row.cells else ()
    return " ".join(part for part in parts if part).replace(" / ", "/")


def _column(key: str) -> Field:
    """The text in a column of the figure; a column of the user's own has no meaning to tell."""
    name = key.removeprefix("extra:")
    meaning = f"{_SHOWN.get(name, name)}, as it is written"
    return Field(f"shown_{name}", meaning, of=partial(_shown, key))


# The columns of text in such figures.
_SHOWN: Final = {
    "events": "events",
    "total": "patients",
    "a": "events of the treatment arm",
    "n1": "patients of the treatment arm",
    "c": "events of the control arm",
    "n2": "patients of the control arm",
    "k": "cohorts pooled",
    "tau2": "tau2",
    "i2": "I2",
    "weight": "weight in percent",
    "estimate": "estimate with its limits",
}
_DRAWN: Final = (
    Field(
        "row", "what the row is", allowed="heading, study, pool, prediction, note, total", of="kind"
    ),
    Field("key", "study/cohort, what is left out, or what the pool is of"),
    Field("label", "text at the left"),
    *(
        Field(name, meaning, kind, unit, allowed, of=partial(_drawn, name))
        for name, meaning, kind, unit, allowed in (
            ("mark", "sign that is drawn", TEXT, "", "square, diamond, open-diamond, bar"),
            ("estimate", "where its middle is", NUMBER, OUTCOME, ""),
            ("lb", "where its line or diamond begins", NUMBER, OUTCOME, ""),
            ("ub", "where it ends", NUMBER, OUTCOME, ""),
            ("weight", "share of the study in the pool; empty where none is", NUMBER, "", SHARE),
        )
    ),
)
FOREST: Final = (*_DRAWN, *map(_column, ("events", "total", "weight", "estimate")))
CONTRAST: Final = (*_DRAWN, *map(_column, ("a", "n1", "c", "n2", "weight", "estimate")))
SERIES: Final = (*_DRAWN, *map(_column, ("k", "tau2", "i2", "estimate")))


def _fixed(field: Field, digits: int, item: Influence) -> str:
    return numbers.fixed(field.take(item), digits)


def _second(path: str, pair: tuple[int, object]) -> csvfiles.Value:
    value: csvfiles.Value = attrgetter(path)(pair[1])
    return value


# Of each: what it is, heading of its column in the figure, decimals shown there.
MEASURES: Final = tuple(
    (Field(name, meaning, NUMBER, unit, allowed), title, digits)
    for name, meaning, unit, allowed, title, digits in (
        ("rstudent", "deleted residual over its standard error", "", "",
         "Studentised residual", 2),
        ("dffits", "change of the fitted mean without the study, in standard errors", "", "",
         "DFFITS", 2),
        ("cook_d", "squared change of the mean over its variance", "", NOT_NEGATIVE,
         "Cook's distance", 2),
        ("cov_r", "variance of the mean without the study over that with it", "", NOT_NEGATIVE,
         "Covariance ratio", 2),
        ("tau2_del", "tau2 without the study", SQUARED, NOT_NEGATIVE,
         f"{words.TAU2} without it", 3),
        ("q_del", "Cochran's Q without the study", "", NOT_NEGATIVE, "Q without it", 1),
        ("hat", "weight of the study in the inverse-variance pool", "", SHARE,
         "Weight (hat value)", 2),
    )
)  # fmt: skip
LABEL: Final = Field("label", "name of the cohort in figures and tables", of="slab")
FUNNEL: Final = (
    replace(LABEL, of="count.slab"),
    Field("xi", "events", WHOLE, PATIENTS, NOT_NEGATIVE, of="count.xi"),
    Field("ni", "patients whom the events are divided by", WHOLE, PATIENTS, "1 or more",
          of="count.ni"),
    Field("proportion", "xi divided by ni", NUMBER, "", SHARE),
    Field("shown_patients", "ni as it is written",
          of=lambda row: numbers.count(row.count.ni)),
    Field("shown_proportion", "the proportion as it is written",
          of=lambda row: numbers.percent(row.proportion)),
)  # fmt: skip
BAUJAT: Final = (
    LABEL,
    Field("baujat_x", "contribution to heterogeneity: squared Pearson residual", NUMBER, "",
          NOT_NEGATIVE),
    Field("baujat_y", "influence: squared change of the mean over its variance without the study",
          NUMBER, "", NOT_NEGATIVE),
    Field("shown_contribution_to_heterogeneity", "baujat_x as it is written",
          of=lambda item: numbers.fixed(item.baujat_x, 2)),
    Field("shown_influence", "baujat_y as it is written",
          of=lambda item: numbers.fixed(item.baujat_y, 2)),
)  # fmt: skip
INFLUENCE: Final = (
    LABEL,
    *(field for field, _, _ in MEASURES),
    Field("influential", "notable by a rule of thumb of Viechtbauer & Cheung 2010", FLAG),
    *(
        Field(
            f"shown_{field.name}", f"{field.name} as it is written",
            of=partial(_fixed, field, digits),
        )
        for field, _, digits in MEASURES
    ),
)  # fmt: skip
SPECIFICATION: Final = (
    Field("place", "place in the order of the estimates", WHOLE, "", "1 or more",
          of=lambda pair: pair[0]),
    *(
        Field(name, meaning, kind, unit, of=partial(_second, path))
        for name, meaning, kind, unit, path in (
            ("label", "the analysis in words", TEXT, "", "label"),
            ("changed", "what differs from the primary analysis", TEXT, "", "changed"),
            ("model", "the model, short", TEXT, "", "model"),
            ("primary", "whether it is the primary analysis", FLAG, "", "drawn.primary"),
            ("estimate", "the pooled estimate", NUMBER, OUTCOME, "drawn.estimate"),
            ("lb", "lower confidence limit of it", NUMBER, OUTCOME, "drawn.lb"),
            ("ub", "upper confidence limit of it", NUMBER, OUTCOME, "drawn.ub"),
            ("shown_changed", "changed, as it is written", TEXT, "", "changed"),
            ("shown_model", "model, as it is written", TEXT, "", "model"),
            ("shown_estimate", "estimate with its limits, as it is written", TEXT, "", "shown"),
            ("shown_shift", "difference from the primary estimate, as it is written", TEXT,
             "", "shift"),
        )
    ),
)  # fmt: skip


def _mean(item: RegressionPoint | FittedMean) -> str:
    """A proportion as it is written, of the line with its limits."""
    if isinstance(item, RegressionPoint):
        return numbers.percent(item.proportion)
    return numbers.estimate(item.estimate, item.ci_lb, item.ci_ub, numbers.PERCENT)


def _has(name: str, item: object) -> csvfiles.Value:
    value: csvfiles.Value = getattr(item, name, "")
    return value


BUBBLE: Final = (
    Field("row", "a cohort, or a place on the line", allowed="study, line",
          of=lambda item: "study" if isinstance(item, RegressionPoint) else "line"),
    Field("label", "name of the cohort in figures and tables", of=partial(_has, "slab")),
    Field("value", "value of the moderator, in its unit", NUMBER),
    Field("proportion", "events divided by patients, of a cohort", NUMBER, "", SHARE,
          of=partial(_has, "proportion")),
    Field("weight", "share in the model, of a cohort; empty where there is none", NUMBER, "", SHARE,
          of=partial(_has, "weight")),
    Field("estimate", "the mean on the line", NUMBER, "", SHARE, of=partial(_has, "estimate")),
    Field("ci_lb", "lower confidence limit of it", NUMBER, "", SHARE, of=partial(_has, "ci_lb")),
    Field("ci_ub", "upper confidence limit of it", NUMBER, "", SHARE, of=partial(_has, "ci_ub")),
    Field("shown_value", "value as it is written",
          of=lambda item: numbers.plain(item.value)),
    Field("shown_proportion", "proportion or mean as it is written", of=_mean),
)  # fmt: skip
BIAS: Final = (
    Field("study", csvfiles.STUDY.meaning, of=lambda pair: pair[0].study),
    Field("label", "name of the study", of=lambda pair: pair[0].slab),
    Field("tool", "risk-of-bias tool", of=lambda pair: pair[0].tool),
    Field("item", "item of the tool", of=lambda pair: pair[1].item),
    Field("judgement", "answer; empty where it was not judged", of=lambda pair: pair[1].judgement),
    Field("support", "what the judgement rests on", of=lambda pair: pair[1].support),
    Field("place", "where that stands", of=lambda pair: pair[1].place),
)
FLOW: Final = (
    Field("what", "what is counted", of=itemgetter(0)),
    Field("which", "of which: a reason, or an outcome", of=itemgetter(1)),
    Field("number", "how many", WHOLE, allowed=NOT_NEGATIVE, of=itemgetter(2)),
)
LINEAGE: Final = (
    Field("a", "study/cohort of the one", of=itemgetter(0)),
    Field("a_label", "its name", of=itemgetter(1)),
    Field(
        "relation", "what a is to b",
        allowed="part_of, updates, partition, cover, shares_patients_with, disjoint_from",
        of=itemgetter(2),
    ),
    Field("b", "study/cohort of the other", of=itemgetter(3)),
    Field("b_label", "its name", of=itemgetter(4)),
)  # fmt: skip


def forest(spec: ForestSpec) -> bytes:
    """Every number a forest plot draws, and the text that stands beside it."""
    keys = [column.key for column in spec.columns if column.key not in ("study", "plot")]
    return csvfiles.sheet((*_DRAWN, *map(_column, keys)), spec.rows)
