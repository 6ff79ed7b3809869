"""Names in a configuration: they exist in the records and can all be honoured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from carmeta.config import AnalysisConfig
from carmeta.domain.record import Review
from carmeta.errors import ConfigError
from carmeta.harmonise import left_out_by
from carmeta.lineage import Lineage
from carmeta.pipeline.dependence import Trials
from carmeta.pipeline.sets import kinship
from carmeta.records import product_hint
from carmeta.sourcefile import Diagnostic, SourceFile, load_source, suggest

Place = tuple[str | int, ...]


def check_choices(config: AnalysisConfig, review: Review, path: Path) -> None:
    """Refuse names that no record holds, cohorts that are named and left out at once, arms of a
    comparison that share patients, and sets of cohorts of several trials.

    Raises:
        ConfigError: with one diagnostic a name, its place in the file and the nearest name.
    """
    source, _ = load_source(path)
    if source is None:  # it was read before; it can only have vanished meanwhile
        raise ConfigError(f"{path}: cannot be read")
    problems = [*_unknown(config, review, source), *_left_out(config, review, source)]
    problems += [*_shared(config, review, source), *_unrelated(config, review, source)]
    if problems:
        raise ConfigError(
            f"{path}: {len(problems)} name(s) that cannot be used", diagnostics=problems
        )


def _unknown(config: AnalysisConfig, review: Review, source: SourceFile) -> Iterator[Diagnostic]:
    studies = {study.id for study in review.studies}
    cohorts = {f"{study.id}/{cohort.id}" for study in review.studies for cohort in study.cohorts}
    include = config.include
    named: list[tuple[Place, str, set[str], str]] = [
        *((("include", "studies", i), v, studies, "study") for i, v in enumerate(include.studies)),
        *(
            (("include", "products", i), v, set(review.products), "product")
            for i, v in enumerate(include.products)
        ),
        *((where, key, cohorts, "cohort") for where, key in _cohorts(config)),
    ]
    for where, value, known, kind in named:
        if value not in known:
            told = product_hint(value, review) if kind == "product" else ""
            yield source.diagnostic(
                "CFG020",
                where,
                f"there is no {kind} '{value}' in the records",
                hint=told or suggest(value, sorted(known), otherwise="see 'carmeta studies'"),
            )


def _cohorts(config: AnalysisConfig) -> Iterator[tuple[Place, str]]:
    """Every cohort that is named, and where."""
    for i, key in enumerate(config.include.cohorts):
        yield ("include", "cohorts", i), key
    for i, part in enumerate(config.sets):
        for j, key in enumerate(part.cohorts):
            yield ("sets", i, "cohorts", j), key
    yield from _arms(config)


def _arms(config: AnalysisConfig) -> Iterator[tuple[Place, str]]:
    for i, pair in enumerate(config.comparison.pairs if config.comparison else ()):
        yield ("comparison", "pairs", i, "treatment"), pair.treatment
        yield ("comparison", "pairs", i, "control"), pair.control


def _left_out(config: AnalysisConfig, review: Review, source: SourceFile) -> Iterator[Diagnostic]:
    """Cohorts that are named and that a key of ``include`` leaves out all the same."""
    known = {f"{s.id}/{cohort.id}": (s, cohort) for s in review.studies for cohort in s.cohorts}
    for where, key in _cohorts(config):
        found = left_out_by(*known[key], config.include, review) if key in known else None
        if found is not None:
            yield source.diagnostic(
                "CFG021",
                where,
                f"'include.{found[0]}' leaves out '{key}', which is named here: {found[1]}",
                hint=f"widen 'include.{found[0]}', or do not name the cohort",
            )


def _shared(config: AnalysisConfig, review: Review, source: SourceFile) -> Iterator[Diagnostic]:
    """Arms of a comparison that share patients, or may, with one that is named before."""
    lineage = Lineage.build(review.studies)
    arms = [(where, key) for where, key in _arms(config) if key in lineage]
    for i, (where, key) in enumerate(arms):
        for _, other in arms[:i]:
            why = lineage.overlap(key, other)
            if why is not None:
                yield source.diagnostic(
                    "CFG022",
                    where,
                    f"'{key}' may share patients with '{other}', who would count twice: {why}",
                    hint="compare other arms, or declare the two 'disjoint_from' each other in "
                    "the record's lineage if they are",
                )
                break


def _unrelated(config: AnalysisConfig, review: Review, source: SourceFile) -> Iterator[Diagnostic]:
    """Cohorts of a set that are neither of the trial nor of the cohort that the others are of."""
    trials = Trials.build(review)
    for i, part in enumerate(config.sets):
        kept: list[str] = []
        for j, key in enumerate(part.cohorts):
            if key not in trials.lineage:
                continue
            if kinship(trials, [*kept, key]):
                kept.append(key)
                continue
            yield source.diagnostic(
                "CFG023",
                ("sets", i, "cohorts", j),
                f"'{key}' is of another trial than '{kept[0]}': the two are not added up",
                hint="pool several trials without 'sets'; parts of one cohort are declared in "
                "the records' lineage",
            )
