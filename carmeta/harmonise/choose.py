"""One reading a cohort: every reading ranked, the first one taken, the others accounted for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from carmeta.domain.evidence import Count, Decision, Excluded, Reading
from carmeta.domain.record import Cohort, Product, Review, StudyRecord
from carmeta.harmonise.counts import Denominator
from carmeta.harmonise.mrd import negative
from carmeta.harmonise.patients import counted, covers_table
from carmeta.harmonise.populations import denominator, population_flag, preferred
from carmeta.harmonise.response import printed_rates, summed_categories
from carmeta.harmonise.rules import Rules
from carmeta.harmonise.toxicity import graded
from carmeta.vocabulary import SCALE_LABELS


@dataclass(frozen=True, slots=True)
class Choice:
    """What became of one cohort for one outcome."""

    count: Count | None
    others: tuple[Count, ...]  # usable readings that give another count or population
    decisions: tuple[Decision, ...]
    excluded: Excluded | None


def choose(
    review: Review, study: StudyRecord, cohort: Cohort, outcome: str, rules: Rules
) -> Choice | None:
    """Choose one reading, or say why the cohort cannot be pooled; None if it reports nothing."""
    ranked = readings(study, cohort, outcome, rules)
    order = rules.order(outcome)
    allowed = [r for r in ranked if r.usable and r.population in order]
    if not allowed:
        out = _why_not(study, cohort, outcome, ranked, rules)
        return Choice(None, (), (_exclusion(out),), out) if out else None
    chosen = _settle(allowed[0], rules)
    decisions = [_derivation(study, cohort, chosen)]
    rest = [r for r in ranked if r is not allowed[0]]
    if rest:
        decisions.append(_preference(study, cohort, chosen, rest))
    flag = population_flag(chosen, order)
    if flag:
        decisions.append(_flagged(study, cohort, chosen, order[0]))
    count = _count(review, study, cohort, chosen, chosen.flags + flag)
    others = tuple(
        _count(review, study, cohort, r, r.flags)
        for r in rest
        if r.usable and (r.ni != chosen.ni or not set(r.candidates) & set(chosen.candidates))
    )
    return Choice(count, others, tuple(decisions), None)


def readings(study: StudyRecord, cohort: Cohort, outcome: str, rules: Rules) -> tuple[Reading, ...]:
    """Every reading that the record holds and the rules accept, the preferred first."""

    def divided_by(population: str, of: int | None) -> Denominator:
        return denominator(study, cohort, population, of)

    doc = study.default_doc
    found = list(summed_categories(cohort, outcome, divided_by, doc, cr_with_scr=rules.cr_with_scr))
    if outcome != "cr" or rules.cr_with_scr:  # a printed CR rate means CR or better
        found[:0] = printed_rates(cohort, outcome, divided_by, doc)
        found += counted(study, cohort, outcome, _table_total(study, outcome))
    scales = rules.scales(outcome)
    found += graded(cohort, outcome, divided_by, doc, scales=scales)
    found += negative(cohort, outcome, divided_by, doc, rules.mrd_among)
    accepted = [
        r
        for r in found
        if r.derivation in rules.accept and (rules.inferred or r.attribution == "stated")
    ]
    ranked = preferred(accepted, rules.order(outcome))
    if scales:
        labels = [SCALE_LABELS[scale] for scale in scales]
        ranked = [r for r in ranked if any(label in r.grading for label in labels)]
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
    values = {
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
    return {name: value for name, value in values.items() if value}


def _why_not(
    study: StudyRecord, cohort: Cohort, outcome: str, ranked: Sequence[Reading], rules: Rules
) -> Excluded | None:
    source = ranked[0].cells if ranked else ()
    if any(r.usable for r in ranked):
        kind, reason = "not-selected", f"reported on population '{ranked[0].population}' only"
    elif any(r.rule == "impossible-percentage" for r in ranked):
        kind = "impossible"
        reason = next(r.reason for r in ranked if r.rule == "impossible-percentage")
    elif ranked:
        kind, reason = "no-denominator", "only a percentage is printed, and no denominator"
    else:
        every = readings(study, cohort, outcome, _without_filters(rules))
        if not any(r.usable for r in every):
            return None  # the cohort does not report this outcome
        kind, reason, source = "not-selected", _filtered(every[0], rules), every[0].cells
    return Excluded(
        study=study.id,
        cohort=cohort.id,
        slab=cohort.label,
        outcome=outcome,
        kind=kind,  # type: ignore[arg-type]  # one of the literals above
        reason=reason if not cohort.note else f"{reason}. {cohort.note}",
        source="; ".join(source),
    )


def _without_filters(rules: Rules) -> Rules:
    every = ("printed", "summed", "patients", "percent", "percent-several")
    return replace(
        rules, accept=every, inferred=True, crs_scales=(), nt_scales=(), cr_with_scr=True
    )


def _filtered(reading: Reading, rules: Rules) -> str:
    """Which policy of the configuration left a reading out."""
    if reading.derivation not in rules.accept:
        return f"its count is derived ({reading.derivation}); accepted: {', '.join(rules.accept)}"
    if reading.attribution == "inferred" and not rules.inferred:
        return "its column was identified by inference only"
    if rules.scales(reading.outcome):
        accepted = ", ".join(SCALE_LABELS[s] for s in rules.scales(reading.outcome))
        return f"graded by '{reading.grading or 'not reported'}'; accepted: {accepted}"
    return "the definition that was asked for is not reported"


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


def _preference(
    study: StudyRecord, cohort: Cohort, chosen: Reading, others: Sequence[Reading]
) -> Decision:
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


def _flagged(study: StudyRecord, cohort: Cohort, chosen: Reading, wanted: str) -> Decision:
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
