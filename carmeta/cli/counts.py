"""Pool the counts of a CSV or Excel file: `carmeta pool --csv`."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carmeta.cli import terminal
from carmeta.cli.counted import Result, Row, doubts, read_counts
from carmeta.cli.tables import Format, write_json, write_rows
from carmeta.domain.models import UNASKED, Arms
from carmeta.domain.request import Problem, Request, check
from carmeta.errors import ConfigError, EstimationError
from carmeta.importing.sheet import file_name

if TYPE_CHECKING:
    from carmeta.domain.result import Pooled

Pool = Callable[[Sequence[Row], Sequence[str] | None, Request], Result]


def pool_file(
    path: Path,
    options: Mapping[str, Any],
    *,
    group: str | None,
    forest: Path | None,
    force: bool,
    fmt: Format,
) -> int:
    """Read, pool, print, draw. Raises DataError with the lines that are wrong.

    ``options`` are fields of :class:`carmeta.domain.request.Request`; None is not asked for.
    ``group`` names the column to group by.
    """
    if forest is not None:
        from carmeta.cli import counts_forest

        counts_forest.check_target(forest, path, force=force)
    counts = read_counts(path, group)
    rows = counts.rows
    if counts.guessed:
        terminal.say(f"{file_name(path)} is read with {counts.guessed}")
    levels = dict.fromkeys(row.group for row in rows)
    groups = [row.group for row in rows] if len(levels) > 1 else None
    ask, *others = _requests(options, counts.two_arm, grouped=groups is not None)
    pool = _two_arm if counts.two_arm else _single_arm
    result = pool(rows, groups, ask)
    result = dataclasses.replace(result, beside=tuple(_beside(pool, rows, others)))
    written = []
    if forest is not None:
        pages = counts_forest.draw(forest, rows, result)
        written = counts_forest.write(pages, forest, path, force=force)
    for doubt in doubts(rows):
        terminal.say(f"warning: {doubt}")
    for note in _notes(result, rows, options):
        terminal.say(f"note: {note}")
    if fmt == "json":
        write_json(as_json(result, rows))
    else:
        _print(result, fmt)
    sys.stdout.flush()
    for target in written:
        terminal.say(f"drawn to {target}")
    return 0


def _beside(pool: Pool, rows: Sequence[Row], asks: Sequence[Request]) -> Iterator[Pooled]:
    """The models that accompany the headline, as far as they can be fitted."""
    for ask in asks:
        try:
            yield pool(rows, None, ask).pooled
        except EstimationError as error:
            terminal.say(f"note: {ask.model} beside it could not be fitted: {error.message}")


def _requests(options: Mapping[str, Any], two_arm: bool, *, grouped: bool) -> list[Request]:
    """What is asked of the engine, the headline first.

    Where no model is named these are the usual ones, less those that cannot have an option that
    is given. Raises ConfigError with every option that cannot be.
    """
    kind: Arms = "two arms" if two_arm else "one arm"
    codes = UNASKED[kind] if options["model"] is None else (options["model"],)
    checked = {code: check(kind, {**options, "model": code}, grouped=grouped) for code in codes}
    able = [found for found, _ in checked.values() if found is not None]
    unable = {code: problems for code, (found, problems) in checked.items() if found is None}
    if not able:
        problems = unable[codes[-1]]
        hints = "; ".join(dict.fromkeys(p.hint for p in problems if p.hint))
        raise ConfigError("; ".join(map(_told, problems)), hint=hints)
    for code, problems in unable.items():
        terminal.say(f"note: without {code}: {'; '.join(map(_told, problems))}")
    return able


def _told(problem: Problem) -> str:
    return f"--{problem.field.replace('_', '-')} {problem.value} {problem.why}"


def _single_arm(rows: Sequence[Row], groups: Sequence[str] | None, ask: Request) -> Result:
    from carmeta.api.proportions import one_data_set
    from carmeta.api.single_arm import fit

    counts = one_data_set([r.events for r in rows], [r.n for r in rows], [r.study for r in rows])
    empty = any(row.events in (0, row.n) for row in rows)
    if groups is None:
        return Result(fit(counts, ask), empty_cells=empty)
    from carmeta.api.subgroups import fit_groups

    return Result(fit(counts, ask), *fit_groups(counts, groups, ask), empty_cells=empty)


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
    counts = arms.counts
    empty = bool((counts.zero_cell & ~counts.silent(ask.measure, ask.drop00)).any())
    if groups is None:
        return Result(pooled, singles=singles, empty_cells=empty)
    from carmeta.api.subgroups import fit_arm_groups

    return Result(pooled, *fit_arm_groups(arms, groups, ask), singles=singles, empty_cells=empty)


def _notes(result: Result, rows: Sequence[Row], options: Mapping[str, Any]) -> Iterator[str]:
    """What was done otherwise than asked, and what was asked for and had nothing to do."""
    yield from (item.message for item in (*result.pooled.fallbacks, *result.pooled.cautions))
    for name, pooled in result.groups.items():
        yield from (f"{name}: {item.message}" for item in pooled.fallbacks)
    told = {item.message for item in (*result.pooled.fallbacks, *result.pooled.cautions)}
    for other in result.beside:
        further = (*other.fallbacks, *other.cautions)
        yield from (f"{other.model}: {i.message}" for i in further if i.message not in told)
    if rows[0].group and not result.groups:
        yield f"every study is in the group '{rows[0].group}': there are no groups to compare"
    if options["to"] != "all" and not result.empty_cells:
        for name in ("add", "to"):
            if options[name] is not None:
                yield f"--{name} has no effect: no study that is pooled has an empty cell"


# -- printing -----------------------------------------------------------------------------


def as_json(result: Result, rows: Sequence[Row]) -> dict[str, Any]:
    """The result as plain data; numbers that do not exist, or are infinite, are null."""
    plain: dict[str, Any] = _flat(result.pooled)
    weights = plain.pop("weights") or [None] * len(rows)
    plain["studies"] = [
        {"study": row.study, "weight": weight} | ({"further": row.further} if row.further else {})
        for row, weight in zip(rows, weights, strict=True)
    ]
    if result.beside:
        plain["beside"] = [_flat(pooled) for pooled in result.beside]
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
    columns = {"row": "Row"} if fmt == "csv" else {}
    columns |= {
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
    shorten = fmt != "csv"
    rows = [
        {"row": "group", "part": name, **_row_of(pooled, shorten=shorten)}
        for name, pooled in result.groups.items()
    ]
    # A group may be called anything: in a CSV file `row` tells the pool of all from it.
    name = "all studies" if shorten else ""
    rows += [
        {"row": "overall", "part": name, **_row_of(pooled, shorten=shorten)}
        for pooled in (result.pooled, *result.beside)
    ]
    words = ("row", "part", "model")
    write_rows(rows, columns, fmt, right=[key for key in columns if key not in words])
    if result.test is not None:
        from carmeta.report.words import subgroup_test

        terminal.say(subgroup_test(result.test))


def _row_of(pooled: Pooled, *, shorten: bool) -> dict[str, Any]:
    from carmeta.digits import number_text
    from carmeta.report.numbers import MINUS, NOT_ESTIMABLE

    def shown(value: float, absent: str | None = None) -> str | None:
        if not math.isfinite(value):
            return absent
        if not shorten:
            return number_text(value)
        text = f"{abs(value):.4g}"
        return MINUS + text if value < 0 else text

    back = pooled.back
    return {
        "k": pooled.k,
        "estimate": shown(back.estimate, NOT_ESTIMABLE if shorten else None),
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
