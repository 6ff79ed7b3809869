"""The forest plot of one outcome in single arms: what stands in which row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

from carmeta.report import alt, numbers, words
from carmeta.report.bias_signs import block
from carmeta.report.canvas import Drawing, Format, save
from carmeta.report.forest_draw import draw
from carmeta.report.forest_rows import RowBuilder
from carmeta.report.forest_spec import PRESETS, WIDTHS, ForestSpec, Width, linear_axis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carmeta.domain.analysis import OutcomeAnalysis, StudyBias

__all__ = ["Drawing", "Format", "Sort", "Width", "forest", "forest_spec", "save"]

Sort = Literal["input", "estimate", "year", "weight", "label"]
T = TypeVar("T")


def forest(
    outcome: OutcomeAnalysis,
    *,
    preset: str = "default",
    width: Width = "double",
    sort: Sort = "input",
    descending: bool = False,
    scale: str = "percent",
    digits: int | None = None,
    axis: tuple[float, float] | None = None,
    benchmark: float | None = None,
    extra: Sequence[str] = (),
    by: str | None = None,
    title: str | None = None,
    bias: Sequence[StudyBias] = (),
    bias_signs: bool | None = None,
    rows_a_page: int | None = None,
) -> list[Drawing]:
    """Forest plot of one outcome; several figures where the rows need several pages.

    ``preset`` is default, jama, bmj or revman; ``width`` the journal column
    (single has fewer columns and whole percent); ``scale``
    percent, proportion or per1000 with ``digits`` decimals; ``axis`` cuts the horizontal
    axis (0..1); ``extra`` names columns among ``product``, ``population``, ``grading``,
    ``year`` and the moderators; ``by`` the moderator to group by (by default the one of the
    analysis if there is exactly one; an empty string for none). ``bias_signs`` draws the
    risk-of-bias judgements of ``bias`` (``analysis.bias``) as signs at the right edge; None:
    in the revman preset, where that is the habit. Raises ValueError for an
    option that does not exist or columns that do not fit, OutputError for a character that
    no font can draw.
    """
    spec = forest_spec(
        outcome,
        preset=preset,
        width=width,
        sort=sort,
        descending=descending,
        scale=scale,
        digits=digits,
        axis=axis,
        benchmark=benchmark,
        extra=extra,
        by=by,
        title=title,
        bias=bias,
        bias_signs=bias_signs,
    )
    return draw(spec, rows_a_page)


def forest_spec(
    outcome: OutcomeAnalysis,
    *,
    preset: str = "default",
    width: Width = "double",
    sort: Sort = "input",
    descending: bool = False,
    scale: str = "percent",
    digits: int | None = None,
    axis: tuple[float, float] | None = None,
    benchmark: float | None = None,
    extra: Sequence[str] = (),
    by: str | None = None,
    title: str | None = None,
    bias: Sequence[StudyBias] = (),
    bias_signs: bool | None = None,
) -> ForestSpec:
    """The rows, columns and notes of the figure, without drawing it."""
    style = option(PRESETS, preset, "preset")
    points = option(WIDTHS, width, "width")
    if width == "single":
        style = style.narrow()
        digits = 0 if digits is None and scale == "percent" else digits
    shown = option(numbers.SCALES, scale, "scale").with_digits(digits)
    builder = RowBuilder(outcome, style, shown, sort, descending, tuple(extra))
    rows = builder.rows(moderator(outcome, by))
    term = outcome.term
    heading = f"{term.label} ({term.definition})" if term.definition else term.label
    if outcome.part_label:
        heading += f": {outcome.part_label}"
    drawn = [value for row in rows if row.mark for value in (row.mark.ub, row.mark.estimate)]
    wanted = preset == "revman" if bias_signs is None else bias_signs
    signs = block(bias, (row.count.study for row in outcome.rows)) if wanted else None
    legend = signs.legend if signs else ()
    return ForestSpec(
        title=heading if title is None else title,
        preset=style,
        width=points,
        columns=builder.columns(),
        rows=tuple(rows),
        axis=linear_axis(drawn, shown, axis_title(term.label, shown, outcome), axis, benchmark),
        dashed=None if words.is_exact(outcome.headline) else outcome.headline.back.estimate,
        notes=(*builder.notes(benchmark), *legend),
        alt=" ".join([alt.forest(outcome), *([alt.signs(signs.signs)] if signs else [])]),
        signs=signs,
    )


def option(choices: dict[str, T], name: str, what: str) -> T:
    """The choice of that name; ValueError with the names there are."""
    if name not in choices:
        raise ValueError(f"{what} must be one of {', '.join(choices)}, not {name!r}")
    return choices[name]


def moderator(outcome: OutcomeAnalysis, by: str | None) -> str:
    """The moderator to group by, '' for none; ValueError for one that was not analysed."""
    known = list(dict.fromkeys(group.moderator for group in outcome.subgroups))
    if by is None:
        return known[0] if len(known) == 1 else ""
    if by and by not in known:
        raise ValueError(f"no subgroups by {by!r}; there are {', '.join(known) or 'none'}")
    return by


def axis_title(label: str, scale: numbers.Scale, outcome: OutcomeAnalysis) -> str:
    """What the horizontal axis measures."""
    units = {row.count.unit for row in outcome.rows}
    who = "treatments" if units == {"instances"} else "patients"
    return {
        "percent": f"{label}, % of {who}",
        "proportion": f"{label}, proportion of {who}",
        "per1000": f"{label} per 1000 {who}",
    }[scale.name]
