"""Arms of a comparison: a count without its partner's leaves by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from carmeta.domain.evidence import Count, Decision, Excluded, Harmonised, Use
from carmeta.domain.naming import names
from carmeta.domain.record import Review

_RULE = "unpaired"


def paired(review: Review, harmonised: Harmonised, pairs: Sequence[tuple[str, str]]) -> Harmonised:
    """What is compared: the counts of arms whose partner has a count as well.

    Args:
        review: the records.
        harmonised: of the arms only, no two of which share patients.
        pairs: treatment and control as ``study/cohort``; an arm stands in one pair.
    """
    partner = {one: two for pair in pairs for one, two in (pair, pair[::-1])}
    counted = {(count.outcome, count.key) for count in harmonised.counts}
    lost = {
        (count.outcome, count.key): _unpaired(review, harmonised, count, partner[count.key])
        for count in harmonised.counts
        if (count.outcome, partner[count.key]) not in counted
    }
    return replace(
        harmonised,
        counts=tuple(c for c in harmonised.counts if (c.outcome, c.key) not in lost),
        decisions=(*harmonised.decisions, *_dropped(harmonised, lost)),
        excluded=(
            *(replace(e, by="") if (e.outcome, e.by) in lost else e for e in harmonised.excluded),
            *lost.values(),
        ),
        uses={
            place: _use(use, lost.get((place[0], use.by))) for place, use in harmonised.uses.items()
        },
    )


def _unpaired(review: Review, harmonised: Harmonised, count: Count, other: str) -> Excluded:
    why = [e.reason for e in harmonised.excluded if e.outcome == count.outcome and e.of(other)]
    lacks = f"has no count: {'; '.join(why)}" if why else "does not report it"
    reason = f"the other arm, {names(review.studies)[other]}, {lacks}"
    return Excluded.of_count(count, "unpaired", reason)


def _dropped(harmonised: Harmonised, lost: dict[tuple[str, str], Excluded]) -> Iterator[Decision]:
    for count in harmonised.counts:
        item = lost.get((count.outcome, count.key))
        if item is not None:
            yield Decision(
                study=count.study,
                cohort=count.cohort,
                outcome=count.outcome,
                action="dropped",
                rule=_RULE,
                inputs=(f"{count.xi} of {count.ni}: {count.source}",),
                result="not compared",
                reason=item.reason,
                paths=count.paths[:1],
            )


def _use(use: Use, lost: Excluded | None) -> Use:
    return use if lost is None else Use("excluded", "", lost.kind, lost.reason)
