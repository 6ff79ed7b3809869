"""Tables read by a mapping: counts with their places, facts of studies, and what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from carmeta.importing.plan import IGNORE, Plan
from carmeta.importing.ris import doi_of
from carmeta.importing.sheet import Line
from carmeta.importing.table import FACTS, LeftOut, Table, Use
from carmeta.importing.values import SHOWN, NoCount, count_of, is_sum
from carmeta.importing.words import Kind, Words
from carmeta.sourcefile import Diagnostic
from carmeta.sourcefile.remedy import says_nothing
from carmeta.vocabulary import REGISTRY_NUMBER

_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_NCT: Final = re.compile(REGISTRY_NUMBER)
_PERCENT: Final = re.compile(r"(<\s*1|\d{1,3}(\.\d{1,4})?)")
_LONGEST: Final = 200  # characters of a name


@dataclass(frozen=True, slots=True)
class Cell:
    """One count of an arm, or one printed percentage, in our words and with its place.

    ``arm`` is empty where the file knows no arms; ``n`` is None where a percentage has none.
    """

    study: str
    arm: str
    role: str
    outcome: str
    population: str
    events: int | None
    percent: str
    n: int | None
    at: Mapping[str, str]
    n_at: Mapping[str, str]
    where: str

    @property
    def numbers(self) -> tuple[int | None, str, int | None]:
        return self.events, self.percent, self.n


@dataclass(slots=True)
class Facts:
    """What lines say of a study as a whole, and where it is said first."""

    known: dict[str, str] = field(default_factory=dict)
    table: Table | None = None
    line: Line | None = None


@dataclass(slots=True)
class Reading:
    """All tables of an import, read."""

    cells: list[Cell] = field(default_factory=list)
    facts: dict[str, Facts] = field(default_factory=dict)
    left: list[LeftOut] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)
    missing: set[Kind] = field(default_factory=set)  # what nothing says of some count
    is_empty: bool = True  # there were no tables at all


def read_tables(
    tables: Sequence[Table], uses: Sequence[Sequence[Use]], plan: Plan, words: Words
) -> Reading:
    """Everything that the tables hold by the mapping."""
    reading = Reading(is_empty=not tables)
    for table, columns in zip(tables, uses, strict=True):
        _Reader(table, columns, plan, words, reading).read()
    return reading


@dataclass(slots=True)
class _Reader:
    table: Table
    uses: Sequence[Use]
    plan: Plan
    words: Words
    out: Reading
    told: set[tuple[Kind, str]] = field(default_factory=set)
    ignored: dict[str, list[str]] = field(default_factory=dict)
    read_before: dict[tuple[str, str, str, str], Cell] = field(default_factory=dict)

    def read(self) -> None:
        counts = [i for i, use in enumerate(self.uses) if use.holds in ("events", "percent")]
        study = self._place("study")
        if study is None or not counts:
            lacks = "study" if study is None else "events or percent"
            what = f"the whole table: no column holds {lacks}"
            self.out.left.append(LeftOut("tables that are not read", what, self.table.name))
            return
        self._tell_ignored()
        for cell in self.out.cells:
            self.read_before.setdefault(_key(cell), cell)
        for line in self.table.sheet.lines:
            self._line(line, study, counts)
        for outcome, rows in self.ignored.items():
            what = f"outcome '{outcome}', which the mapping ignores: {len(rows)} counts"
            self.out.left.append(LeftOut("outcomes that are ignored", what, rows[0]))

    def _place(self, holds: str, arm: str = "") -> int | None:
        found = (i for i, use in enumerate(self.uses) if (use.holds, use.arm) == (holds, arm))
        return next(found, None)

    def _tell_ignored(self) -> None:
        for i, use in enumerate(self.uses):
            if use.holds == "ignored" and self.table.sheet.headings[i]:
                what = f"column {self.table.column(i)}"
                self.out.left.append(LeftOut("columns that are ignored", what, self.table.name))

    def _wrong(self, code: str, line: Line, column: int, message: str, hint: str = "") -> None:
        self.out.problems.append(self.table.diagnostic(code, line, column, message, hint))

    def _line(self, line: Line, study: int, counts: Sequence[int]) -> None:
        width = len(self.uses)
        if len(line.values) < width or any(line.values[width:]):
            text = f"{len(line.values)} values under {width} headings"
            self._wrong("CSV001", line, min(len(line.values), width), text)
            return
        name = " ".join(line.values[study].split())
        if not name:
            self._wrong("CSV006", line, study, "no study name")
            return
        if is_sum(name):
            what = f"'{name}', which looks like a sum"
            self.out.left.append(LeftOut("lines of sums", what, self.table.where(line)))
            return
        if len(name) > _LONGEST:
            text = f"a name of {len(name)} characters; {_LONGEST} are the most"
            self._wrong("IMP004", line, study, text)
            return
        self._facts(name, line)
        for column in counts:
            self._count(name, line, column)

    # -- facts ----------------------------------------------------------------------------

    def _facts(self, name: str, line: Line) -> None:
        facts = self.out.facts.setdefault(name, Facts())
        if facts.table is None:
            facts.table, facts.line = self.table, line
        for i, use in enumerate(self.uses):
            if use.holds not in FACTS or says_nothing(line.values[i]):
                continue
            value = self._fact(use.holds, line, i, name)
            known = facts.known.setdefault(use.holds, value)
            if value and known != value:
                text = f"{name}: {use.holds} '{value[:SHOWN]}' here, '{known[:SHOWN]}' before"
                self._wrong("IMP003", line, i, text, "one study has one")

    def _fact(self, holds: str, line: Line, column: int, name: str) -> str:
        text = line.values[column]
        heading = self.table.sheet.headings[column]
        if holds == "year":
            found, wanted = _YEAR.fullmatch(text.removesuffix(".0")), "a year such as 2019"
            value = found[0] if found else ""
        elif holds == "doi":
            value, wanted = doi_of(text), "10., digits, / and a name"
        elif holds == "nct":
            found = _NCT.fullmatch(text.upper())
            value, wanted = found[0] if found else "", "NCT and eight digits"
        else:
            return text
        if not value:
            hint = f"wanted: {wanted}; or map the column as '{IGNORE}'"
            self._wrong("IMP007", line, column, f"{name}: {heading} '{text[:SHOWN]}'", hint)
        return value

    # -- counts ---------------------------------------------------------------------------

    def _count(self, name: str, line: Line, column: int) -> None:
        use, text = self.uses[column], line.values[column]
        size = self._size_column(use)
        if says_nothing(text) or self._is_empty_arm(line, column, size):
            shown = f"'{text}'" if text else "empty"
            what = f"{name}: {self.table.column(column)} is {shown}"
            if not says_nothing(text):
                what = f"{name}: {self.table.column(column)}, of no patients"
            self.out.left.append(LeftOut("lines without counts", what, self.table.where(line)))
            return
        arm = self._arm(use, line)
        outcome, population, role = (
            self._outcome(use, line, column),
            self._population(line, column),
            self._role(arm, use, line, column),
        )
        if outcome == IGNORE:
            self.ignored.setdefault(self._word("outcome", use, line), []).append(
                self.table.where(line)
            )
            return
        if outcome in self.words.assayed:
            what = f"{name}: {outcome} without its assay, depth and among whom"
            self.out.left.append(LeftOut("assayed outcomes", what, self.table.where(line)))
            return
        before = len(self.out.problems)
        events, percent = self._events(name, line, column)
        n = self._size(name, line, size, column)
        if len(self.out.problems) > before or not (outcome and population and role):
            return
        if events is not None and n is not None and events > n:
            heading = self.table.sheet.headings[column]
            self._wrong("CSV004", line, column, f"{name}: {heading} {events} exceeds {n}")
            return
        read = [column] if size is None else [column, size]
        at = self.table.place(line, read)
        n_at = at if size is None else self.table.place(line, [size])
        where = self.table.where(line)
        cell = Cell(name, arm, role, outcome, population, events, percent, n, at, n_at, where)
        self._add(cell, line, column)

    def _add(self, cell: Cell, line: Line, column: int) -> None:
        known = self.read_before.setdefault(_key(cell), cell)
        both = _together(known, cell)
        if known is cell:
            self.out.cells.append(cell)
        elif both is not None:
            place = next(i for i, one in enumerate(self.out.cells) if one is known)
            self.out.cells[place] = self.read_before[_key(cell)] = both
        elif known.numbers == cell.numbers:
            what = f"{_called(cell)}: the same again as in {known.where}"
            self.out.left.append(LeftOut("repeats", what, cell.where))
        else:
            told = " of ".join(str(x) for x in known.numbers if x not in (None, ""))
            text = f"{_called(cell)} has another count here; {told} in {known.where}"
            hint = "is it another arm, population or outcome? add a column, or map it"
            self._wrong("IMP003", line, column, text, hint)

    def _size_column(self, use: Use) -> int | None:
        """Where the denominator stands: of the same outcome and arm, or of all outcomes."""
        wanted = [(use.outcome, use.arm), ("", use.arm), (use.outcome, ""), ("", "")]
        for outcome, arm in wanted:
            for i, other in enumerate(self.uses):
                if other == Use("n", outcome, arm):
                    return i
        return None

    def _is_empty_arm(self, line: Line, column: int, size: int | None) -> bool:
        """0 of 0, with which RevMan says that there are no data."""
        return size is not None and {line.values[column], line.values[size]} == {"0"}

    def _events(self, name: str, line: Line, column: int) -> tuple[int | None, str]:
        text = line.values[column]
        heading = self.table.sheet.headings[column]
        if self.uses[column].holds == "events":
            return self._number(name, line, column), ""
        percent = text.removesuffix("%").strip()
        if self.table.sheet.separator != ",":
            percent = percent.replace(",", ".")
        value = float(percent) if re.fullmatch(r"\d{1,3}(\.\d+)?", percent) else 0.0
        told = f"{name}: {heading} {text[:SHOWN]}"
        if not _PERCENT.fullmatch(percent) or value > 100:
            hint = "wanted: a percentage from 0 to 100 with up to four decimals"
            self._wrong("IMP007", line, column, told, hint)
        elif 0 < value < 1 and "%" not in text:  # as Excel keeps what it shows as 73%
            hint = "if it is a percentage below 1, write it with '%'; a share is no percentage"
            self._wrong("IMP007", line, column, f"{told} may be a share", hint)
        return None, percent

    def _size(self, name: str, line: Line, size: int | None, column: int) -> int | None:
        if size is None:
            if self.uses[column].holds == "events":
                heading = self.table.sheet.headings[column]
                text = f"{name}: no column holds the patients (n) of {heading}"
                self._wrong("IMP002", line, column, text, "say in the mapping which one does")
            return None
        if not line.values[size] and self.uses[column].holds == "percent":
            return None
        n = self._number(name, line, size)
        if n == 0:
            heading = self.table.sheet.headings[size]
            self._wrong("CSV003", line, size, f"{name}: {heading} is 0")
        return n

    def _number(self, name: str, line: Line, column: int) -> int | None:
        found = count_of(line.values[column], self.table.sheet.separator)
        if isinstance(found, NoCount):
            text = f"{name}: {self.table.sheet.headings[column]} {found.message}"
            self._wrong(found.code, line, column, text, found.hint)
            return None
        return found

    # -- words ----------------------------------------------------------------------------

    def _word(self, holds: Kind, use: Use, line: Line) -> str:
        if holds == "outcome" and use.outcome:
            return use.outcome
        place = self._place(holds)
        return "" if place is None else " ".join(line.values[place].split())

    def _arm(self, use: Use, line: Line) -> str:
        named = self._place("arm", use.arm)
        label = "" if named is None else " ".join(line.values[named].split())
        return label or use.arm

    def _outcome(self, use: Use, line: Line, column: int) -> str:
        word = self._word("outcome", use, line)
        own = self._place("outcome")
        return self._code("outcome", word, line, column if use.outcome or own is None else own)

    def _population(self, line: Line, column: int) -> str:
        place = self._place("population")
        word = self._word("population", self.uses[column], line)
        return self._code("population", word, line, column if place is None else place)

    def _role(self, arm: str, use: Use, line: Line, column: int) -> str:
        """By the column of roles, or else by the arm or what it is in every line of its column."""
        place = self._place("role")
        if place is not None and line.values[place]:
            return self._code("role", line.values[place], line, place)
        roles = self.plan.roles
        known = roles.get(arm) or roles.get(use.arm) or self.words.find("role", arm)
        return self._code("role", known, line, column)

    def _code(self, kind: Kind, word: str, line: Line, column: int) -> str:
        """Our word for one of the file's; empty, and a problem, if there is none."""
        known = self.plan.words(kind)
        default = getattr(self.plan.study, kind)
        code = (known.get(word) if word in known else self.words.find(kind, word)) if word else ""
        code = code or ("" if word else default or "")
        if not word and not code:
            self.out.missing.add(kind)
            return ""
        allowed = code in self.words.codes[kind] or (kind == "outcome" and code == IGNORE)
        if not allowed and (kind, word) not in self.told:
            self.told.add((kind, word))
            shown = f"'{word or code}'"
            if code and word != code:
                shown += f", which is mapped to '{code}'," if word else ""
            hint = self.words.allowed(kind, code or word)
            if word and not code:
                hint += f"; map it with --{kind} '{word}=CODE' or in the mapping"
            self._wrong("IMP001", line, column, f"{kind} {shown} is not declared", hint)
        return code if allowed else ""


def _key(cell: Cell) -> tuple[str, str, str, str]:
    return cell.study, cell.arm, cell.outcome, cell.population


def _together(one: Cell, other: Cell) -> Cell | None:
    """The count and the percentage that a line prints of the same patients, as one number."""
    if one.where != other.where or (one.events is None) == (other.events is None):
        return None
    counted, shared = (one, other) if other.events is None else (other, one)
    if counted.percent or shared.n not in (None, counted.n):
        return None
    columns = [part for cell in (counted, shared) for part in cell.at["column"].split(", ")]
    at = {**counted.at, "column": ", ".join(dict.fromkeys(columns))}
    return replace(counted, percent=shared.percent, at=at)


def _called(cell: Cell) -> str:
    return ", ".join(part for part in (cell.study, cell.arm, cell.outcome, cell.population) if part)


def by_arm(cells: Sequence[Cell]) -> Iterator[tuple[str, list[Cell]]]:
    """The cells of a study by arm, in the order in which the arms come."""
    arms: dict[str, list[Cell]] = {}
    for cell in cells:
        arms.setdefault(cell.arm, []).append(cell)
    yield from arms.items()
