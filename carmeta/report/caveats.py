"""What a reader must know before using the numbers, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carmeta.report import contents, numbers, words
from carmeta.report.csvfiles import used_counts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from carmeta.domain.analysis import Analysis, OutcomeAnalysis
    from carmeta.domain.evidence import Count


def caveats(analysis: Analysis) -> list[str]:
    """Every caveat of a run, those on single outcomes first."""
    found = [
        *lacking(analysis),
        *together((o, text) for o in analysis.outcomes for text in of_outcome(o)),
        *_of_comparisons(analysis),
        *differing_cohorts(analysis),
        *together((o, text) for o in analysis.outcomes for text in refits(o)),
        *disagreements(analysis),
        *_flags(analysis),
        *_open_errors(analysis),
    ]
    return list(dict.fromkeys(found))


def lacking(analysis: Analysis) -> list[str]:
    """Outcomes and cohorts that were asked for and are not in the run at all."""
    return [*_empty(analysis), *_silent(analysis)]


def of_outcome(outcome: OutcomeAnalysis) -> list[str]:
    """What was done instead of what was asked, and the notes on an outcome."""
    return [*words.fallback_sentences(outcome.headline), *map(words.sentence, outcome.notes)]


def together(found: Iterable[tuple[OutcomeAnalysis, str]]) -> list[str]:
    """``outcome; outcome: sentence``, for outcomes of which the same is said."""
    where: dict[str, list[str]] = {}
    for outcome, text in found:
        where.setdefault(text, []).append(contents.outcome_name(outcome))
    return [f"{'; '.join(dict.fromkeys(names))}: {text}" for text, names in where.items()]


def refits(outcome: OutcomeAnalysis) -> Iterator[str]:
    """The refits that belong beside the headline: dependent rows, the same cohort throughout."""
    found = [item for item in outcome.sensitivity if item.kind in words.BESIDE]
    if found:
        shown = "; ".join(f"{contents.estimate(i.pooled).text} for {i.label}" for i in found)
        head = contents.estimate(outcome.headline).text
        yield f"Beside {head}%: {shown}."


def differing_cohorts(analysis: Analysis) -> Iterator[str]:
    """Studies of which not the same cohorts are in every outcome that they are pooled for."""
    studies: dict[str, dict[str, list[Count]]] = {}
    for outcome in analysis.outcomes:
        if not outcome.part:
            short = outcome.term.short
            for row in outcome.rows:
                studies.setdefault(row.count.study, {}).setdefault(short, []).append(row.count)
    for outcomes in studies.values():
        sets: dict[tuple[str, ...], list[str]] = {}
        for short, counts in outcomes.items():
            sets.setdefault(tuple(sorted(c.cohort for c in counts)), []).append(short)
        if len(sets) > 1:
            parts = (
                f"{_patients([c for short in shorts for c in outcomes[short]])} "
                f"for {', '.join(shorts)}"
                for shorts in sets.values()
            )
            yield f"Not the same cohorts in every outcome: {'; '.join(parts)}."


def _patients(counts: Iterable[Count]) -> str:
    sizes: dict[str, set[int]] = {}
    for count in counts:
        sizes.setdefault(count.slab, set()).add(count.ni)
    return " and ".join(
        f"{slab} ({' or '.join(str(n) for n in sorted(found))})" for slab, found in sizes.items()
    )


def disagreements(analysis: Analysis, scale: numbers.Scale = numbers.PERCENT) -> list[str]:
    """For each pair of models, the outcomes where the shown estimates are not the same."""
    found: dict[tuple[str, str], list[str]] = {}
    for outcome in analysis.outcomes:
        head = outcome.headline
        for other in outcome.beside:
            shown = [numbers.show(fit.back.estimate, scale) for fit in (head, other)]
            if shown[0] != shown[1]:
                pair = (words.model_short(head), words.model_short(other))
                name = contents.outcome_name(outcome)
                text = f"{name} ({shown[0]} and {shown[1]}{scale.suffix})"
                found.setdefault(pair, []).append(text)
    return [
        words.sentence(
            f"{first} and {second} differ by more than the rounding shown: {'; '.join(where)}"
        )
        for (first, second), where in found.items()
    ]


def _of_comparisons(analysis: Analysis) -> Iterator[str]:
    """What was done instead of what was asked; a single pair says it beside its own result."""
    for contrast in analysis.contrasts:
        for item in contrast.results if len(contrast.pairs) > 1 else ():
            name = f"{contrast.term.label}, {words.measure(item.measure)}"
            yield from (f"{name}: {text}" for text in words.fallback_sentences(item))


def _empty(analysis: Analysis) -> Iterator[str]:
    """Outcomes, of each set of cohorts, that were asked for and that no cohort could give."""
    shown = {(item.outcome, item.part) for item in analysis.outcomes}
    shown |= {(item.outcome, "") for item in analysis.contrasts}
    compared = analysis.config.get("comparison") is not None
    nothing = "no pair of arms could be compared" if compared else "no cohort could be pooled"
    for part, label in analysis.part_labels.items():
        for code in analysis.config.get("outcomes", ()):
            if (code, part) not in shown:
                yield f"{contents.name_of(analysis.words.outcome(code), label)}: {nothing}."


def _silent(analysis: Analysis) -> Iterator[str]:
    """Cohorts that the configuration names and that report none of its outcomes."""
    heard = {count.key for count in used_counts(analysis)}
    heard |= {key for item in analysis.excluded for key in item.keys}
    config = analysis.config
    pairs = (config.get("comparison") or {}).get("pairs", ())
    named = [
        *config.get("include", {}).get("cohorts", ()),
        *(cohort for part in config.get("sets", ()) for cohort in part["cohorts"]),
        *(pair[arm] for pair in pairs for arm in ("treatment", "control")),
    ]
    silent = [key for key in dict.fromkeys(named) if key not in heard]
    if silent:
        verb = "reports" if len(silent) == 1 else "report"
        yield f"Named, but {verb} none of the outcomes: {', '.join(silent)}."


def _flags(analysis: Analysis) -> Iterator[str]:
    """Every flag of a count that entered, and the cohorts that carry it."""
    found: dict[str, dict[str, None]] = {}
    for count in used_counts(analysis):
        for flag in count.flags:
            found.setdefault(flag, {})[count.slab] = None
    for flag, where in found.items():
        yield f"{words.sentence(flag)[:-1]}: {', '.join(where)}."


def _open_errors(analysis: Analysis) -> Iterator[str]:
    errors = [f for f in analysis.findings if f.severity == "error" and not f.acknowledged]
    if errors:
        noun = "error that is" if len(errors) == 1 else "errors that are"
        yield f"The audit has {len(errors)} {noun} not acknowledged in the records."
