"""Registry numbers, as printed against that of the trial."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from carmeta.audit.context import Context, finding
from carmeta.domain.evidence import Finding
from carmeta.domain.record import StudyRecord
from carmeta.vocabulary import REGISTRY_NUMBER

_NCT: Final = re.compile(REGISTRY_NUMBER)


def check(context: Context) -> Iterator[Finding]:
    """IDS001 and IDS002."""
    for study in context.review.studies:
        yield from _registry(study)


def _registry(study: StudyRecord) -> Iterator[Finding]:
    own = study.trial.registry
    for index, item in enumerate(study.identifiers):
        path = ("identifiers", index, "value")
        at = f"{item.at.label(study.default_doc)}: {item.value}"
        known = {own, *study.trial.other_registries} - {None}
        if item.value in known:
            continue
        if item.value.upper().startswith("NCT") and not _NCT.fullmatch(item.value):
            digits = sum(character.isdigit() for character in item.value)
            meant = f"; {own} is meant" if own and _near(item.value, own) else ""
            yield finding(
                "IDS001",
                f"{item.value} has {digits} digits, a registry number has eight{meant}",
                study=study.id,
                path=path,
                subject=item.value,
                printed=(at, f"record: {own}") if own else (at,),
            )
        elif known:
            yield finding(
                "IDS002",
                f"{item.value} is printed, the trial is {own or 'registered elsewhere'}",
                study=study.id,
                path=path,
                subject=item.value,
                printed=(at, f"record: {', '.join(sorted(filter(None, known)))}"),
            )


def _near(a: str, b: str) -> bool:
    """Whether one becomes the other by adding, dropping or changing one character."""
    if len(a) == len(b):
        return sum(x != y for x, y in zip(a, b, strict=True)) == 1
    short, long = sorted((a, b), key=len)
    return len(long) - len(short) == 1 and any(
        long[:i] + long[i + 1 :] == short for i in range(len(long))
    )
