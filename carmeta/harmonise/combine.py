"""The rule families in order: read every cell, choose one reading a cohort, drop overlaps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from carmeta.domain.evidence import Count, Decision, Excluded, Harmonised, OverlapChoice, Reading
from carmeta.domain.record import Cohort, Product, Review, StudyRecord
from carmeta.harmonise.counts import Denominator
from carmeta.harmonise.mrd import negative
from carmeta.harmonise.overlap import moderators_of, non_overlapping, other_choices, parts_of_pooled
from carmeta.harmonise.patients import counted, covers_table
from carmeta.harmonise.populations import denominator, population_flag, preferred
from carmeta.harmonise.response import printed_rates, summed_categories
from carmeta.harmonise.rules import Rules
from carmeta.harmonise.toxicity import graded
from carmeta.lineage import Lineage


def harmonise(review: Review, rules: Rules) -> Harmonised:
    """Counts for every outcome that the rules ask for.

    Each count, exclusion and choice comes with a `Decision` that names the printed cells.
    """
    lineage = Lineage.build(review.studies)
    counts: list[Count] = []
    decisions: list[Decision] = []
    excluded: list[Excluded] = []
    others: list[OverlapChoice] = []
    for outcome in rules.outcomes:
        found: list[Count] = []
        before = len(excluded)
        for study, cohort in _eligible(review, rules):
            _take(review, study, cohort, outcome, rules, found, decisions, excluded)
        kept, dropped, out = non_overlapping(found, lineage, rules.overlap)
        counts += kept
        others += other_choices(found, lineage, rules.overlap)
        decisions += dropped
        excluded += out
        excluded[before:] = parts_of_pooled(excluded[before:], kept, lineage)
    return Harmonised(tuple(counts), tuple(decisions), tuple(excluded), tuple(others))


def readings(study: StudyRecord, cohort: Cohort, outcome: str, rules: Rules) -> tuple[Reading, ...]:
    """Every reading of an outcome that the record holds, the preferred first."""

    def divided_by(population: str, of: int | None) -> Denominator:
        return denominator(study, cohort, population, of)

    doc = study.default_doc
    found = [
        *printed_rates(cohort, outcome, divided_by, doc),
        *summed_categories(cohort, outcome, divided_by, doc),
        *graded(cohort, outcome, divided_by, doc),
        *negative(cohort, outcome, divided_by, doc, rules.mrd_among),
        *counted(study, cohort, outcome, _table_total(study, outcome)),
    ]
    accepted = [
        reading
        for reading in found
        if reading.derivation in rules.accept and _scale_accepted(reading, rules)
    ]
    ranked = preferred(accepted, rules.order(outcome))
    if outcome == "mrd_neg":  # among whom comes before the population
        ranked = sorted(ranked, key=lambda r: _among_rank(r, rules))
    return tuple(ranked)


def _table_total(study: StudyRecord, outcome: str) -> int | None:
    """The printed count over all patients of the study's table, where one is printed."""
    for cohort in study.cohorts:
        if not covers_table(cohort):
            continue

        def divided_by(population: str, of: int | None, whole: Cohort = cohort) -> Denominator:
            return denominator(study, whole, population, of)

        doc = study.default_doc
        for reading in (
            *printed_rates(cohort, outcome, divided_by, doc),
            *summed_categories(cohort, outcome, divided_by, doc),
        ):
            if reading.usable and reading.derivation in ("printed", "summed"):
                return reading.xi
    return None


def _among_rank(reading: Reading, rules: Rules) -> tuple[bool, int]:
    group = reading.definition.removeprefix("among ")
    return not reading.usable, rules.mrd_among.index(group)


def _scale_accepted(reading: Reading, rules: Rules) -> bool:
    if not rules.scales or not reading.outcome.startswith("crs"):
        return True
    return any(scale in reading.grading for scale in rules.scales)


def _eligible(review: Review, rules: Rules) -> Iterator[tuple[StudyRecord, Cohort]]:
    for study in sorted(review.studies, key=lambda s: s.id):
        if study.secondary and not rules.secondary:
            continue
        if rules.studies and study.id not in rules.studies:
            continue
        for cohort in study.cohorts:
            key = f"{study.id}/{cohort.id}"
            wanted = (
                cohort.role in rules.roles
                and cohort.unit in rules.units
                and (not rules.line or cohort.line == rules.line)
                and (not rules.products or cohort.product in rules.products)
                and (not rules.cohorts or key in rules.cohorts)
            )
            if wanted:
                yield study, cohort


def _take(
    review: Review,
    study: StudyRecord,
    cohort: Cohort,
    outcome: str,
    rules: Rules,
    found: list[Count],
    decisions: list[Decision],
    excluded: list[Excluded],
) -> None:
    """Choose one reading for a cohort, or note why it cannot be pooled."""
    ranked = readings(study, cohort, outcome, rules)
    allowed = [r for r in ranked if r.usable and r.population in rules.order(outcome)]
    if not allowed:
        out = _why_not(study, cohort, outcome, ranked)
        if out is not None:
            excluded.append(out)
            decisions.append(_exclusion(out))
        return
    chosen = _settle(allowed[0], rules)
    decisions.append(_derivation(study, cohort, chosen))
    others = [r for r in ranked if r is not allowed[0]]
    if others:
        decisions.append(_choice(study, cohort, chosen, others))
    flags = chosen.flags + population_flag(chosen, rules.order(outcome))
    if population_flag(chosen, rules.order(outcome)):
        decisions.append(_flagged(study, cohort, chosen, rules))
    found.append(_count(review, study, cohort, chosen, flags))


def _settle(reading: Reading, rules: Rules) -> Reading:
    """Which of several fitting counts the point estimate uses."""
    if len(reading.candidates) == 1 or rules.several == "nearest":
        return reading
    use = min if rules.several == "lowest" else max
    return replace(reading, xi=use(reading.candidates), rule=f"{rules.several}-of-several-counts")


def _count(
    review: Review, study: StudyRecord, cohort: Cohort, chosen: Reading, flags: tuple[str, ...]
) -> Count:
    assert chosen.ni is not None
    assert chosen.xi is not None
    product = review.products.get(cohort.product or "")
    return Count(
        study=study.id,
        cohort=cohort.id,
        slab=cohort.label,
        product=product.label if product else "",
        outcome=chosen.outcome,
        xi=chosen.xi,
        ni=chosen.ni,
        candidates=chosen.candidates,
        population=chosen.population,
        derivation=chosen.derivation,
        source="; ".join(chosen.cells),
        grading=chosen.grading,
        definition=chosen.definition,
        role=cohort.role,
        unit=cohort.unit,
        year=study.trial.year or 0,
        flags=flags,
        moderators=_moderators(study, cohort, product, chosen),
    )


def _moderators(
    study: StudyRecord, cohort: Cohort, product: Product | None, chosen: Reading
) -> dict[str, str]:
    return moderators_of(
        {
            "product": product.label if product else None,
            "binder": product.binder if product else None,
            "costimulation": product.costimulation if product else None,
            "phase": f"phase {study.trial.phase}" if study.trial.phase else None,
            "design": study.trial.design,
            "country": ", ".join(study.trial.countries) if study.trial.countries else None,
            "lymphodepletion": cohort.lymphodepletion,
            "dose": cohort.dose,
            "treatment-class": cohort.treatment_class,
            "population": chosen.population,
            "scale": chosen.grading or None,
            "derivation": "derived from a percentage"
            if chosen.derivation.startswith("percent")
            else "printed",
        }
    )


def _why_not(
    study: StudyRecord, cohort: Cohort, outcome: str, ranked: tuple[Reading, ...]
) -> Excluded | None:
    if not ranked:
        return None  # the cohort does not report this outcome in a way that was asked for
    first = ranked[0]
    if any(r.usable for r in ranked):
        kind, reason = "not-selected", f"reported on population '{first.population}' only"
    elif any(r.rule == "impossible-percentage" for r in ranked):
        kind = "impossible"
        reason = next(r.reason for r in ranked if r.rule == "impossible-percentage")
    else:
        kind, reason = "no-denominator", "only a percentage is printed, and no denominator"
    return Excluded(
        study=study.id,
        cohort=cohort.id,
        slab=cohort.label,
        outcome=outcome,
        kind=kind,  # type: ignore[arg-type]  # one of the literals above
        reason=reason if not cohort.note else f"{reason}. {cohort.note}",
        source="; ".join(first.cells),
    )


def _exclusion(out: Excluded) -> Decision:
    return Decision(
        study=out.study,
        cohort=out.cohort,
        outcome=out.outcome,
        action="excluded",
        rule=out.kind,
        inputs=(out.source,),
        result="not pooled",
        reason=out.reason,
    )


def _derivation(study: StudyRecord, cohort: Cohort, chosen: Reading) -> Decision:
    return Decision(
        study=study.id,
        cohort=cohort.id,
        outcome=chosen.outcome,
        action="chosen" if chosen.derivation == "printed" else "derived",
        rule=chosen.rule,
        inputs=chosen.cells,
        result=f"{chosen.xi} of {chosen.ni}",
        reason=chosen.reason,
    )


def _choice(study: StudyRecord, cohort: Cohort, chosen: Reading, others: list[Reading]) -> Decision:
    listed = tuple(f"{_shown(r)} ({r.population}; {r.cells[0]})" for r in others)
    differing = [r for r in others if r.usable and not set(r.candidates) & set(chosen.candidates)]
    same = [r for r in differing if r.population == chosen.population and r.ni == chosen.ni]
    reason = "preferred population, then stated before inferred, then printed before derived"
    if same:
        reason += f"; {len(same)} other reading(s) give another count"
    return Decision(
        study=study.id,
        cohort=cohort.id,
        outcome=chosen.outcome,
        action="chosen",
        rule="preferred-reading",
        inputs=listed,
        result=f"{_shown(chosen)} ({chosen.population}; {chosen.cells[0]})",
        reason=reason,
    )


def _shown(reading: Reading) -> str:
    if not reading.usable:
        return reading.reason
    low, high = min(reading.candidates), max(reading.candidates)
    return f"{low} of {reading.ni}" if low == high else f"{low} to {high} of {reading.ni}"


def _flagged(study: StudyRecord, cohort: Cohort, chosen: Reading, rules: Rules) -> Decision:
    wanted = rules.order(chosen.outcome)[0]
    return Decision(
        study=study.id,
        cohort=cohort.id,
        outcome=chosen.outcome,
        action="flagged",
        rule="population-preference",
        inputs=chosen.cells,
        result=f"population '{chosen.population}'",
        reason=f"not reported for the preferred population '{wanted}'",
    )
