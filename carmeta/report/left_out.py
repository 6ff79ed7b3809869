"""What reports an outcome and is not in its pool, by name and with the reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from carmeta.domain.analysis import OutcomeAnalysis
from carmeta.report import words
from carmeta.vocabulary import EXCLUSION_WORDS, OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from carmeta.domain.analysis import Analysis, ContrastAnalysis
    from carmeta.domain.evidence import Count, Excluded


# What the row that is named has to do with it; only of a part is it known to hold the patients.
_ELSEWHERE: Final = {
    "superseded": "superseded by",
    "counted": "patients counted in",
    "overlap": "may share patients with",
}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Cohorts that stay out of the same pools for the same reason."""

    names: tuple[str, ...]
    outcomes: tuple[str, ...]  # as the columns call them
    reason: str
    missed: str = ""  # id of the study, of which nothing is pooled for these outcomes
    altogether: bool = False  # nor for any other

    def sentence(self, *, outcomes: bool = True) -> str:
        """``A; B (outcome, outcome): reason.``"""
        listed = ", ".join(self.outcomes)
        where = f" ({listed})" if outcomes else ""
        end = f"; nothing of {self.missed} is pooled" if self.missed else ""
        end += f" for {listed}" if self.missed and not self.altogether else ""
        return f"{'; '.join(self.names)}{where}: {self.reason.rstrip('.')}{end}."


def of_run(analysis: Analysis) -> list[LeftOut]:
    """Every exclusion of a run."""
    found = [group for one in analysis.pools for group in _explained(one)]
    found += [(item, _explain(item, ())) for item in analysis.not_pooled]
    pooled = {count.study for one in analysis.pools for count in one.counts}
    asked = {e.outcome for e in analysis.excluded}
    shorts = {code: analysis.words.outcome(code).short for code in asked}
    groups = _grouped(dict.fromkeys(found), shorts, analysis.part_labels)
    return [replace(group, altogether=group.missed not in pooled) for group in groups]


def of_outcome(outcome: OutcomeAnalysis | ContrastAnalysis) -> list[LeftOut]:
    """Every exclusion of one outcome; what is pooled for others is not looked at."""
    labels = {outcome.part: outcome.part_label} if isinstance(outcome, OutcomeAnalysis) else {}
    return _grouped(_explained(outcome), {outcome.outcome: outcome.term.short}, labels)


def missed(outcome: OutcomeAnalysis | ContrastAnalysis) -> str:
    """The studies that report an outcome and of which nothing is pooled, as a note."""
    names = [name for group in of_outcome(outcome) if group.missed for name in group.names]
    return f"Reported but not pooled: {'; '.join(dict.fromkeys(names))}." if names else ""


Explained = tuple["Excluded", tuple[str, str, int]]  # reason, study that is missed, rank


def _explained(outcome: OutcomeAnalysis | ContrastAnalysis) -> list[Explained]:
    return [(item, _explain(item, outcome.counts)) for item in outcome.excluded]


def _explain(item: Excluded, pooled: Sequence[Count]) -> tuple[str, str, int]:
    """The reason, the study if nothing of it is pooled, and how far down it is said."""
    if item.kind in OUTSIDE:
        return item.reason, "", 3
    if all(count.study != item.study for count in pooled):
        return item.reason, item.study, 0
    row = next((count.slab for count in pooled if count.key == item.by), "")
    if row and item.kind in _ELSEWHERE:
        return f"{_ELSEWHERE[item.kind]} {row}", "", 2
    return item.reason, "", 1


def _grouped(
    found: Iterable[Explained], shorts: Mapping[str, str], labels: Mapping[str, str]
) -> list[LeftOut]:
    """Outcomes with the same reason together, then cohorts; what is missed altogether first."""
    outcomes: dict[tuple[str, str, str, int], dict[str, None]] = {}
    for item, (reason, study, rank) in found:
        key = (item.slab, reason or EXCLUSION_WORDS[item.kind], study, rank)
        short = words.short_of(shorts[item.outcome], labels.get(item.part, ""))
        outcomes.setdefault(key, {})[short] = None
    names: dict[tuple[int, str, str, tuple[str, ...]], list[str]] = {}
    for (slab, reason, study, rank), named in outcomes.items():
        names.setdefault((rank, study, reason, tuple(named)), []).append(slab)
    ordered = sorted(names.items(), key=lambda pair: pair[0][0])
    return [
        LeftOut(tuple(slabs), listed, reason, study)
        for (_, study, reason, listed), slabs in ordered
    ]
