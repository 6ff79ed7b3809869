"""One outcome under one set of rules: the counts in which nobody counts twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from carmeta.domain.evidence import Count
from carmeta.domain.rules import EvidenceRules
from carmeta.harmonise.choose import Choice, choose
from carmeta.harmonise.counts import Reading
from carmeta.harmonise.eligible import Why, eligible
from carmeta.harmonise.overlap import Candidate, Drop, Pool
from carmeta.harmonise.parts import Judge
from carmeta.harmonise.readings import Evidence


@dataclass(frozen=True, slots=True)
class Solution:
    """One outcome under one set of rules."""

    outcome: str
    rules: EvidenceRules
    choices: dict[str, Choice]  # by study/cohort, of those that belong to the question
    outside: dict[str, Why]
    pool: Pool
    kept: tuple[str, ...]
    dropped: dict[str, Drop]

    @property
    def counts(self) -> tuple[Count, ...]:
        return self.counts_of(self.kept)

    def counts_of(self, keys: Sequence[str]) -> tuple[Count, ...]:
        """The counts of these cohorts."""
        return tuple(self.pool.candidates[key].count for key in keys)


def solve(evidence: Evidence, rules: EvidenceRules, outcome: str) -> Solution:
    """From what the records print to the counts of an outcome in which nobody counts twice."""
    judge = Judge(evidence, rules, outcome)
    inside, outside = eligible(evidence, rules, outcome)
    choices = {key: choose(judge, key) for key in inside}
    candidates = {
        key: Candidate(choice.count, *_dates(evidence, key, choice.reading))
        for key, choice in choices.items()
        if choice.count is not None and choice.reading is not None
    }
    pool = Pool(candidates, evidence.lineage, rules.overlap.policy)
    kept = pool.solve()
    return Solution(outcome, rules, choices, outside, pool, kept, pool.dropped(kept))


def _dates(evidence: Evidence, key: str, reading: Reading) -> tuple[str, str]:
    """Until when a count's patients were followed, and when its report was published.

    A cell's own cutoff goes before that of its cohort, and of several cells the latest counts.
    The report of a number that is only cited is not known.
    """
    report = evidence.review.reports.get(reading.doc)
    cutoffs = [cell.cutoff or evidence.cohort(cell.key).data_cutoff or "" for cell in reading.cells]
    cutoff = max(cutoffs, default="") or evidence.cohort(key).data_cutoff or ""
    return cutoff, "" if report is None else report.date
