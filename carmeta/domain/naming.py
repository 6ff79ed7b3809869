"""How a study and a cohort are called: one name each, which no other one has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from carmeta.domain.record import StudyRecord


def names(studies: Iterable[StudyRecord]) -> dict[str, str]:
    """Names by study id and by ``study/cohort``: the label of the record.

    Where several have one label, the study stands before the cohort's and, where that is not
    enough, the id or key behind it. So a name does not depend on what an analysis asks for.
    """
    read = tuple(studies)
    labels = {study.id: study.label for study in read}
    whole = _apart(labels, lambda key: f"{labels[key]} ({key})")
    cohorts = {f"{s.id}/{cohort.id}": cohort.label for s in read for cohort in s.cohorts}
    called = _apart(cohorts, lambda key: f"{whole[key.partition('/')[0]]}: {cohorts[key]}")
    return whole | _apart(called, lambda key: f"{cohorts[key]} ({key})")


def _apart(called: Mapping[str, str], longer: Callable[[str], str]) -> dict[str, str]:
    """The longer name for all that are called the same."""
    seen = Counter(called.values())
    return {key: name if seen[name] == 1 else longer(key) for key, name in called.items()}
