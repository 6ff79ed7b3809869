"""Other defensible counts for the same outcome: what a sensitivity run would pool instead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from carmeta.domain.evidence import Count, EvidenceChoice
from carmeta.domain.record import Cohort

_BY_COUNT = ("printed", "summed", "patients")


def what_if(
    kept: Sequence[Count], others: Mapping[str, Sequence[Count]], cohorts: Mapping[str, Cohort]
) -> Iterator[EvidenceChoice]:
    """One change at a time to the counts that are pooled.

    Args:
        kept: the pooled counts of one outcome.
        others: by ``study/cohort``, the other usable readings of that cohort.
        cohorts: by ``study/cohort``, the record's cohort.
    """
    for i, count in enumerate(kept):
        for kind, label, changed in (
            *_candidates(count),
            *_readings(count, others.get(count.key, ())),
            *_missing(count, cohorts[count.key]),
        ):
            counts = (*kept[:i], changed, *kept[i + 1 :])
            yield EvidenceChoice(count.outcome, kind, label, counts)  # type: ignore[arg-type]  # kinds below
    printed = tuple(count for count in kept if count.derivation in _BY_COUNT)
    if printed and len(printed) < len(kept):
        noun = "cohort" if len(printed) == 1 else "cohorts"
        label = f"only the {len(printed)} {noun} with counts that stand in the papers"
        yield EvidenceChoice(kept[0].outcome, "printed", label, printed)


def _candidates(count: Count) -> Iterator[tuple[str, str, Count]]:
    for value in count.candidates:
        if value != count.xi:
            label = f"{count.slab}: {value} events instead of {count.xi}"
            yield "count", label, replace(count, xi=value)


def _readings(count: Count, others: Sequence[Count]) -> Iterator[tuple[str, str, Count]]:
    seen = {(count.xi, count.ni)}
    for other in others:
        if (other.xi, other.ni) in seen:
            continue
        seen.add((other.xi, other.ni))
        kind = "population" if other.population != count.population else "reading"
        label = f"{count.slab}: {other.xi} of {other.ni} ({other.population}) "
        label += f"instead of {count.xi} of {count.ni} ({count.population})"
        yield kind, label, other


def _missing(count: Count, cohort: Cohort) -> Iterator[tuple[str, str, Count]]:
    """Patients treated but not assessable, all without or all with an event."""
    if count.population != "evaluable":
        return
    sizes = [
        size.n
        for name, size in cohort.populations.items()
        if name in ("infused", "treated", "itt") and size.n > count.ni
    ]
    if not sizes:
        return
    whole = min(sizes)
    without = whole - count.ni
    for xi, words in ((count.xi, "without an event"), (count.xi + without, "with an event")):
        changed = replace(count, xi=xi, ni=whole, candidates=(xi,))
        yield "missing", f"{count.slab}: {without} not assessable counted {words}", changed
