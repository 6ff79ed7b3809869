"""The rules in order: choose one reading a cohort, drop overlaps, list what else could be."""

from __future__ import annotations

from carmeta.domain.evidence import Harmonised
from carmeta.domain.record import Review
from carmeta.domain.rules import EvidenceRules
from carmeta.harmonise.account import account
from carmeta.harmonise.readings import Evidence
from carmeta.harmonise.solve import Solution, solve
from carmeta.harmonise.whatif import what_if


def harmonise(review: Review, rules: EvidenceRules) -> Harmonised:
    """Counts for every outcome that the rules ask for.

    Each count, exclusion and choice comes with a `Decision` that names the printed cells.
    Every cell that reports one of the outcomes is in ``uses``: behind a count, superseded by
    one, or left out for a reason.
    """
    evidence = Evidence(review)
    solutions: dict[str, Solution] = {
        outcome: solve(evidence, rules, outcome) for outcome in rules.outcomes
    }
    accounts = [account(evidence, solution) for solution in solutions.values()]
    choices, flagged = what_if(evidence, solutions)
    return Harmonised(
        counts=tuple(count for one in accounts for count in one.counts),
        decisions=(*(d for one in accounts for d in one.decisions), *flagged),
        excluded=tuple(e for one in accounts for e in one.excluded),
        choices=choices,
        uses={key: use for one in accounts for key, use in one.uses.items()},
    )
