"""What a schema cannot say: references between records, and counts against denominators.

Codes are stable and listed in the documentation. Whether printed numbers agree with each
other is the audit's business; here stands only what makes a record unusable.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from carmeta.cells import Cell, Cells
from carmeta.domain.evidence import DataPath
from carmeta.domain.record import Assayed, Cohort, Product, Report, Review, StudyRecord
from carmeta.lineage import Lineage
from carmeta.records.wording import check_product, check_words
from carmeta.sourcefile import Diagnostic, SourceFile, suggest

_HOLDING = frozenset({"part_of", "updates", "partitions", "covered_by"})
_PLACE_KEYS = frozenset({"at", "response_at"})


@dataclass(frozen=True, slots=True)
class Context:
    """All that a reference may point to."""

    review: Review
    cells: Cells
    lineage: Lineage
    sources: dict[str, SourceFile]
    products: Sequence[Product]
    reports: Sequence[Report]
    unread: frozenset[str]  # stems of files that could not be read


def check_registers(context: Context) -> Iterator[Diagnostic]:
    """Ids that stand twice in a register, and places in documents that nobody declared."""
    for stem, key, entries in (
        ("_products", "products", context.products),
        ("_reports", "reports", context.reports),
    ):
        source = context.sources.get(stem)
        if source is not None:
            yield from _twice(source, (key,), [entry.id for entry in entries], "REC012")
    source = context.sources.get("_products")
    if source is not None and "_reports" not in context.unread:
        yield from _unknown_documents(source, set(context.review.reports))
    for index, product in enumerate(context.products if source is not None else ()):
        assert source is not None
        yield from check_product(product, index, context.review.words, source)


def check_study(study: StudyRecord, stem: str, context: Context) -> Iterator[Diagnostic]:
    """Everything that makes the record in the file ``stem`` unusable, with the lines."""
    source = context.sources[stem]
    if stem != study.id:
        yield source.diagnostic(
            "REC010",
            ("id",),
            f"the id '{study.id}' and the file name '{source.path.name}' differ",
            hint=f"rename the file to {study.id}.yaml, or the id to {stem}",
        )
    ids = [cohort.id for cohort in study.cohorts]
    yield from _twice(source, ("cohorts",), ids, "REC011")
    yield from _check_reports(study, source, context)
    for index, cohort in enumerate(study.cohorts):
        path: DataPath = ("cohorts", index)
        yield from _check_product(cohort, (*path, "product"), source, context)
        yield from _check_patients(cohort, path, study, source)
        for cell in context.cells.of_cohort(study, index):
            yield from _check_cell(cell, cohort, source)
    yield from _check_references(study, source, context)
    if study.patients is not None:
        rows = [row.id for row in study.patients.rows]
        yield from _twice(source, ("patients", "rows"), rows, "REC013")
    yield from check_words(study, context.review.words, source)


def _twice(
    source: SourceFile, path: DataPath, ids: Sequence[str], code: str
) -> Iterator[Diagnostic]:
    first: dict[str, int] = {}
    for index, name in enumerate(ids):
        here = (*path, index, "id")
        if name in first:
            line = source.mark((*path, first[name], "id")).line
            yield source.diagnostic(
                code,
                here,
                f"the id '{name}' a second time",
                hint=f"it stands in line {line} already",
            )
        first.setdefault(name, index)


def _check_reports(
    study: StudyRecord, source: SourceFile, context: Context
) -> Iterator[Diagnostic]:
    registered = {report.id for report in context.reports}
    documents: set[str] = set()
    for index, report in enumerate(study.reports):
        path: DataPath = ("reports", index)
        name = report if isinstance(report, str) else report.id
        if name in documents:
            yield source.diagnostic("REC014", path, f"the report '{name}' a second time")
        documents.add(name)
        if isinstance(report, str):
            if name not in registered and "_reports" not in context.unread:
                yield source.diagnostic(
                    "REC021",
                    path,
                    f"the report '{name}' is not in _reports.yaml",
                    hint=suggest(name, sorted(registered)),
                )
        elif name in registered or _declared_before(report, study, context):
            yield source.diagnostic(
                "REC015",
                path,
                f"the report '{name}' is described elsewhere too",
                hint="describe it once, in _reports.yaml, and give only its id here",
            )
    yield from _unknown_documents(source, documents)


def _declared_before(report: Report, study: StudyRecord, context: Context) -> bool:
    for other in context.review.studies:
        if other.id == study.id:
            return False
        if any(not isinstance(item, str) and item.id == report.id for item in other.reports):
            return True
    return False


def _unknown_documents(source: SourceFile, documents: set[str]) -> Iterator[Diagnostic]:
    """Places (`at: {doc: ...}`) in documents that the record does not list."""
    for path in source.marks:
        if not path or path[-1] != "doc":
            continue
        names = [step for step in path[:-1] if isinstance(step, str)]
        if not names or names[-1] not in _PLACE_KEYS:
            continue
        name = str(_at(source.data, path))
        if name not in documents:
            yield source.diagnostic(
                "REC021",
                path,
                f"the report '{name}' is not among this file's reports",
                hint=suggest(name, sorted(documents)),
            )


def _at(data: object, path: DataPath) -> object:
    for step in path:
        data = data[step]  # type: ignore[index]  # the path comes from this very tree
    return data


def _check_product(
    cohort: Cohort, path: DataPath, source: SourceFile, context: Context
) -> Iterator[Diagnostic]:
    name = cohort.product
    if name is None or name in context.review.products or "_products" in context.unread:
        return
    yield source.diagnostic(
        "REC020",
        path,
        f"the product '{name}' is not an id of _products.yaml",
        hint=product_hint(name, context.review),
    )


def product_hint(name: str, review: Review) -> str:
    """The id of the product that is also called ``name``, or the ids there are."""
    called = name.casefold()
    meant = [
        product.id
        for product in review.products.values()
        if called in (other.casefold() for other in (product.label, *product.aliases))
    ]
    if len(meant) == 1 and meant[0] != called:
        return f"'{name}' is another name of '{meant[0]}': write {meant[0]}"
    return suggest(name, sorted(review.products))


def _check_patients(
    cohort: Cohort, path: DataPath, study: StudyRecord, source: SourceFile
) -> Iterator[Diagnostic]:
    if cohort.patients is None:
        return
    here = (*path, "patients")
    if study.patients is None:
        yield source.diagnostic(
            "REC024",
            here,
            "a cohort of individual patients, but the record lists none",
            hint="add 'patients:' with the rows, or leave the filter out",
        )
        return
    rows = [
        {"id": row.id, "site": row.site, **row.attributes, **row.grades}
        for row in study.patients.rows
    ]
    known = sorted({key for row in rows for key in row})
    for key, value in cohort.patients.where.items():
        at = (*here, "where", key)
        if key not in known:
            yield source.diagnostic(
                "REC025", at, f"no patient has '{key}'", hint=suggest(key, known), at_key=True
            )
        elif not any(_same(row.get(key), value) for row in rows):
            found = sorted({str(row[key]) for row in rows if row.get(key) is not None})
            yield source.diagnostic(
                "REC026",
                at,
                f"no patient has {key}: {value}",
                hint=suggest(str(value), found),
            )


def _same(left: object, right: object) -> bool:
    return type(left) is type(right) and left == right


def _check_cell(cell: Cell, cohort: Cohort, source: SourceFile) -> Iterator[Diagnostic]:
    """A count against the one denominator that applies to it."""
    of, count = cell.denominator, cell.count
    if count is None or cell.kind == "size" or (of.n is not None and count <= of.n):
        return
    path = (*cell.path, "count")
    if of.origin in ("cell", "table"):
        line = source.mark(of.path).line
        yield source.diagnostic(
            "REC030",
            path,
            f"count {count} exceeds its denominator {of.n}",
            hint=f"'of' stands in line {line}; which of the two is printed?",
        )
    elif of.n is not None:
        added = f": {of.words.partition(': ')[2]}" if of.origin == "parts" else ""
        yield source.diagnostic(
            "REC031",
            path,
            f"count {count} exceeds n {of.n}{added} (population {cell.population})",
            hint="is the numerator of another population?",
        )
    elif isinstance(cell.item, Assayed):
        text = f"count {count} has no denominator: it is among {cell.item.among}"
        yield source.diagnostic("REC032", path, text, hint="give 'of', the patients assessed there")
    elif cell.population:
        declared = ", ".join(cohort.populations) or "none"
        yield source.diagnostic(
            "REC032",
            path,
            f"count {count} has no denominator: population '{cell.population}' is not declared "
            f"in cohort '{cell.cohort}'",
            hint=f"give 'of', or its n under 'populations' (declared: {declared})",
        )


def _check_references(
    study: StudyRecord, source: SourceFile, context: Context
) -> Iterator[Diagnostic]:
    for path, name in _references(study):
        yield from _check_reference(path, name, study, source, context)
    for index, item in enumerate(study.acknowledged):
        if item.cohort is not None:
            path = ("acknowledged", index, "cohort")
            yield from _check_reference(path, item.cohort, study, source, context)


def _references(study: StudyRecord) -> Iterator[tuple[DataPath, str]]:
    for index, cohort in enumerate(study.cohorts):
        base: DataPath = ("cohorts", index, "lineage")
        lineage = cohort.lineage
        flat = {
            "part_of": lineage.part_of,
            "updates": lineage.updates,
            "shares_patients_with": lineage.shares_patients_with,
            "disjoint_from": lineage.disjoint_from,
        }
        for kind, names in flat.items():
            for position, name in enumerate(names):
                yield (*base, kind, position), name
        groups = {"partitions": lineage.partitions, "covered_by": lineage.covered_by}
        for kind, ways in groups.items():
            for row, group in enumerate(ways):
                for position, name in enumerate(group):
                    yield (*base, kind, row, position), name
    for index, contrast in enumerate(study.contrasts):
        yield ("contrasts", index, "treatment"), contrast.treatment
        yield ("contrasts", index, "control"), contrast.control
    for index, printed in enumerate(study.ranges):
        for position, name in enumerate(printed.cohorts):
            yield ("ranges", index, "cohorts", position), name


def _check_reference(
    path: DataPath, name: str, study: StudyRecord, source: SourceFile, context: Context
) -> Iterator[Diagnostic]:
    study_id, _, cohort_id = name.rpartition("/")
    study_id = study_id or study.id
    if study_id in context.unread:
        return
    target = next((item for item in context.review.studies if item.id == study_id), None)
    if target is None:
        known = sorted(item.id for item in context.review.studies)
        yield source.diagnostic(
            "REC022", path, f"there is no study '{study_id}'", hint=suggest(study_id, known)
        )
        return
    ids = [cohort.id for cohort in target.cohorts]
    if cohort_id not in ids:
        yield source.diagnostic(
            "REC023",
            path,
            f"there is no cohort '{cohort_id}' in study '{study_id}'",
            hint=suggest(cohort_id, ids),
        )
    elif path[0] == "cohorts":
        own = study.cohorts[int(path[1])].id
        keys = f"{study.id}/{own}", f"{study_id}/{cohort_id}"
        if keys[0] == keys[1]:
            yield source.diagnostic("REC027", path, f"cohort '{own}' refers to itself")
        elif path[3] in _HOLDING and (circle := context.lineage.circle(*keys)):
            yield source.diagnostic(
                "REC028",
                path,
                f"'{own}' and '{name}' cannot each hold the other: {circle}",
                hint="take out the one that is not so",
            )
