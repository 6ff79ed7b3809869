"""One set of cohorts an outcome in which no patient counts twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from carmeta.domain.evidence import Count, Decision, EvidenceChoice, Excluded
from carmeta.lineage import Alternative, Lineage, alternatives, select_disjoint

# Heaviest other choices shown for each group of overlapping cohorts.
_SHOWN_A_GROUP = 2

_POLICY_TEXT = {
    "patients": "the set with the most patients",
    "printed": "printed counts before derived ones, then the most patients",
    "latest": "the latest report, then the most patients",
    "earliest": "the earliest report, then the most patients",
}


def non_overlapping(
    counts: Sequence[Count], lineage: Lineage, policy: str
) -> tuple[list[Count], list[Decision], list[Excluded]]:
    """Keep a heaviest set of cohorts without shared patients; say what was dropped and why."""
    by_key = {count.key: count for count in counts}
    selection = select_disjoint(
        {key: _weight(count, policy) for key, count in by_key.items()}, lineage
    )
    decisions, excluded = [], []
    for key, drop in selection.dropped.items():
        count = by_key[key]
        blocker = by_key.get(drop.blocker)
        kept = blocker.slab if blocker else drop.blocker
        reason = f"shares patients with {kept}: {drop.reason}"
        decisions.append(
            Decision(
                study=count.study,
                cohort=count.cohort,
                outcome=count.outcome,
                action="dropped",
                rule=f"non-overlapping-{policy}",
                inputs=(f"{count.xi} of {count.ni}",),
                result="not pooled",
                reason=f"{reason}; kept: {_POLICY_TEXT[policy]}",
            )
        )
        excluded.append(
            Excluded(
                study=count.study,
                cohort=count.cohort,
                slab=count.slab,
                outcome=count.outcome,
                kind="overlap",
                reason=reason,
                source=count.source,
            )
        )
    kept_keys = set(selection.kept)
    return [count for count in counts if count.key in kept_keys], decisions, excluded


def other_choices(counts: Sequence[Count], lineage: Lineage, policy: str) -> list[EvidenceChoice]:
    """The heaviest other sets without shared patients, one group of overlaps at a time."""
    by_key = {count.key: count for count in counts}
    weights = {key: _weight(count, policy) for key, count in by_key.items()}
    chosen = select_disjoint(weights, lineage)
    shown: dict[tuple[str, ...], int] = {}
    out = []
    for other in alternatives(weights, lineage, chosen).sets:
        seen = shown.get(other.group, 0)
        if seen < _SHOWN_A_GROUP:
            shown[other.group] = seen + 1
            used = [key for key in chosen.kept if key in other.group]
            out.append(_choice(other, used, by_key))
    return out


def _choice(other: Alternative, used: Sequence[str], by_key: Mapping[str, Count]) -> EvidenceChoice:
    def names(keys: Sequence[str]) -> str:
        if len(keys) > 3:
            return f"{len(keys)} parts, among them {by_key[keys[0]].slab}"
        return " + ".join(by_key[key].slab for key in keys)

    kept = tuple(by_key[key] for key in by_key if key in set(other.selection.kept))
    label = f"{names(other.kept)} instead of {names(used)}"
    return EvidenceChoice(kept[0].outcome, "overlap", label, kept)


def parts_of_pooled(
    excluded: Sequence[Excluded], kept: Sequence[Count], lineage: Lineage
) -> list[Excluded]:
    """Exclusions again, where a cohort is a part of one that is pooled: its patients count."""
    pooled = {count.key: count.slab for count in kept}
    out = []
    for item in excluded:
        wholes = lineage.wholes(f"{item.study}/{item.cohort}") & set(pooled)
        if item.kind != "overlap" and wholes:
            names = ", ".join(sorted(pooled[key] for key in wholes))
            item = replace(
                item, kind="overlap", reason=f"part of {names}, which is pooled ({item.reason})"
            )
        out.append(item)
    return out


def _weight(count: Count, policy: str) -> float:
    """Patients; a policy that comes before them outweighs any number of patients."""
    if policy == "printed" and count.derivation in ("printed", "summed", "patients"):
        return count.ni + 1e6
    if policy == "latest":
        return count.ni + 1e6 * max(count.year - 1900, 0)
    if policy == "earliest":
        return count.ni + 1e6 * max(2100 - count.year, 0)
    return float(count.ni)
