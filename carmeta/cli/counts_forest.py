"""The forest plot of counts from a CSV file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from carmeta.domain.analysis import (
    ArmPair,
    ContrastAnalysis,
    OutcomeAnalysis,
    StudyRow,
    Subgroup,
    generated_from,
)
from carmeta.domain.evidence import Count
from carmeta.domain.words import OutcomeTerm
from carmeta.errors import ConfigError
from carmeta.importing.sheet import file_name
from carmeta.outputs import check_free, write_file

if TYPE_CHECKING:
    from carmeta.cli.counted import Result, Row
    from carmeta.report.canvas import Drawing, Format

_FORMATS: Final[dict[str, Format]] = {".svg": "svg", ".pdf": "pdf", ".png": "png"}
_OUTCOME: Final = OutcomeTerm.unknown("Events")


def check_target(path: Path, source: Path, *, force: bool) -> None:
    """Raise where ``path`` cannot be drawn to.

    Raises:
        ConfigError: Its ending is of no figure, or the counts of ``source`` stand there.
        OutputError: It is there and not to be replaced.
    """
    if path.suffix.lower() not in _FORMATS:
        raise ConfigError(f"--forest {path}: not a figure", hint="end it with .svg, .pdf or .png")
    if path.exists() and source.exists() and path.samefile(source):
        raise ConfigError(f"--forest {path}: the counts stand there", hint="draw to another file")
    check_free(path, force=force)


def draw(path: Path, rows: Sequence[Row], result: Result) -> list[bytes]:
    """The pages of the figure, in the format that ``path`` ends with."""
    from carmeta.report.canvas import save

    form = _FORMATS[path.suffix.lower()]
    return [save(drawing, form) for drawing in _drawings(rows, result)]


def write(pages: Sequence[bytes], path: Path, source: Path, *, force: bool) -> list[Path]:
    """Write to ``path``, further pages to ``-2``, ``-3``, ... Returns what was written.

    Raises:
        ConfigError, OutputError: As :func:`check_target`; then none is written.
    """
    from carmeta.report.generated import marked

    numbers = range(2, len(pages) + 1)
    targets = [path, *(path.with_stem(f"{path.stem}-{number}") for number in numbers)]
    for target in targets:
        check_target(target, source, force=force)
    notice = generated_from(Path(file_name(source)).name)
    for target, data in zip(targets, pages, strict=True):
        write_file(target, marked(target.name, data, notice), force=force)
    return targets


def _drawings(rows: Sequence[Row], result: Result) -> list[Drawing]:
    if result.singles:
        from carmeta.report.forest_contrast import forest_contrast

        return forest_contrast(_contrast(rows, result), result.pooled.measure)
    from carmeta.report.forest import forest

    return forest(_outcome(rows, result))


def _count(row: Row, xi: int, ni: int) -> Count:
    return Count(
        study=row.study, cohort="", slab=row.study, product="", outcome=_OUTCOME.code, xi=xi, ni=ni,
        candidates=(xi,), population="", derivation="printed", source="",
    )  # fmt: skip


def _weights(rows: Sequence[Row], result: Result) -> Sequence[float]:
    return result.pooled.weights or [math.nan] * len(rows)


def _study_rows(rows: Sequence[Row], result: Result) -> Iterator[StudyRow]:
    from carmeta.api import study_intervals

    shares, low, high = study_intervals(
        [row.events for row in rows], [row.n for row in rows], level=result.pooled.level
    )
    for i, (row, weight) in enumerate(zip(rows, _weights(rows, result), strict=True)):
        count = _count(row, row.events, row.n)
        yield StudyRow(count, float(shares[i]), float(low[i]), float(high[i]), weight)


def _outcome(rows: Sequence[Row], result: Result) -> OutcomeAnalysis:
    drawn = list(_study_rows(rows, result))
    subgroups = tuple(
        Subgroup(
            "group", name, name,
            tuple(drawn[i] for i, row in enumerate(rows) if row.group == name), pooled,
        )
        for name, pooled in result.groups.items()
    )  # fmt: skip
    tests = (result.test,) if result.test is not None else ()
    return OutcomeAnalysis(
        _OUTCOME, tuple(drawn), result.pooled, (), (), subgroups=subgroups, subgroup_tests=tests
    )


def _contrast(rows: Sequence[Row], result: Result) -> ContrastAnalysis:
    measure = result.pooled.measure
    weights = _weights(rows, result)
    pairs = tuple(
        ArmPair(
            study=row.study,
            slab=row.study,
            treatment=_count(row, row.events, row.n),
            control=_count(row, row.events2, row.n2),
            effects={} if single is None else {measure: single},
            weights={measure: weight},
        )
        for row, single, weight in zip(rows, result.singles, weights, strict=True)
    )
    return ContrastAnalysis(_OUTCOME, pairs, (result.pooled,))
