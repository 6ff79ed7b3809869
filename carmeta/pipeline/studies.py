"""The table of studies and the list of references, from the records."""

from __future__ import annotations

from collections.abc import Collection

from carmeta.domain.analysis import StudySummary
from carmeta.domain.record import Characteristic, Cohort, Report, Review, StudyRecord, TimeResult

# Baseline characteristics that a reader stratifies by, in the order of the table.
_SHOWN = (
    ("prior-lines", "Prior lines (median)"),
    ("double-refractory", "Refractory to IMiD and PI"),
    ("triple-refractory", "Triple-class refractory"),
    ("high-risk-cytogenetics", "High-risk cytogenetics"),
    ("extramedullary", "Extramedullary disease"),
    ("bridging", "Bridging therapy"),
)


def summaries(review: Review, used: Collection[str]) -> tuple[StudySummary, ...]:
    """One line a study that is in the analysis; values as printed."""
    out = []
    for study in sorted(review.studies, key=lambda s: s.id):
        if study.id not in used:
            continue
        main = _main_cohort(study)
        product = review.products.get(main.product or "")
        values = {
            "Trial": study.trial.registry or "not registered",
            "Phase": study.trial.phase or "",
            "Design": study.trial.design,
            "Product": product.label if product else "",
            "Binder": product.binder if product else "",
            "Costimulation": (product.costimulation or "") if product else "",
            "Dose": main.dose or "",
            "Lymphodepletion": main.lymphodepletion or "",
        }
        for name, label in _SHOWN:
            values[label] = _characteristic(main, name)
        values["Median follow-up"] = _time(study, "follow-up")
        values["Median PFS"] = _time(study, "pfs")
        reference = "; ".join(_short(review, doc) for doc in _docs(study))
        out.append(StudySummary(study.id, study.label, values, reference))
    return tuple(out)


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


def _main_cohort(study: StudyRecord) -> Cohort:
    """The cohort that the record names first: the one a reader means by the study."""
    return study.cohorts[0]


def _characteristic(cohort: Cohort, name: str) -> str:
    for item in cohort.characteristics:
        if item.name == name:
            return _shown(item)
    return ""


def _shown(item: Characteristic) -> str:
    if item.missing:
        return item.missing.replace("-", " ")
    if item.value is not None:
        return f"{item.value} ({item.range})" if item.range else item.value
    if item.count is not None:
        return f"{item.count} ({item.percent}%)" if item.percent else str(item.count)
    return f"{item.percent}%" if item.percent else ""


def _time(study: StudyRecord, endpoint: str) -> str:
    for cohort in study.cohorts[:1]:
        for item in cohort.times:
            if item.endpoint == endpoint and item.statistic == "median":
                return _median(item)
    return ""


def _median(item: TimeResult) -> str:
    value = "not reached" if item.value == "NR" else f"{item.value} {item.unit}"
    if item.ci:
        return f"{value} ({item.ci.lb} to {item.ci.ub})"
    return f"{value} (range {item.range})" if item.range else value
