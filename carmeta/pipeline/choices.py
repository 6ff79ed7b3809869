"""Names in a configuration that must exist in the records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from carmeta.config import AnalysisConfig
from carmeta.domain.record import Review
from carmeta.errors import ConfigError
from carmeta.sourcefile import Diagnostic, SourceFile, load_source, nearest


def check_choices(config: AnalysisConfig, review: Review, path: Path) -> None:
    """Refuse studies, products and cohorts that no record holds.

    Raises:
        ConfigError: with one diagnostic a name, its place in the file and the nearest name.
    """
    source, _ = load_source(path)
    if source is None:  # it was read before; it can only have vanished meanwhile
        raise ConfigError(f"{path}: cannot be read")
    problems = [*_unknown(config, review, source), *_roles(config, review, source)]
    if problems:
        raise ConfigError(
            f"{path}: {len(problems)} name(s) that cannot be used", diagnostics=problems
        )


def _unknown(config: AnalysisConfig, review: Review, source: SourceFile) -> Iterator[Diagnostic]:
    studies = {study.id for study in review.studies}
    cohorts = {f"{study.id}/{cohort.id}" for study in review.studies for cohort in study.cohorts}
    include = config.include
    named: list[tuple[tuple[str | int, ...], str, set[str], str]] = [
        *((("include", "studies", i), v, studies, "study") for i, v in enumerate(include.studies)),
        *(
            (("include", "products", i), v, set(review.products), "product")
            for i, v in enumerate(include.products)
        ),
        *((("include", "cohorts", i), v, cohorts, "cohort") for i, v in enumerate(include.cohorts)),
    ]
    for i, part in enumerate(config.sets):
        named += [
            (("sets", i, "cohorts", j), v, cohorts, "cohort") for j, v in enumerate(part.cohorts)
        ]
    for i, pair in enumerate(config.comparison.pairs if config.comparison else ()):
        place: tuple[str | int, ...] = ("comparison", "pairs", i)
        named.append(((*place, "treatment"), pair.treatment, cohorts, "cohort"))
        named.append(((*place, "control"), pair.control, cohorts, "cohort"))
    for where, value, known, kind in named:
        if value not in known:
            guess = nearest(value, sorted(known))
            yield source.diagnostic(
                "CFG020",
                where,
                f"there is no {kind} '{value}' in the records",
                hint=f"did you mean '{guess}'?" if guess else "see 'carmeta studies'",
            )


def _roles(config: AnalysisConfig, review: Review, source: SourceFile) -> Iterator[Diagnostic]:
    """Arms of a comparison whose role the configuration leaves out."""
    roles = {f"{s.id}/{cohort.id}": cohort.role for s in review.studies for cohort in s.cohorts}
    allowed = config.include.roles
    for i, pair in enumerate(config.comparison.pairs if config.comparison else ()):
        for arm, key in (("treatment", pair.treatment), ("control", pair.control)):
            role = roles.get(key)
            if role is not None and role not in allowed:
                yield source.diagnostic(
                    "CFG021",
                    ("comparison", "pairs", i, arm),
                    f"the cohort '{key}' has the role '{role}', which 'include.roles' leaves out",
                    hint=f"write 'include: {{roles: [{', '.join((*allowed, role))}]}}'",
                )
