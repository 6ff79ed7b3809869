"""The mapping of an import: what every column holds, and which of our words the file's are.

It is guessed, written beside the file, and read again once it is edited.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from carmeta.domain.record.base import Model
from carmeta.errors import ConfigError
from carmeta.importing.guess import ambiguous, guess
from carmeta.importing.sheet import letters
from carmeta.importing.table import HOLDS, IGNORED, Holds, Table, Use
from carmeta.importing.words import Kind, Words
from carmeta.importing.yamltext import OneLine, dump
from carmeta.sourcefile import Diagnostic, SourceFile, load_source, validate

IGNORE: Final = "ignored"  # what an outcome of the file may be mapped to as well
_PLURAL: Final[Mapping[Kind, str]] = {
    "outcome": "outcomes", "population": "populations", "role": "roles",
}  # fmt: skip
_COMMENT: Final = """\
How `carmeta import` reads these files. Edit it, then import with --mapping and this file.
A column holds: {holds}.
'outcome' and 'arm' of a column say of which, where they are the same in every line.
An outcome may be '{ignored}' as well; null is a word that still has to be mapped.
Below 'study' stands what holds for every study whose line does not say otherwise."""


class ColumnPlan(Model):
    """One column of a table; ``heading`` guards against a file that has changed."""

    column: str
    heading: str
    holds: Holds
    outcome: str | None = None
    arm: str | None = None


class TablePlan(Model):
    """The columns of a table; one that is not named is ignored."""

    file: str
    sheet: str | None = None
    columns: list[ColumnPlan]


class StudyPlan(Model):
    """What holds where a line does not say otherwise."""

    outcome: str | None = None
    population: str | None = None
    role: str | None = None
    design: str | None = None
    year: Annotated[int, Field(ge=1900, le=2100)] | None = None


class Plan(Model):
    """A whole mapping."""

    tables: list[TablePlan] = Field(default_factory=list)
    outcomes: dict[str, str | None] = Field(default_factory=dict)
    populations: dict[str, str | None] = Field(default_factory=dict)
    roles: dict[str, str | None] = Field(default_factory=dict)
    study: StudyPlan = StudyPlan()

    def words(self, kind: Kind) -> dict[str, str | None]:
        """The file's words of a kind and what they are; none of a design."""
        return dict(getattr(self, _PLURAL[kind])) if kind in _PLURAL else {}

    def but(self, kind: Kind, given: Iterable[str]) -> Plan:
        """With what the command line says of a kind: ``WORD=CODE``, or the code for all."""
        default, words = getattr(self.study, kind), self.words(kind)
        for item in given:
            word, equals, code = item.rpartition("=")
            if equals:
                words[word] = code
            else:
                default = code
        changed = self.model_copy(update={"study": self.study.model_copy(update={kind: default})})
        return changed.model_copy(update={_PLURAL[kind]: words}) if kind in _PLURAL else changed


def guessed(tables: Sequence[Table], words: Words) -> Plan:
    """The mapping of tables that nobody has mapped yet."""
    uses = [uses_of(table, words) for table in tables]
    plans = [_table_plan(table, own) for table, own in zip(tables, uses, strict=True)]
    found = {
        kind: {word: _known(kind, word, words) for word in said}
        for kind, said in spoken(tables, uses).items()
    }
    return Plan(
        tables=plans,
        outcomes=found["outcome"],
        populations=found["population"],
        roles=found["role"],
    )


def uses_of(table: Table, words: Words) -> list[Use]:
    """What the columns hold: as the format says, or else guessed."""
    headings = table.sheet.headings
    if table.uses is None:
        return guess(headings, words)
    return [table.uses.get(i, IGNORED) for i in range(len(headings))]


def doubts(tables: Sequence[Table]) -> Iterable[Diagnostic]:
    """Columns of which a guess could have taken another one."""
    for table in tables:
        for i, j in () if table.uses is not None else ambiguous(table.sheet.headings):
            text = f"columns {table.column(i)} and {table.column(j)} could be the same thing"
            hint = "say in the mapping what each holds, and read by it"
            yield table.diagnostic("IMP008", table.sheet.heading, j, text, hint)


def _known(kind: Kind, word: str, words: Words) -> str | None:
    found = words.find(kind, word)
    if not found and kind == "outcome":  # an analysis has its number before its name
        found = words.find(kind, word.partition(" ")[2]) if word[:1].isdigit() else ""
    return found or None


def spoken(tables: Sequence[Table], uses: Sequence[Sequence[Use]]) -> dict[Kind, dict[str, None]]:
    """Every word of the tables that is an outcome, a population, or has a role, in their order.

    An arm has a role by what it is called, or by what it is in every line of its columns.
    """
    found: dict[Kind, dict[str, None]] = {kind: {} for kind in _PLURAL}
    for table, own in zip(tables, uses, strict=True):
        for kind, word in _said(table, own):
            found[kind].setdefault(word)
    return found


def _said(table: Table, uses: Sequence[Use]) -> Iterator[tuple[Kind, str]]:
    for use in uses:
        if use.holds in ("events", "percent"):
            if use.outcome:
                yield "outcome", use.outcome
            if use.arm:
                yield "role", use.arm
    kinds: dict[str, Kind] = {
        "outcome": "outcome", "population": "population", "role": "role", "arm": "role",
    }  # fmt: skip
    for i, use in enumerate(uses):
        for line in table.sheet.lines if use.holds in kinds else ():
            if i < len(line.values) and line.values[i]:
                yield kinds[use.holds], " ".join(line.values[i].split())


def _table_plan(table: Table, uses: Sequence[Use]) -> TablePlan:
    columns = [
        ColumnPlan(
            column=letters(i), heading=heading, holds=use.holds,
            outcome=use.outcome or None, arm=use.arm or None,
        )
        for i, (heading, use) in enumerate(zip(table.sheet.headings, uses, strict=True))
    ]  # fmt: skip
    return TablePlan(file=table.file, sheet=table.sheet.title or None, columns=columns)


def text_of(plan: Plan) -> str:
    """The mapping as YAML."""
    data = plan.model_dump()
    for table in data["tables"]:
        table["columns"] = [
            OneLine({key: value for key, value in column.items() if value is not None})
            for column in table["columns"]
        ]
        if table["sheet"] is None:
            del table["sheet"]
    return dump(data, _COMMENT.format(holds=", ".join(HOLDS), ignored=IGNORE))


def load_plan(path: Path) -> tuple[Plan, SourceFile]:
    """A mapping from its file; ConfigError with every diagnostic."""
    source, problems = load_source(path)
    plan = None
    if source is not None:
        plan, problems = validate(Plan, source)
    if plan is None or source is None:
        raise failed(path, problems)
    return plan, source


def failed(path: Path, problems: Sequence[Diagnostic]) -> ConfigError:
    """The error that a mapping is."""
    noun = "problem" if len(problems) == 1 else "problems"
    text = f"{path}: {len(problems)} {noun} in the mapping"
    return ConfigError(text, diagnostics=problems)


def planned(plan: Plan, source: SourceFile, tables: Sequence[Table]) -> list[list[Use]]:
    """What the columns of each table hold by an edited mapping.

    A table that it does not name is ignored as a whole. Raises ConfigError for tables and
    columns that are not there, or have another heading now.
    """
    by_name = {(table.file, table.sheet.title): table for table in tables}
    uses = {key: [IGNORED] * len(table.sheet.headings) for key, table in by_name.items()}
    problems: list[Diagnostic] = []
    for i, one in enumerate(plan.tables):
        key, path = (one.file, one.sheet or ""), ("tables", i)
        if key not in by_name:
            there = "; ".join(table.name for table in tables)
            text = f"no table '{one.file}'" + (f", sheet '{one.sheet}'" if one.sheet else "")
            where = (*path, "file")
            problems.append(source.diagnostic("IMP006", where, text, hint=f"read: {there}"))
            continue
        headings = by_name[key].sheet.headings
        places = {letters(at): at for at in range(len(headings))}
        for j, column in enumerate(one.columns):
            at = places.get(column.column, -1)
            if at < 0 or headings[at] != column.heading:
                is_now = f"'{headings[at]}'" if at >= 0 else "not there"
                text = f"column {column.column} is {is_now}, not '{column.heading}'"
                at_column = (*path, "columns", j)
                told = source.diagnostic("IMP006", at_column, text, hint="map the file anew")
                problems.append(told)
            else:
                uses[key][at] = Use(column.holds, column.outcome or "", column.arm or "")
    if problems:
        raise failed(source.path, problems)
    return [uses[table.file, table.sheet.title] for table in tables]
