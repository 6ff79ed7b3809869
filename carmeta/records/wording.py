"""Words that depend on one another: within what a review declares, and within a record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import get_args

from carmeta.domain.evidence import DataPath
from carmeta.domain.record import Cohort, PatientTable, Product, StudyRecord
from carmeta.domain.words import NOT_REPORTED, Vocabulary
from carmeta.sourcefile import Diagnostic, SourceFile, suggest
from carmeta.vocabulary import RecordModerator


def consistent(words: Vocabulary, source: SourceFile) -> Iterator[Diagnostic]:
    """Words of a review that name words which it does not declare (WRD004), or say nothing."""
    for path, name, section, known in _named(words):
        if name not in known:
            told = suggest(name, sorted(known), lead="declared")
            text = f"'{name}' is none of the {section} of this review"
            yield source.diagnostic("WRD004", path, text, hint=told)
    for ladder, criteria in words.ladders.items():
        below = {name: term.below for name, term in criteria.categories.items()}
        for name in _circling(below):
            path = ("ladders", ladder, "categories", name, "below")
            text = f"'{name}' stands below itself, by way of '{below[name]}'"
            yield source.diagnostic("WRD006", path, text, hint="take one of the two out")
    for section in ("attributes", "moderators"):
        for name in getattr(words, section):
            if name in get_args(RecordModerator):
                text = f"'{name}' is what every record says already"
                yield source.diagnostic("WRD005", (section, name), text, at_key=True)


def _circling(below: Mapping[str, str | None]) -> Iterator[str]:
    """Categories that are below themselves, directly or by way of others."""
    for name in below:
        at, seen = below[name], {name}
        while at is not None and at not in seen:
            seen.add(at)
            at = below.get(at)
        if at == name and below[name] != name:
            yield name


Named = tuple[DataPath, str, str, Sequence[str]]


def _named(words: Vocabulary) -> Iterator[Named]:
    categories = words.allowed("categories")
    for code, outcome in words.outcomes.items():
        at: DataPath = ("outcomes", code)
        if isinstance(outcome.response, list):
            yield from _each((*at, "response"), outcome.response, "categories", categories)
        elif outcome.response is not None:
            yield (*at, "response"), outcome.response, "categories", categories
        if outcome.event is not None:
            yield (*at, "event"), outcome.event, "events", [*words.events]
    for name, ladder in words.ladders.items():
        for category, term in ladder.categories.items():
            if term.below is not None:
                others = [other for other in ladder.categories if other != category]
                path = ("ladders", name, "categories", category, "below")
                yield path, term.below, "categories", others
    for name, group in words.groups.items():
        if group.outcome is not None:
            yield ("groups", name, "outcome"), group.outcome, "outcomes", [*words.outcomes]
    for name, scale in words.scales.items():
        yield from _each(("scales", name, "events"), scale.events, "events", [*words.events])
    for name, population in words.populations.items():
        at = ("populations", name, "within")
        yield from _each(at, population.within, "populations", [*words.populations])
    yield from _usual(words)


def _usual(words: Vocabulary) -> Iterator[Named]:
    for section in ("outcomes", "roles", "populations"):
        named = getattr(words.defaults, section) or ()
        yield from _each(("defaults", section), named, section, [*getattr(words, section)])


def _each(
    path: DataPath, names: Iterable[str], section: str, known: Sequence[str]
) -> Iterator[Named]:
    yield from (((*path, i), name, section, known) for i, name in enumerate(names))


def check_product(
    product: Product, index: int, words: Vocabulary, source: SourceFile
) -> Iterator[Diagnostic]:
    """Values of a product's attributes that the review does not allow."""
    at: DataPath = ("products", index, "attributes")
    yield from _values(product.attributes, at, words, source)


def check_words(study: StudyRecord, words: Vocabulary, source: SourceFile) -> Iterator[Diagnostic]:
    """Words of a record that do not go together: values, ladders, scales, groups."""
    for i, cohort in enumerate(study.cohorts):
        at: DataPath = ("cohorts", i)
        yield from _values(cohort.attributes, (*at, "attributes"), words, source)
        yield from _tables(cohort, at, words, source)
        yield from _scales(cohort, at, words, source)
        for j, item in enumerate(cohort.assayed):
            if not words.outcome(item.outcome).assayed:
                known = [code for code, term in words.terms.items() if term.assayed]
                told = suggest(item.outcome, known, lead="declared")
                text = f"'{item.outcome}' is no outcome that is assayed"
                path = (*at, "assayed", j, "outcome")
                yield source.diagnostic("REC041", path, text, hint=told)
    if study.patients is not None:
        yield from _table_scales(study.patients, words, source)


def _values(
    given: Mapping[str, str], at: DataPath, words: Vocabulary, source: SourceFile
) -> Iterator[Diagnostic]:
    for name, value in given.items():
        allowed = words.attributes[name].values
        if allowed is not None and value not in allowed:
            told = suggest(value, allowed, lead="declared")
            told += f"; a new one is a word of attributes.{name}.values in review.yaml"
            text = f"'{value}' is not a value of '{name}'"
            yield source.diagnostic("REC042", (*at, name), text, hint=told)


def _tables(
    cohort: Cohort, at: DataPath, words: Vocabulary, source: SourceFile
) -> Iterator[Diagnostic]:
    """Tables of responses by criteria that are not named, or without a category of theirs."""
    for i, table in enumerate(cohort.response):
        path: DataPath = (*at, "response", i)
        if table.criteria is None and len(words.ladders) > 1:
            told = f"write 'criteria:' with one of {', '.join(words.ladders)}"
            text = "the review has several ladders of response, and it is not said which"
            yield source.diagnostic("REC043", path, text, hint=told)
            continue
        known = words.categories.get(words.ladder(table.criteria), ())
        for category in table.categories:
            if category not in known:
                told = suggest(category, known, lead="declared")
                text = f"'{category}' is no category of {words.ladder(table.criteria)}"
                where = (*path, "categories", category)
                yield source.diagnostic("REC043", where, text, hint=told, at_key=True)


def _scales(
    cohort: Cohort, at: DataPath, words: Vocabulary, source: SourceFile
) -> Iterator[Diagnostic]:
    for i, row in enumerate(cohort.toxicity):
        event = words.event_of(row.event, row.term)
        if _unfit(words, row.scale, event):
            path = (*at, "toxicity", i, "scale")
            yield _of_no_event(words, row.scale, event, path, source)


def _table_scales(
    table: PatientTable, words: Vocabulary, source: SourceFile
) -> Iterator[Diagnostic]:
    for event, graded in table.graded.items():
        if _unfit(words, graded.scale, event):
            path = ("patients", "graded", event, "scale")
            yield _of_no_event(words, graded.scale, event, path, source)


def _unfit(words: Vocabulary, scale: str, event: str) -> bool:
    events = words.scales[scale].events if scale != NOT_REPORTED else []
    return bool(events) and event not in events


def _of_no_event(
    words: Vocabulary, scale: str, event: str, path: DataPath, source: SourceFile
) -> Diagnostic:
    fits = [name for name in words.scales if not _unfit(words, name, event)]
    told = suggest(scale, [*fits, NOT_REPORTED], lead="for it")
    text = f"{words.scale(scale)} does not grade '{event}'"
    return source.diagnostic("REC044", path, text, hint=told)
