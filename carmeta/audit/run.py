"""All checks over a review."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from carmeta.audit import (
    covers,
    dates,
    drafts,
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
from carmeta.audit.context import Context
from carmeta.domain.evidence import Finding
from carmeta.domain.record import Review

if TYPE_CHECKING:  # reading YAML is no business of the audit
    from carmeta.sourcefile import SourceFile

_CHECKS: Final[tuple[Callable[[Context], Iterator[Finding]], ...]] = (
    percentages.check,
    sums.check,
    covers.check,
    nesting.check,
    populations.check,
    sources.check,
    intervals.check,
    patients.check,
    grading.check,
    relations.check,
    identifiers.check,
    dates.check,
    drafts.check,
)
_RANK: Final = {"error": 0, "warning": 1, "info": 2}


def audit(review: Review, sources: Mapping[str, SourceFile] | None = None) -> tuple[Finding, ...]:
    """Everything that the checks see in the records; nothing is changed.

    With ``sources``, the record files by study, every finding has its ``mark``.

    Findings come by study in the order of the review (those about the whole review last),
    then by severity and code; acknowledged ones carry their reason. Equal findings are told
    once.
    """
    context = Context.of(review)
    found = dict.fromkeys(one for check in _CHECKS for one in check(context))
    told = acknowledge(review.studies, list(found))
    if sources is not None:
        told = tuple(replace(one, mark=sources[one.record].mark(one.path)) for one in told)
    order = {study.id: i for i, study in enumerate(review.studies)}
    return tuple(
        sorted(
            told,
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
