"""Findings that a record acknowledges, and acknowledgements that match none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from carmeta.audit.context import finding
from carmeta.domain.evidence import Finding
from carmeta.domain.record import Acknowledgement, StudyRecord


def acknowledge(studies: Sequence[StudyRecord], findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Mark the findings that their records acknowledge; add ACK001 for those without finding.

    An acknowledgement without cohort or subject covers all of them. One for the whole review
    (a finding that belongs to no study) may stand in any record.
    """
    marked = list(findings)
    stale: list[Finding] = []
    for study in studies:
        for index, item in enumerate(study.acknowledged):
            hits = [i for i, one in enumerate(marked) if _covers(study.id, item, one)]
            for i in hits:
                if not marked[i].acknowledged:
                    marked[i] = replace(marked[i], acknowledged=item.reason)
            if not hits:
                stale.append(_stale(study, item, index))
    return (*marked, *stale)


def _covers(study: str, item: Acknowledgement, one: Finding) -> bool:
    return (
        item.code == one.code
        and one.study in (study, "")
        and (item.cohort is None or item.cohort == one.cohort)
        and (item.subject is None or item.subject == one.subject)
    )


def _stale(study: StudyRecord, item: Acknowledgement, index: int) -> Finding:
    about = " ".join(filter(None, (item.code, item.cohort, item.subject)))
    return finding(
        "ACK001",
        f"{about} is acknowledged, but not found",
        study=study.id,
        path=("acknowledged", index),
        cohort=item.cohort or "",
        subject=item.subject or item.code,
        printed=(f"acknowledged: {item.reason}",),
    )
