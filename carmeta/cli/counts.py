"""Pool the counts of a CSV file: `carmeta pool --csv`."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from carmeta.cli import terminal
from carmeta.cli.tables import Format, write_json, write_rows
from carmeta.domain.evidence import Mark
from carmeta.domain.models import Kind
from carmeta.domain.request import Request, check
from carmeta.errors import ConfigError, DataError
from carmeta.sourcefile import Diagnostic, NotAFile, nearest, read_file

if TYPE_CHECKING:
    from carmeta.domain.result import Back, Pooled, SubgroupTest

_NEEDED: Final = ("study", "events", "n")
_ARMS: Final = ("events2", "n2")
_KNOWN: Final = (*_NEEDED, *_ARMS, "group")
_MAX_BYTES: Final = 100_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """One study of a file; ``line`` counts from 1."""

    line: int
    study: str
    events: int
    n: int
    events2: int = 0
    n2: int = 0
    group: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What was asked for, its parts where the file has groups, and the effects of the studies.

    ``singles`` has the effect of each study of two arms (None where it is dropped), and is
    empty for one arm.
    """

    pooled: Pooled
    groups: Mapping[str, Pooled] = dataclasses.field(default_factory=dict)
    test: SubgroupTest | None = None
    singles: tuple[Back | None, ...] = ()


def pool_file(
    path: Path, options: Mapping[str, Any], *, forest: Path | None, force: bool, fmt: Format
) -> int:
    """Read, pool, print, draw. Raises DataError with the lines that are wrong.

    ``options`` are those of :class:`carmeta.domain.request.Options`; None is not asked for.
    """
    if forest is not None:
        from carmeta.cli import counts_forest

        counts_forest.check_target(forest, force=force)
    rows, two_arm = read_counts(path)
    groups = [row.group for row in rows] if len({row.group for row in rows}) > 1 else None
    ask = _request(options, two_arm, grouped=groups is not None)
    result = _two_arm(rows, groups, ask) if two_arm else _single_arm(rows, groups, ask)
    written = []
    if forest is not None:
        pages = counts_forest.draw(forest, rows, result)
        written = counts_forest.write(pages, forest, _name(path), force=force)
    for item in (*result.pooled.fallbacks, *result.pooled.cautions):
        terminal.say(f"note: {item.message}")
    if fmt == "json":
        write_json(as_json(result, rows))
    else:
        _print(result, fmt)
    sys.stdout.flush()
    for target in written:
        terminal.say(f"drawn to {target}")
    return 0


# -- reading ------------------------------------------------------------------------------


def read_counts(path: Path) -> tuple[list[Row], bool]:
    """The rows of a file, and whether it has two arms.

    The separator is the comma, or a semicolon or tab if the heading has these instead.
    Raises DataError with a diagnostic for every line that is wrong.
    """
    name = _name(path)
    text = _text(path, name)
    heading = text.split("\n", 1)[0]
    delimiter = next((d for d in ",;\t" if d in heading), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    problems: list[Diagnostic] = []
    rows: list[Row] = []
    try:
        fields = [field.strip() for field in next(reader, [])]
        two_arm = _check_heading(fields, name)
        for values in reader:
            if any(value.strip() for value in values):
                row = _row(fields, values, reader.line_num, name, problems)
                if row is not None:
                    rows.append(row)
    except csv.Error as error:
        raise DataError(f"{name}:{reader.line_num}: not CSV: {error}") from error
    if problems:
        noun = "problem" if len(problems) == 1 else "problems"
        raise DataError(f"{name}: {len(problems)} {noun} in the counts", diagnostics=problems)
    if not rows:
        raise DataError(f"{name}: no studies below the heading")
    return rows, two_arm


def _name(path: Path) -> str:
    return "<stdin>" if str(path) == "-" else path.as_posix()


def _text(path: Path, name: str) -> str:
    try:
        if str(path) == "-":
            raw = sys.stdin.buffer.read(_MAX_BYTES + 1)
        else:
            raw = read_file(path, _MAX_BYTES + 1)
    except NotAFile as error:
        raise DataError(f"{name}: {error}", hint="for standard input write '--csv -'") from error
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror or error}") from error
    if len(raw) > _MAX_BYTES:
        raise DataError(f"{name}: larger than {_MAX_BYTES // 1_000_000} MB")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError(f"{name}:{line}: not UTF-8", hint="save the file as UTF-8") from error


def _check_heading(fields: list[str], name: str) -> bool:
    if not any(fields):
        raise DataError(f"{name}: the file is empty", hint=f"it begins with {','.join(_NEEDED)}")
    for field in fields:
        if field not in _KNOWN:
            similar = nearest(field, [known for known in _KNOWN if known not in fields])
            hint = f"did you mean '{similar}'?" if similar else f"known: {', '.join(_KNOWN)}"
            raise DataError(f"{name}:1: unknown column '{field}'", hint=hint)
        if fields.count(field) > 1:
            raise DataError(f"{name}:1: the column '{field}' stands twice")
    wanted = _NEEDED + (_ARMS if any(arm in fields for arm in _ARMS) else ())
    missing = [field for field in wanted if field not in fields]
    if missing:
        raise DataError(f"{name}:1: no column '{missing[0]}'", hint=f"wanted: {', '.join(wanted)}")
    return len(wanted) > len(_NEEDED)


def _row(
    fields: list[str], values: list[str], line: int, name: str, problems: list[Diagnostic]
) -> Row | None:
    def wrong(code: str, message: str) -> None:
        source = ",".join(values)
        problems.append(Diagnostic(code, "error", Mark(name, line, 1), message, "", source))

    before = len(problems)
    if len(values) != len(fields):
        wrong("CSV001", f"{len(values)} values under {len(fields)} headings")
        return None
    cells = dict(zip(fields, (value.strip() for value in values), strict=True))
    study = cells["study"] or f"line {line}"
    numbers: dict[str, int] = {}
    for key in ("events", "n", "events2", "n2"):
        if key in cells:
            if not (cells[key].isascii() and cells[key].isdecimal()) or len(cells[key]) > 15:
                wrong("CSV002", f"{study}: {key} is no whole number: '{cells[key][:40]}'")
            else:
                numbers[key] = int(cells[key])
    for events, n in (("events", "n"), ("events2", "n2")):
        if numbers.get(n) == 0:
            wrong("CSV003", f"{study}: {n} is 0")
        elif events in numbers and n in numbers and numbers[events] > numbers[n]:
            wrong("CSV004", f"{study}: {events} {numbers[events]} exceeds {n} {numbers[n]}")
    if "group" in cells and not cells["group"]:
        wrong("CSV005", f"{study}: no group")
    if len(problems) > before:
        return None
    return Row(line, study, group=cells.get("group", ""), **numbers)


# -- pooling ------------------------------------------------------------------------------


def _request(options: Mapping[str, Any], two_arm: bool, *, grouped: bool) -> Request:
    """What is asked of the engine; raises ConfigError with every option that cannot be."""
    kind: Kind = "two arms" if two_arm else "one arm"
    found, problems = check(kind, options, grouped=grouped)
    if found is None:
        told = [f"--{p.field.replace('_', '-')} {p.value} {p.why}" for p in problems]
        hints = "; ".join(dict.fromkeys(p.hint for p in problems if p.hint))
        raise ConfigError("; ".join(told), hint=hints)
    return found


def _single_arm(rows: Sequence[Row], groups: Sequence[str] | None, ask: Request) -> Result:
    from carmeta.api.proportions import one_data_set
    from carmeta.api.single_arm import fit

    counts = one_data_set([r.events for r in rows], [r.n for r in rows], [r.study for r in rows])
    if groups is None:
        return Result(fit(counts, ask))
    from carmeta.api.subgroups import fit_groups

    return Result(fit(counts, ask), *fit_groups(counts, groups, ask))


def _two_arm(rows: Sequence[Row], groups: Sequence[str] | None, ask: Request) -> Result:
    from carmeta.api.two_arm import check_arms, effects_of, fit_arms

    arms = check_arms(
        [row.events for row in rows],
        [row.n for row in rows],
        [row.events2 for row in rows],
        [row.n2 for row in rows],
        [row.study for row in rows],
    )
    pooled, singles = fit_arms(arms, ask), effects_of(arms, ask)
    if groups is None:
        return Result(pooled, singles=singles)
    from carmeta.api.subgroups import fit_arm_groups

    return Result(pooled, *fit_arm_groups(arms, groups, ask), singles)


# -- printing -----------------------------------------------------------------------------


def as_json(result: Result, rows: Sequence[Row]) -> dict[str, Any]:
    """The result as plain data; numbers that do not exist, or are infinite, are null."""
    plain: dict[str, Any] = _flat(result.pooled)
    weights = plain.pop("weights") or [None] * len(rows)
    plain["studies"] = [
        {"study": row.study, "weight": weight} for row, weight in zip(rows, weights, strict=True)
    ]
    if result.groups:
        plain["groups"] = {name: _flat(pooled) for name, pooled in result.groups.items()}
    if result.test is not None:
        plain["group_test"] = _plain(result.test)
    return plain


def _flat(pooled: Pooled) -> dict[str, Any]:
    return {name: _plain(value) for name, value in pooled.flat().items()}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _print(result: Result, fmt: Format) -> None:
    columns = {
        "part": "Pool",
        "k": "k",
        "estimate": "Estimate",
        "ci_lb": "CI low",
        "ci_ub": "CI high",
        "pi_lb": "PI low",
        "pi_ub": "PI high",
        "tau2": "tau2",
        "i2": "I2 %",
        "q": "Q",
        "q_pval": "P of Q",
        "lrt": "LRT",
        "lrt_pval": "P of LRT",
        "model": "Model",
    }
    parts = [*result.groups.items(), ("all", result.pooled)]
    rows = [_row_of(name, pooled, shorten=fmt != "csv") for name, pooled in parts]
    write_rows(rows, columns, fmt, right=[key for key in columns if key not in ("part", "model")])
    if result.test is not None:
        from carmeta.report.words import subgroup_test

        terminal.say(subgroup_test(result.test))


def _row_of(name: str, pooled: Pooled, *, shorten: bool) -> dict[str, Any]:
    from carmeta.digits import number_text
    from carmeta.report.numbers import MINUS

    def shown(value: float) -> str | None:
        if not math.isfinite(value):
            return None
        if not shorten:
            return number_text(value)
        text = f"{abs(value):.4g}"
        return MINUS + text if value < 0 else text

    back = pooled.back
    return {
        "part": name,
        "k": pooled.k,
        "estimate": shown(back.estimate),
        "ci_lb": shown(back.ci_lb),
        "ci_ub": shown(back.ci_ub),
        "pi_lb": shown(back.pi_lb),
        "pi_ub": shown(back.pi_ub),
        "tau2": shown(pooled.tau2),
        "i2": shown(pooled.i2),
        "q": shown(pooled.q),
        "q_pval": shown(pooled.q_pval),
        "lrt": shown(pooled.lrt),
        "lrt_pval": shown(pooled.lrt_pval),
        "model": f"{pooled.measure} {pooled.label}",
    }
