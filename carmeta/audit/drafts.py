"""Records that are not finished."""

from __future__ import annotations

from collections.abc import Iterator

from carmeta.audit.context import Context, finding
from carmeta.domain.evidence import Finding


def check(context: Context) -> Iterator[Finding]:
    """DRA001."""
    for study in context.review.studies:
        if study.status == "draft":
            message = "the record is a draft: nothing of it is pooled"
            yield finding("DRA001", message, study=study.id, path=("status",), subject="status")
