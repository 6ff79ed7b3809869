"""Draft records of what was read: one a study, every number with the place it came from."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from carmeta.domain.evidence import Mark
from carmeta.domain.record import StudyRecord
from carmeta.domain.record.base import SCHEMA
from carmeta.domain.words import Vocabulary
from carmeta.errors import DataError
from carmeta.importing.headings import folded
from carmeta.importing.plan import Plan
from carmeta.importing.reading import Cell, Facts, Reading, by_arm
from carmeta.importing.table import LeftOut, Reference
from carmeta.importing.words import Kind, Words
from carmeta.importing.yamltext import OneLine, dump
from carmeta.report.text import slug
from carmeta.sourcefile import Diagnostic, load_source, validate
from carmeta.vocabulary import REGISTRY_NUMBER

UNKNOWN: Final = "not in the import"
_WHOLE: Final = "all"  # the cohort of a study whose arms have no names
_YEAR: Final = re.compile(r"\b((?:19|20)\d\d)[a-z]?$")
_COMMENT: Final = """\
A draft by `carmeta import`, never pooled. Check every number against the paper, put its place
there into 'at' (table, row, column), then take out 'status'."""


@dataclass(slots=True)
class Drafts:
    """Records by id, as YAML, and what came up while they were made."""

    texts: dict[str, str] = field(default_factory=dict)
    left: list[LeftOut] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)
    missing: set[Kind] = field(default_factory=set)
    without_year: list[str] = field(default_factory=list)


def make_drafts(
    reading: Reading, references: Sequence[Reference], plan: Plan, words: Words
) -> Drafts:
    """A draft of every study that has a count; of every reference where there are no counts.

    Raises DataError if a draft does not fit the schema of records, with every diagnostic.
    """
    drafts = Drafts(missing=set(reading.missing))
    design = plan.study.design or ""
    if not words.find("design", design):
        drafts.missing.add("design")
    studies: dict[str, list[Cell]] = {}
    for cell in reading.cells:
        studies.setdefault(cell.study, []).append(cell)
    if reading.is_empty:  # references alone
        studies = {reference.label: [] for reference in references}
        if not words.find("role", plan.study.role or ""):
            drafts.missing.add("role")
    by_study = _matched(studies, reading.facts, references, drafts)
    for name, facts in reading.facts.items():
        if name not in studies and (reading.problems or reading.missing):
            _year(name, facts, by_study.get(name, []), plan, drafts)
    ids: dict[str, str] = {}
    for name, cells in studies.items():
        facts = reading.facts.get(name, Facts())
        key = _id(name, ids, facts, drafts)
        data = _record(key, name, cells, facts, by_study.get(name, []), plan, drafts)
        drafts.texts[key] = dump(data, _COMMENT)
    return drafts


def _id(name: str, ids: dict[str, str], facts: Facts, drafts: Drafts) -> str:
    key = slug(name).replace("_", "-").strip("-") or "unnamed"
    other = ids.setdefault(key, name)
    if other != name:
        text = f"'{name}' and '{other}' both get the id {key}"
        drafts.problems.append(_diagnostic("IMP004", facts, text, "are they one study? rename one"))
    return key


def _diagnostic(code: str, facts: Facts, text: str, hint: str = "") -> Diagnostic:
    if facts.table is None or facts.line is None:
        return Diagnostic(code, "error", Mark("references"), text, hint)
    return facts.table.diagnostic(code, facts.line, 0, text, hint)


# -- references -----------------------------------------------------------------------------


def _matched(
    studies: Mapping[str, object],
    facts: Mapping[str, Facts],
    references: Sequence[Reference],
    drafts: Drafts,
) -> dict[str, list[Reference]]:
    """References by study: by its DOI, or by its name."""
    names = {folded(name): name for name in studies}
    dois = {f.known["doi"].lower(): name for name, f in facts.items() if f.known.get("doi")}
    found: dict[str, list[Reference]] = {}
    for reference in references:
        doi = reference.fields.get("doi", "").lower()
        named = (names[folded(name)] for name in reference.names if folded(name) in names)
        study = dois.get(doi) if doi in dois else next(named, None)
        if study in studies and study is not None:
            found.setdefault(study, []).append(reference)
        elif reference.fields:
            what = f"{reference.label}: no study of that name has a count"
            drafts.left.append(LeftOut("references", what, reference.where))
    return found


def _reports(
    key: str, name: str, known: Mapping[str, str], references: Sequence[Reference], year: str
) -> list[dict[str, Any]]:
    out = []
    for i, one in enumerate([r.fields for r in references if r.fields] or [{}]):
        own = {k: v for k, v in known.items() if k != "nct"} if i == 0 else {}
        fields = {**one, **own}
        report: dict[str, Any] = {"id": f"{key}-report" + (f"-{i + 1}" if i else "")}
        for part in ("authors", "title", "journal"):
            report[part] = fields.get(part) or UNKNOWN
        report["year"] = int(fields.get("year") or year or 0)
        report |= {part: fields[part] for part in ("volume", "pages", "doi") if fields.get(part)}
        out.append(report)
    return out


# -- records --------------------------------------------------------------------------------


def _record(
    key: str,
    name: str,
    cells: Sequence[Cell],
    facts: Facts,
    references: Sequence[Reference],
    plan: Plan,
    drafts: Drafts,
) -> dict[str, Any]:
    year = _year(name, facts, references, plan, drafts)
    trial: dict[str, Any] = {"design": plan.study.design}
    registry = facts.known.get("nct") or next((r.registry for r in references if r.registry), "")
    if re.fullmatch(REGISTRY_NUMBER, registry):
        trial["registry"] = registry
    elif registry:
        trial["other_registries"] = [registry]
    if year:
        trial["year"] = int(year)
    return {
        "schema": SCHEMA,
        "id": key,
        "label": name,
        "status": "draft",
        "trial": trial,
        "reports": _reports(key, name, facts.known, references, year),
        "cohorts": [*_cohorts(name, cells, plan, facts, drafts)],
    }


def _year(
    name: str, facts: Facts, references: Sequence[Reference], plan: Plan, drafts: Drafts
) -> str:
    """From the line, a reference, the name of the study or the mapping, in this order."""
    said = [facts.known.get("year", ""), *(r.fields.get("year", "") for r in references)]
    year = next((text for text in said if text), "")
    in_name = _YEAR.search(name)
    if not year and in_name:
        year = in_name[1]
        drafts.left.append(LeftOut("to be checked", f"{name}: year {year} is taken from the name",
                                   "the name of the study"))  # fmt: skip
    year = year or str(plan.study.year or "")
    if not year:
        drafts.without_year.append(name)
    return year


def _cohorts(
    name: str, cells: Sequence[Cell], plan: Plan, facts: Facts, drafts: Drafts
) -> Iterator[dict[str, Any]]:
    if not cells:
        yield {"id": _WHOLE, "label": name, "role": plan.study.role}
    ids: dict[str, str] = {}
    against = _against(cells)
    for arm, own in by_arm(cells):
        key = slug(arm).replace("_", "-").strip("-") if arm else _WHOLE
        other = ids.setdefault(key, arm)
        roles = list(dict.fromkeys(cell.role for cell in own))
        if other != arm:
            text = f"{name}: the arms '{arm}' and '{other}' both get the id {key}"
            drafts.problems.append(_diagnostic("IMP004", facts, text))
        if len(roles) > 1:
            text = f"{name}: {arm or 'its arm'} has the roles {', '.join(roles)}"
            drafts.problems.append(_diagnostic("IMP003", facts, text))
        cohort: dict[str, Any] = {"id": key, "label": arm or name, "role": roles[0]}
        sizes = dict(_sizes(name, own, drafts))
        if sizes:
            cohort["populations"] = sizes
        others = [other for other, label in ids.items() if label in against.get(arm, ())]
        if others:
            cohort["lineage"] = {"disjoint_from": others}
        yield cohort | {"proportions": [_proportion(cell) for cell in own]}


def _against(cells: Sequence[Cell]) -> dict[str, set[str]]:
    """The arms that a line sets against each other, who share no patient, by arm."""
    lines: dict[str, set[str]] = {}
    for cell in cells:
        lines.setdefault(cell.where, set()).add(cell.arm)
    found: dict[str, set[str]] = {}
    for arms in lines.values():
        for arm in arms:
            found.setdefault(arm, set()).update(arms - {arm})
    return found


def _sizes(name: str, cells: Sequence[Cell], drafts: Drafts) -> Iterator[tuple[str, Any]]:
    """The size of each population, where its counts agree on one."""
    by_population: dict[str, dict[int, Cell]] = {}
    for cell in cells:
        if cell.n is not None:
            by_population.setdefault(cell.population, {}).setdefault(cell.n, cell)
    for population, sizes in by_population.items():
        if len(sizes) == 1:
            (n, cell), *_ = sizes.items()
            yield population, OneLine(n=n, at=OneLine(cell.n_at))
        else:
            arm = next(iter(sizes.values())).arm
            what = (
                f"{name}{f', {arm}' if arm else ''}: the size of '{population}', as its counts are "
                f"of {' and '.join(map(str, sizes))}"
            )
            drafts.left.append(LeftOut("sizes of populations", what, cells[0].where))


def _proportion(cell: Cell) -> dict[str, Any]:
    numbers = {"count": cell.events, "of": cell.n, "percent": cell.percent or None}
    return {
        "outcome": cell.outcome,
        "population": cell.population,
        **{key: value for key, value in numbers.items() if value is not None},
        "at": OneLine(cell.at),
    }


def check_drafts(texts: Mapping[str, str], vocabulary: Vocabulary) -> None:
    """Raise DataError where a draft is no record, as `carmeta validate` would read it."""
    problems: list[Diagnostic] = []
    with tempfile.TemporaryDirectory() as folder:
        for key, text in texts.items():
            path = Path(folder, f"{key}.yaml")
            path.write_text(text, encoding="utf-8", newline="\n")
            source, found = load_source(path)
            if source is not None:
                _, found = validate(StudyRecord, source, vocabulary)
            problems += found
    if problems:
        told = [_renamed(item) for item in problems]
        raise DataError(f"{len(problems)} values do not fit into records", diagnostics=told)


def _renamed(item: Diagnostic) -> Diagnostic:
    """Under the name that the draft would have."""
    from dataclasses import replace

    return replace(item, mark=replace(item.mark, file=Path(item.mark.file).name))
