"""All checks over a review."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from carmeta.audit import (
    grading,
    identifiers,
    intervals,
    nesting,
    patients,
    percentages,
    populations,
    relations,
    sources,
    sums,
)
from carmeta.audit.acknowledged import acknowledge
from carmeta.audit.cells import Context
from carmeta.domain.evidence import Finding
from carmeta.domain.record import Review

_CHECKS: Final[tuple[Callable[[Context], Iterator[Finding]], ...]] = (
    percentages.check,
    sums.check,
    nesting.check,
    populations.check,
    sources.check,
    intervals.check,
    patients.check,
    grading.check,
    relations.check,
    identifiers.check,
)
_RANK: Final = {"error": 0, "warning": 1, "info": 2}


def audit(review: Review) -> tuple[Finding, ...]:
    """Everything that the checks see in the records; nothing is changed.

    Findings come by study in the order of the review (those about the whole review last),
    then by severity and code; acknowledged ones carry their reason. Equal findings are told
    once.
    """
    context = Context.of(review)
    found = dict.fromkeys(one for check in _CHECKS for one in check(context))
    marked = acknowledge(review.studies, list(found))
    order = {study.id: i for i, study in enumerate(review.studies)}
    return tuple(
        sorted(
            marked,
            key=lambda one: (
                order.get(one.study, len(order)),
                _RANK[one.severity],
                one.code,
                one.cohort,
                one.subject,
                one.message,
            ),
        )
    )
