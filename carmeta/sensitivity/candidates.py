"""The pooled estimate over every count that the printed evidence allows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product

from carmeta.domain.analysis import CandidateRange
from carmeta.domain.evidence import Count
from carmeta.domain.result import Pooled

Fit = Callable[[Sequence[int]], Pooled]

# A fit takes a few milliseconds; beyond this many combinations the extremes are fitted only.
MAX_EXACT = 128


def candidate_range(counts: Sequence[Count], fit: Fit, rule: str) -> CandidateRange | None:
    """Refit over all combinations of candidate counts; None where every count is certain.

    With more than `MAX_EXACT` combinations, the all-lowest, the all-highest and each study's
    extremes with the others at their point values are fitted, and the result says that it is
    a bound from these and not exact.

    Args:
        counts: the cohorts, in the order in which ``fit`` takes their events.
        fit: pools the cohorts given one number of events each.
        rule: by which rule the point estimate chose its counts.
    """
    sizes = [len(count.candidates) for count in counts]
    combinations = math.prod(sizes)
    if combinations <= 1:
        return None
    exact = combinations <= MAX_EXACT
    tries = list(product(*(c.candidates for c in counts))) if exact else _extremes(counts)
    fits = [fit(xi) for xi in tries]
    return CandidateRange(
        combinations=combinations,
        exact=exact,
        estimate_lb=min(one.back.estimate for one in fits),
        estimate_ub=max(one.back.estimate for one in fits),
        ci_lb=min(one.back.ci_lb for one in fits),
        ci_ub=max(one.back.ci_ub for one in fits),
        rule=rule,
    )


def _extremes(counts: Sequence[Count]) -> list[tuple[int, ...]]:
    point = [count.xi for count in counts]
    tries = {tuple(c.xi_lo for c in counts), tuple(c.xi_hi for c in counts), tuple(point)}
    for i, count in enumerate(counts):
        for value in (count.xi_lo, count.xi_hi):
            tries.add((*point[:i], value, *point[i + 1 :]))
    return sorted(tries)
