"""What reports an outcome and is not in its pool, by name and with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from carmeta.report import words
from carmeta.vocabulary import EXCLUSION_WORDS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from carmeta.domain.analysis import Analysis, OutcomeAnalysis
    from carmeta.domain.evidence import Excluded


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Cohorts of one study that stay out of the same pools for the same reason."""

    names: tuple[str, ...]
    outcomes: tuple[str, ...]  # as the columns call them
    reason: str
    study: str  # its id
    nothing: bool  # no cohort of the study is in these pools

    def sentence(self, *, outcomes: bool = True) -> str:
        """``A; B (ORR, CR): reason.``"""
        where = f" ({', '.join(self.outcomes)})" if outcomes else ""
        end = f"; nothing of {self.study} is pooled" if self.nothing else ""
        return f"{'; '.join(self.names)}{where}: {self.reason.rstrip('.')}{end}."


def of_run(analysis: Analysis) -> list[LeftOut]:
    """Every exclusion of a run."""
    found = [pair for one in analysis.outcomes for pair in _marked(one)]
    compared = {
        (count.study, count.outcome)
        for contrast in analysis.contrasts
        for pair in contrast.pairs
        for count in (pair.treatment, pair.control)
    }
    found += [(e, (e.study, e.outcome) not in compared) for e in analysis.not_pooled]
    return _grouped(found)


def of_outcome(outcome: OutcomeAnalysis) -> list[LeftOut]:
    """Every exclusion of one outcome."""
    return _grouped(_marked(outcome))


def missed(outcome: OutcomeAnalysis) -> str:
    """The studies that report an outcome and of which nothing is pooled, as a note."""
    names = [name for group in of_outcome(outcome) if group.nothing for name in group.names]
    return f"Reported but not pooled: {'; '.join(dict.fromkeys(names))}." if names else ""


def _marked(outcome: OutcomeAnalysis) -> list[tuple[Excluded, bool]]:
    pooled: Collection[str] = {row.count.study for row in outcome.rows}
    return [(item, item.study not in pooled) for item in outcome.excluded]


def _grouped(found: Iterable[tuple[Excluded, bool]]) -> list[LeftOut]:
    """Outcomes with the same reason together, then cohorts; what is missed altogether first."""
    outcomes: dict[tuple[str, str, str, str, bool], dict[str, None]] = {}
    for item, nothing in found:
        reason = item.reason or EXCLUSION_WORDS[item.kind]
        if item.kind == "overlap" and not nothing:
            reason = "patients counted in another row"
        key = (item.study, item.slab, item.kind, reason, nothing)
        outcomes.setdefault(key, {})[words.outcome(item.outcome).short] = None
    names: dict[tuple[bool, bool, str, tuple[str, ...], str], list[str]] = {}
    for (study, slab, kind, reason, nothing), shorts in outcomes.items():
        group = (not nothing, kind == "overlap", study, tuple(shorts), reason)
        names.setdefault(group, []).append(slab)
    ordered = sorted(names.items(), key=lambda pair: pair[0][:3])
    return [
        LeftOut(tuple(slabs), shorts, reason, study, not pooled)
        for (pooled, _, study, shorts, reason), slabs in ordered
    ]
