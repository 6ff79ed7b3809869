"""Rows, columns and notes of a single-arm forest plot."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from carmeta.report import left_out, numbers, words
from carmeta.report.forest_spec import PLOT, Cell, Column, Mark, Preset, Row
from carmeta.report.marks import Marks

if TYPE_CHECKING:
    from carmeta.domain.analysis import OutcomeAnalysis, StudyRow, Subgroup
    from carmeta.domain.result import Pooled

_INDENT: Final = 7.0


class RowBuilder:
    """Turns an ``OutcomeAnalysis`` into the rows of its figure."""

    def __init__(
        self,
        outcome: OutcomeAnalysis,
        preset: Preset,
        scale: numbers.Scale,
        sort: str,
        descending: bool,
        extra: tuple[str, ...],
    ) -> None:
        self.outcome = outcome
        self.preset = preset
        self.scale = scale
        self.sort = sort
        self.descending = descending
        self.extra = extra
        self.keys = preset.columns
        self.marks = Marks()
        self.headline = outcome.headline
        self.moderator = ""
        if self.headline.weights_kind == "none":
            self.keys = tuple(key for key in self.keys if key != "weight")

    # -- columns --------------------------------------------------------------------------

    def columns(self) -> tuple[Column, ...]:
        """The columns in the preset's order, extra ones after the study."""
        level = numbers.level(self.headline.level)
        quantity = {
            "percent": "Rate, %",
            "proportion": "Proportion",
            "per1000": "Rate per 1000",
        }[self.scale.name]
        left, right = self.preset.interval.left, self.preset.interval.right
        known = {
            "study": Column("study", (self.preset.study_header,), "left"),
            "events": Column("events", ("Events",)),
            "total": Column("total", ("Total",)),
            "fraction": Column("fraction", ("Events/", "total"), gaps=(0.0, 0.0)),
            "weight": Column("weight", self._weight_header()),
            "estimate": Column(
                "estimate", (quantity, f"{left}{level}% CI{right}"), gaps=interval_gaps(self.preset)
            ),
            PLOT: Column(PLOT, ()),
        }
        chosen = [known[key] for key in self.keys]
        extra = [Column(f"extra:{key}", (key.capitalize(),)) for key in self.extra]
        return (chosen[0], *extra, *chosen[1:])

    def _weight_header(self) -> tuple[str, ...]:
        if self.headline.weights_kind == "information-share":
            first, second = words.weight(self.headline).capitalize().split()
            return (first, f"{second}, %")
        return ("Weight,", "%")

    # -- rows -----------------------------------------------------------------------------

    def rows(self, moderator: str) -> list[Row]:
        """All rows from the first study to the last prediction interval."""
        self.moderator = moderator
        groups = [group for group in self.outcome.subgroups if group.moderator == moderator]
        rows: list[Row] = []
        if moderator:
            for number, group in enumerate(groups):
                rows += self._group(group, number)
        else:
            rows += [self._study(row, 0.0) for row in self._sorted(self.outcome.rows)]
        return rows + self._pools()

    def _sorted(self, rows: tuple[StudyRow, ...]) -> list[StudyRow]:
        if self.sort == "input":
            return list(rows)[:: -1 if self.descending else 1]
        keys = {
            "estimate": lambda row: row.proportion,
            "year": lambda row: row.count.year,
            "weight": lambda row: -1.0 if math.isnan(row.weight) else row.weight,
            "label": lambda row: row.count.slab.casefold(),
        }
        if self.sort not in keys:
            raise ValueError(f"sort must be one of input, {', '.join(keys)}, not {self.sort!r}")
        return sorted(rows, key=keys[self.sort], reverse=self.descending)

    def _study(self, row: StudyRow, indent: float) -> Row:
        count = row.count
        cells = self._counts(count.xi, count.ni, self.marks.events(count))
        cells["estimate"] = self._estimate(row.proportion, row.ci_lb, row.ci_ub)
        cells["weight"] = Cell((numbers.weight(row.weight),))
        for key in self.extra:
            cells[f"extra:{key}"] = Cell((_extra(row, key),))
        return Row(
            "study",
            count.slab,
            self.marks.label(count),
            cells,
            Mark("square", row.proportion, row.ci_lb, row.ci_ub, row.weight),
            indent=indent,
            key=count.key,
        )

    def _group(self, group: Subgroup, number: int) -> list[Row]:
        gap = 5.0 if number else 0.0
        heading = f"{words.moderator_name(group.moderator)}: {group.label}"
        rows = [Row("heading", heading, bold=True, gap=gap, keep=True, key=group.level)]
        members = self._sorted(group.rows)
        rows += [self._study(row, _INDENT) for row in members]
        if group.pooled is None or len(members) < 2:
            return rows
        events = sum(row.count.xi for row in members)
        total = sum(row.count.ni for row in members)
        detail = words.heterogeneity_short(group.pooled)
        rows[-1] = _keep(rows[-1])
        rows.append(
            self._pool(
                group.pooled,
                "Subgroup",
                events,
                total,
                "diamond",
                f"subgroup:{group.level}",
                indent=_INDENT,
                keep=bool(detail),
            )
        )
        if detail:
            rows.append(Row("note", detail, indent=_INDENT, key=f"subgroup:{group.level}"))
        return rows

    def _pools(self) -> list[Row]:
        head = self.headline
        events, total = self._totals()
        if "single-study" in words.fallback_codes(head) and len(self.outcome.rows) == 1:
            return [Row("note", "One study: shown, not pooled.", rule=True, gap=7.0)]
        label = words.pool_label(head)
        rows = [self._pool(head, label, events, total, "diamond", "headline", rule=True, gap=7.0)]
        rows += [
            self._pool(
                other, words.pool_label(other), None, None, "open-diamond", f"beside:{index}"
            )
            for index, other in enumerate(self.outcome.beside)
        ]
        if words.is_exact(head):
            return rows
        rows = [_keep(row) for row in rows]
        return [*rows, self._prediction(head)]

    def _totals(self) -> tuple[int | None, int | None]:
        """Sums over the rows; none where the parts of a cohort do not add to its total."""
        events = self.outcome.events
        total = self.outcome.patients
        share = self.headline.back.estimate
        if words.is_exact(self.headline) and not math.isclose(events, total * share, abs_tol=1e-6):
            return None, None
        return events, total

    def _pool(
        self,
        pooled: Pooled,
        label: str,
        events: int | None,
        total: int | None,
        glyph: str,
        key: str,
        *,
        indent: float = 0.0,
        rule: bool = False,
        gap: float = 0.0,
        keep: bool = False,
    ) -> Row:
        back = pooled.back
        cells: dict[str, Cell] = {}
        if events is not None and total is not None:
            cells = self._counts(events, total, "")
        cells["estimate"] = self._estimate(back.estimate, back.ci_lb, back.ci_ub)
        if key == "headline" and pooled.weights_kind != "none":
            cells["weight"] = Cell((numbers.weight(1.0),))
        return Row(
            "pool",
            label,
            "",
            cells,
            Mark(
                "diamond" if glyph == "diamond" else "open-diamond",
                back.estimate,
                back.ci_lb,
                back.ci_ub,
            ),
            bold=key == "headline",
            indent=indent,
            rule=rule,
            gap=gap,
            keep=keep,
            key=key,
        )

    def _prediction(self, pooled: Pooled) -> Row:
        back = pooled.back
        model = words.model_short(pooled)
        label = f"{numbers.level(pooled.level)}% prediction interval"
        if self.outcome.beside:
            label += f" ({model})"
        if math.isnan(back.pi_lb) or math.isnan(back.pi_ub):
            return Row(
                "prediction",
                label,
                cells={"estimate": Cell((numbers.NOT_ESTIMABLE,))},
                key="prediction",
            )
        parts = interval_parts(back.pi_lb, back.pi_ub, self.scale, self.preset)
        return Row(
            "prediction",
            label,
            cells={"estimate": Cell(("", *parts))},
            mark=Mark("bar", back.estimate, back.pi_lb, back.pi_ub),
            key="prediction",
        )

    def _counts(self, events: int, total: int, mark: str) -> dict[str, Cell]:
        return {
            "events": Cell((numbers.count(events),), mark),
            "total": Cell((numbers.count(total),)),
            "fraction": Cell((numbers.count(events), "/", numbers.count(total)), mark),
        }

    def _estimate(self, value: float, low: float, high: float) -> Cell:
        if math.isnan(value):
            return Cell((numbers.NOT_ESTIMABLE,))
        if math.isnan(low) and math.isnan(high):
            return Cell((numbers.show(value, self.scale), "", numbers.ABSENT, "")[: self._parts()])
        parts = interval_parts(low, high, self.scale, self.preset)
        return Cell((numbers.show(value, self.scale), *parts))

    def _parts(self) -> int:
        return 1 + len(interval_parts(0.0, 1.0, self.scale, self.preset))

    # -- notes ----------------------------------------------------------------------------

    def notes(self, benchmark: float | None = None) -> list[str]:
        """Everything below the axis, most important first."""
        head = self.headline
        notes: list[str] = []
        shown = [head] if words.is_exact(head) else [head, *self.outcome.beside]
        for pooled in shown:
            line = words.heterogeneity(
                pooled, self.preset.interval, leading_zero=self.preset.leading_zero
            )
            if line:
                notes.append(f"Heterogeneity ({words.model_short(pooled)}): {line}.")
        notes += [
            words.sentence(
                words.subgroup_test(
                    test,
                    words.subgroup_name(self.outcome, test),
                    leading_zero=self.preset.leading_zero,
                )
            )
            for test in self.outcome.subgroup_tests
            if test.moderator in (self.moderator, self.outcome.part)
        ]
        notes += words.notes_of_models(shown)
        notes += [words.sentence(note) for note in self.outcome.notes]
        notes += filter(None, [left_out.missed(self.outcome)])
        notes += self._candidates()
        notes += [
            model_note(item, prediction=item is head) for item in shown if not words.is_exact(item)
        ]
        notes.append(self._square_note())
        if benchmark is not None:
            value = numbers.show(benchmark, self.scale) + self.scale.suffix
            notes.append(f"Dotted line: benchmark {value}.")
        marks = self.marks.notes()
        return [*notes, "  ".join(marks)] if marks else notes

    def _square_note(self) -> str:
        level = numbers.level(self.headline.level)
        text = f"Squares and lines: study proportions with Clopper-Pearson {level}% CI"
        weight = words.weight(self.headline)
        text += f"; area proportional to {weight}." if weight else "; squares of equal size."
        if words.is_exact(self.headline):
            return text
        what = f"{text} Diamonds: pooled estimates"
        if self.outcome.beside:
            what += " (filled, primary model; open, model beside it)"
        return what + "; dashed line: primary estimate."

    def _candidates(self) -> list[str]:
        found = self.outcome.candidates
        if found is None or found.combinations < 2:
            return []
        how = "every combination refitted" if found.exact else "bounds from all lowest, all highest"
        low, high = (
            numbers.show(found.estimate_lb, self.scale),
            numbers.show(found.estimate_ub, self.scale),
        )
        return [
            f"Over the {numbers.count(found.combinations)} combinations of counts that fit "
            + f"what is printed the primary estimate runs from {low} to {high} ({how}); "
            + f"drawn: {found.rule}."
        ]


def model_note(pooled: Pooled, *, prediction: bool) -> str:
    """A model, its interval and its prediction interval in a sentence."""
    name, model = words.model_short(pooled), words.model_long(pooled)
    if pooled.model == "GLMM":
        model = model.replace(" (GLMM)", "")
    text = model if model.startswith(name) else f"{name}: {model}"
    text = f"{text[0].upper()}{text[1:]}; CI by {words.test_long(pooled)}"
    if prediction and not math.isnan(pooled.pi_lb):
        text += f"; prediction interval by {words.pi_short(pooled)}"
    return text + "."


def interval_parts(
    low: float, high: float, scale: numbers.Scale, preset: Preset
) -> tuple[str, ...]:
    """The limits in parts that line up below each other."""
    style = preset.interval
    first, second = numbers.show(low, scale), numbers.show(high, scale)
    if style == numbers.TO:
        return (style.left + first, style.between.strip(), second + style.right)
    return (style.left + first + style.between.strip(), second + style.right)


def interval_gaps(preset: Preset) -> tuple[float, ...]:
    """White between those parts and the estimate, in widths of a space."""
    if preset.interval == numbers.TO:
        return (1.4, 1.0, 1.0)
    return (1.4, 0.0) if preset.interval == numbers.DASH else (1.4, 1.0)


def _extra(row: StudyRow, key: str) -> str:
    count = row.count
    known = {
        "product": count.product,
        "population": count.population_label,
        "grading": count.grading,
        "year": str(count.year) if count.year else numbers.ABSENT,
    }
    return known.get(key, count.moderators.get(key, "")) or numbers.ABSENT


def _keep(row: Row) -> Row:
    return replace(row, keep=True)
