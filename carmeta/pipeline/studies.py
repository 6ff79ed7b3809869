"""The table of studies and the list of references, from the records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import combinations

from carmeta.domain.analysis import StudySummary
from carmeta.domain.evidence import Count
from carmeta.domain.naming import names
from carmeta.domain.record import Characteristic, Cohort, Report, Review, StudyRecord, TimeResult
from carmeta.domain.words import Vocabulary

Item = Characteristic | TimeResult


def summaries(review: Review, counts: Iterable[Count]) -> tuple[StudySummary, ...]:
    """One line a cohort that is pooled, with what is printed of these patients.

    A value of other patients (another report, a dose level, a site) never stands in for it:
    the value is then empty, and ``blanks`` says why.
    """
    called = names(review.studies)
    used: dict[str, list[Count]] = defaultdict(list)
    for count in counts:
        used[count.key].append(count)
    return tuple(
        _summary(review, study, cohort, used[f"{study.id}/{cohort.id}"], called[study.id])
        for study in sorted(review.studies, key=lambda s: s.id)
        for cohort in study.cohorts
        if f"{study.id}/{cohort.id}" in used
    )


def _summary(
    review: Review, study: StudyRecord, cohort: Cohort, counts: Sequence[Count], called: str
) -> StudySummary:
    product = review.products.get(cohort.product or "")
    words = review.words
    outcomes = dict.fromkeys(words.outcome(count.outcome).short for count in counts)
    given = review.attributes(cohort)
    patients = sorted({count.ni for count in counts})
    values = {
        "Outcomes": ", ".join(outcomes),
        "Patients pooled": " or ".join(str(n) for n in patients),
        "Trial": ", ".join(filter(None, (study.trial.registry, *study.trial.other_registries))),
        "Phase": study.trial.phase or "",
        "Design": study.trial.design,
        "Country": ", ".join(study.trial.countries),
        "Product": product.label if product else "",
        **{
            term.column: given.get(name, "")
            for name, term in words.attributes.items()
            if term.column
        },
    }
    blanks = []
    for label, printed in _printed(words).items():
        values[label], reason = _value(study, cohort, printed)
        if reason:
            blanks.append(f"{label}: {reason}")
    reference = "; ".join(_short(review, doc) for doc in _docs(study))
    return StudySummary(study.id, counts[0].slab, values, reference, tuple(blanks), called)


def _value(
    study: StudyRecord, cohort: Cohort, printed: Callable[[Cohort], list[Item]]
) -> tuple[str, str]:
    """What is printed of a cohort, or nothing and the reason."""
    found = [item for item in printed(cohort) if _shown(item)]
    numbers = [item for item in found if not _missing(item)]
    if numbers and not any(_differ(a, b) for a, b in combinations(numbers, 2)):
        return max((_shown(item) for item in numbers), key=len), ""
    if numbers:
        doc = study.default_doc
        listed = (f"{_shown(item)} ({item.at.label(doc)})" for item in numbers)
        return "", f"several are printed: {'; '.join(dict.fromkeys(listed))}"
    if found:
        return _shown(found[0]), ""
    others = [
        other.label
        for other in study.cohorts
        if other is not cohort and any(not _missing(item) for item in printed(other))
    ]
    return "", f"printed for other patients only ({'; '.join(others)})" if others else ""


def _differ(a: Item, b: Item) -> bool:
    """Whether two printed values cannot both be right; in two units they are not compared."""
    if isinstance(a, TimeResult) and isinstance(b, TimeResult):
        return a.unit == b.unit and a.value != b.value
    if isinstance(a, Characteristic) and isinstance(b, Characteristic):
        pairs = ((a.value, b.value), (a.count, b.count), (a.percent, b.percent))
        return any(None not in pair and pair[0] != pair[1] for pair in pairs)
    return False


def references(review: Review, used: Collection[str]) -> tuple[str, ...]:
    """The documents behind the studies in use, as a reference list."""
    docs: dict[str, str] = {}
    for study in sorted(review.studies, key=lambda s: s.id):
        if study.id in used:
            for doc in _docs(study):
                docs.setdefault(doc, _full(_report(review, study, doc)))
    return tuple(docs[doc] for doc in sorted(docs))


def _docs(study: StudyRecord) -> list[str]:
    return [item if isinstance(item, str) else item.id for item in study.reports]


def _report(review: Review, study: StudyRecord, doc: str) -> Report:
    own = {item.id: item for item in study.reports if not isinstance(item, str)}
    return own.get(doc) or review.reports[doc]


def _short(review: Review, doc: str) -> str:
    report = review.reports.get(doc)
    return f"{_first_author(report.authors)} {report.year}" if report else doc


def _first_author(authors: str) -> str:
    """The first author's family name: the words before the initials.

    >>> _first_author("van de Donk NWCJ, Themeli M"), _first_author("Raje N, et al.")
    ('van de Donk', 'Raje')
    """
    words = authors.split(",")[0].split()
    return " ".join(words[:-1]) if len(words) > 1 and words[-1].isupper() else " ".join(words)


def _full(report: Report) -> str:
    place = f"{report.journal} {report.year}"
    if report.volume:
        place += f";{report.volume}" + (f":{report.pages}" if report.pages else "")
    authors = report.authors.rstrip(".")
    text = f"{authors}. {report.title}. {place}."
    return f"{text} doi:{report.doi}" if report.doi else text


def _named(name: str) -> Callable[[Cohort], list[Item]]:
    return lambda cohort: [item for item in cohort.characteristics if item.name == name]


def _median(endpoint: str) -> Callable[[Cohort], list[Item]]:
    return lambda cohort: [
        item for item in cohort.times if (item.endpoint, item.statistic) == (endpoint, "median")
    ]


def _printed(words: Vocabulary) -> dict[str, Callable[[Cohort], list[Item]]]:
    """What a reader stratifies by, as the review declares it, and where a cohort has it."""
    traits = {term.label: _named(name) for name, term in words.characteristics.items()}
    times = {term.column: _median(name) for name, term in words.endpoints.items() if term.column}
    return traits | times


def _missing(item: Item) -> bool:
    return isinstance(item, Characteristic) and item.missing is not None


def _shown(item: Item) -> str:
    """A printed value as text; empty where the record holds none."""
    if isinstance(item, TimeResult):
        value = "not reached" if item.value == "NR" else f"{item.value} {item.unit}"
        if item.ci:
            return f"{value} ({item.ci.lb} to {item.ci.ub})"
        return f"{value} (range {item.range})" if item.range else value
    if item.missing:
        return item.missing.replace("-", " ")
    if item.value is not None:
        return f"{item.value} ({item.range})" if item.range else item.value
    if item.count is not None:
        return f"{item.count} ({item.percent}%)" if item.percent else str(item.count)
    return f"{item.percent}%" if item.percent else ""
