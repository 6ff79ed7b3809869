"""Confidence intervals against counts: which method reproduces the printed limits.

Written without numpy and scipy, so that an audit of a folder costs no heavy import. Limits
are computed to far more digits than any paper prints.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from statistics import NormalDist
from typing import Final, Literal

from carmeta.audit.context import Context, finding, of_cell
from carmeta.cells import Cell
from carmeta.domain.evidence import DataPath, Finding
from carmeta.domain.record import (
    Characteristic,
    Contrast,
    PrintedInterval,
    StudyRecord,
    TimeResult,
)

Limits = tuple[float, float]
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?")
_SPAN: Final = re.compile(r"(-?\d+(?:\.\d+)?)\s*(?:-|–|to)\s*(-?\d+(?:\.\d+)?)")

# A crude contrast this much farther from no effect, or nearer to it, than the published one
# (on the log scale, in its own standard errors) is more than an adjustment.
_FAR = 2.0


# --- methods ----------------------------------------------------------------------------------


@cache
def normal_quantile(level: int) -> float:
    """The z of a two-sided interval, e.g. 1.959964 for 95."""
    return NormalDist().inv_cdf(0.5 + level / 200)


def _at_least(x: int, n: int, p: float) -> float:
    """P(X >= x) for X ~ Binomial(n, p), summed from its largest term down."""
    if x <= 0 or p >= 1:
        return 1.0
    if p <= 0:
        return 0.0
    if x > n * p:
        return _tail(x, n, p)
    return 1.0 - _tail(n - x + 1, n, 1 - p)  # P(X <= x - 1), by symmetry


def _tail(x: int, n: int, p: float) -> float:
    """The sum from x to n of binomial probabilities that decrease from x on."""
    odds = p / (1 - p)
    log = math.lgamma(n + 1) - math.lgamma(x + 1) - math.lgamma(n - x + 1)
    term = total = math.exp(log + x * math.log(p) + (n - x) * math.log1p(-p))
    for k in range(x, n):
        term *= (n - k) / (k + 1) * odds
        total += term
        if term < 1e-17 * total:
            break
    return total


def _lower(x: int, n: int, level: int) -> float:
    """P with P(X >= x | p) = (1 - level) / 2, by bisection."""
    if x == 0:
        return 0.0
    tail, low, high = (1 - level / 100) / 2, 0.0, x / n
    for _ in range(40):
        middle = (low + high) / 2
        if _at_least(x, n, middle) < tail:
            low = middle
        else:
            high = middle
    return (low + high) / 2


@cache
def clopper_pearson(x: int, n: int, level: int) -> Limits:
    """Exact limits (Clopper & Pearson 1934, Biometrika 26:404), as proportions."""
    return _lower(x, n, level), 1 - _lower(n - x, n, level)


def wald(x: int, n: int, level: int) -> Limits:
    """P -+ z sqrt(p (1 - p) / n); may leave 0 to 1."""
    p = x / n
    half = normal_quantile(level) * math.sqrt(p * (1 - p) / n)
    return p - half, p + half


def wald_corrected(x: int, n: int, level: int) -> Limits:
    """The Wald interval widened by 1 / (2n) at both ends (Fleiss 1981)."""
    low, high = wald(x, n, level)
    return low - 1 / (2 * n), high + 1 / (2 * n)


def wilson(x: int, n: int, level: int) -> Limits:
    """The score interval (Wilson 1927, J Am Stat Assoc 22:209)."""
    z, p = normal_quantile(level), x / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return middle - half, middle + half


def agresti_coull(x: int, n: int, level: int) -> Limits:
    """The Wald interval of x + z^2/2 in n + z^2 (Agresti & Coull 1998, Am Stat 52:119)."""
    z = normal_quantile(level)
    size = n + z * z
    p = (x + z * z / 2) / size
    half = z * math.sqrt(p * (1 - p) / size)
    return p - half, p + half


METHODS: Final[dict[str, Callable[[int, int, int], Limits]]] = {
    "clopper-pearson": clopper_pearson,
    "wald": wald,
    "wilson": wilson,
    "agresti-coull": agresti_coull,
    "wald with continuity correction": wald_corrected,
}
Match = Literal["yes", "twice", "no"]


def reproduces(method: str, x: int, n: int, printed: PrintedInterval) -> Match:
    """Whether the method gives the printed limits of x in n, after rounding.

    Returns ``twice`` if only by rounding to one more decimal first.
    """
    low, high = METHODS[method](x, n, printed.level)
    found = (_rounds(low, printed.lb), _rounds(high, printed.ub))
    if "no" in found:
        return "no"
    return "twice" if "twice" in found else "yes"


def _rounds(limit: float, text: str) -> Match:
    """A limit as a proportion against the printed percentage. NE matches nothing."""
    if text == "NE":
        return "no"
    unit = 10.0 ** -len(text.partition(".")[2])
    # Limits below 0 and above 100 are printed as they are, or cut.
    distance = min(
        abs(100 * limit - float(text)), abs(100 * min(max(limit, 0.0), 1.0) - float(text))
    )
    tiny = 1e-9
    if distance <= 0.5 * unit + tiny:
        return "yes"
    return "twice" if distance <= 0.55 * unit + tiny else "no"


# --- checks -----------------------------------------------------------------------------------


def check(context: Context) -> Iterator[Finding]:
    """CIV001 to CIV006."""
    for cell in context.cells:
        if isinstance(cell.item, TimeResult):
            yield from _time(cell, cell.item)
        elif isinstance(cell.item, Characteristic):
            yield from _characteristic(cell, cell.item)
        elif cell.ci is not None:
            yield from _cell(cell, cell.ci)
    for study in context.review.studies:
        for index, contrast in enumerate(study.contrasts):
            yield from _Ratio(context, study, contrast, ("contrasts", index)).all()


def _shown(ci: PrintedInterval) -> str:
    return f"{ci.level}% CI {ci.lb} to {ci.ub}"


def _cell(cell: Cell, ci: PrintedInterval) -> Iterator[Finding]:
    exact = cell.count is not None and cell.n
    estimate = f"{100 * (cell.count or 0) / (cell.n or 1):.4f}" if exact else cell.percent
    if estimate is not None and "<" not in estimate and not _inside(estimate, ci):
        message = f"{cell.shown()} lies outside its {_shown(ci)}"
        yield of_cell("CIV004", cell, message)
        return
    n, candidates = cell.n, cell.possible()
    if not n or not candidates or ci.method == "kaplan-meier" or "NE" in (ci.lb, ci.ub):
        return
    candidates = frozenset(x for x in candidates if x <= n)
    good: dict[str, int] = {}  # method -> a count whose limits it gives as printed
    twice: dict[str, int] = {}
    for method in METHODS:
        for x in sorted(candidates):
            match = reproduces(method, x, n, ci)
            if match != "no":
                (good if match == "yes" else twice).setdefault(method, x)
    if candidates:
        yield from _judge(cell, ci, n, min(candidates), good, twice)


def _judge(
    cell: Cell,
    ci: PrintedInterval,
    n: int,
    x: int,
    good: dict[str, int],
    twice: dict[str, int],
) -> Iterator[Finding]:
    stated: str | None = ci.method if ci.method in METHODS else None
    if stated in good or (stated is None and good):
        return
    if stated in twice or (stated is None and twice):
        method = stated or next(iter(twice))
        limits = _limits(method, twice[method], n, ci)
        message = f"the {method} limits of {twice[method]} in {n}, {limits}, rounded twice"
        yield of_cell("CIV003", cell, f"{_shown(ci)}: {message}")
        return
    if stated is not None:
        instead = f"; {' and '.join(good)} would" if good else "; nor does another usual method"
        message = (
            f"{stated} gives {_limits(stated, x, n, ci)} for {x} in {n}, not {ci.lb} to "
            f"{ci.ub}{instead}"
        )
        yield of_cell("CIV001", cell, message)
        return
    tried = ", ".join(f"{method} {_limits(method, x, n, ci)}" for method in METHODS)
    yield of_cell("CIV002", cell, f"{_shown(ci)} of {x} in {n}: {tried}")


def _limits(method: str, x: int, n: int, ci: PrintedInterval) -> str:
    low, high = METHODS[method](x, n, ci.level)
    places = max(len(text.partition(".")[2]) for text in (ci.lb, ci.ub)) + 1
    return f"{100 * low:.{places}f} to {100 * high:.{places}f}"


def _inside(estimate: str, ci: PrintedInterval) -> bool:
    """Whether lb <= estimate <= ub, allowing for the rounding of each."""
    value, half = Fraction(estimate), _half(estimate)
    if "NE" not in (ci.lb, ci.ub) and Fraction(ci.lb) > Fraction(ci.ub):
        return False
    above = ci.lb == "NE" or Fraction(ci.lb) - _half(ci.lb) <= value + half
    below = ci.ub == "NE" or value - half <= Fraction(ci.ub) + _half(ci.ub)
    return above and below


def _half(text: str) -> Fraction:
    return Fraction(1, 2 * 10 ** len(text.partition(".")[2]))


def _time(cell: Cell, time: TimeResult) -> Iterator[Finding]:
    if not _NUMBER.fullmatch(time.value):
        return
    if time.ci is not None and not _inside(time.value, time.ci):
        yield _outside(cell, f"{time.value} ({_shown(time.ci)})")
    if time.range is not None and not _spans(time.range, time.value):
        yield _outside(cell, f"{time.value} (range {time.range})")
    if time.statistic == "hazard-ratio" and time.ci is not None:
        message = _asymmetry(time.value, time.ci)
        if message:
            shown = f"{cell.place}: {time.value} ({_shown(time.ci)})"
            yield of_cell("CIV005", cell, message, subject=cell.name, printed=(shown,))


def _characteristic(cell: Cell, item: Characteristic) -> Iterator[Finding]:
    value = item.value or ""
    if item.range and _NUMBER.fullmatch(value) and not _spans(item.range, value):
        yield _outside(cell, f"{value} (range {item.range})")


def _outside(cell: Cell, shown: str) -> Finding:
    message = f"{shown}: the value lies outside"
    return of_cell("CIV004", cell, message, subject=cell.name, printed=(f"{cell.place}: {shown}",))


def _spans(text: str, value: str) -> bool:
    span = _SPAN.fullmatch(text.strip())
    return span is None or Fraction(span[1]) <= Fraction(value) <= Fraction(span[2])


def _asymmetry(value: str, ci: PrintedInterval) -> str:
    """What CIV005 says of a ratio whose limits are not central about it on the log scale.

    The geometric mean of the limits, within their rounding, is held against the ratio.
    """
    if "NE" in (ci.lb, ci.ub) or min(map(float, (ci.lb, ci.ub, value))) <= 0:
        return ""
    least = math.sqrt(max(_bound(ci.lb, -1), 0.0) * max(_bound(ci.ub, -1), 0.0))
    most = math.sqrt(_bound(ci.lb, 1) * _bound(ci.ub, 1))
    if least <= _bound(value, 1) and most >= _bound(value, -1):
        return ""
    middle = math.sqrt(float(ci.lb) * float(ci.ub))
    return f"{value} ({_shown(ci)}): the limits are central about {middle:.3f}"


def _bound(text: str, sign: int) -> float:
    return float(Fraction(text) + sign * _half(text))


@dataclass(frozen=True, slots=True)
class _Ratio:
    """A published contrast of two cohorts, held against its limits and the printed counts."""

    context: Context
    study: StudyRecord
    item: Contrast
    path: DataPath

    def all(self) -> Iterator[Finding]:
        item, ci = self.item, self.item.ci
        if ci is None:
            return
        shown = f"{item.estimate} ({_shown(ci)})"
        if not _inside(item.estimate, ci):
            yield self._finding("CIV004", f"{shown}: the value lies outside", shown)
            return
        if item.measure == "RD" or "NE" in (ci.lb, ci.ub) or float(ci.lb) <= 0:
            return
        message = _asymmetry(item.estimate, ci)
        if message:
            yield self._finding("CIV005", message, shown)
        yield from self._against_counts(ci)

    def _against_counts(self, ci: PrintedInterval) -> Iterator[Finding]:
        crude = _crude(self.context, self.study, self.item)
        if crude is None:
            return
        item, (ratio, cells) = self.item, crude
        z = normal_quantile(ci.level)
        se = (math.log(float(ci.ub)) - math.log(float(ci.lb))) / (2 * z)
        if abs(math.log(ratio) - math.log(float(item.estimate))) > _FAR * se:
            message = (
                f"{item.measure} {item.estimate} ({_shown(ci)}), but the counts give {ratio:.2f}"
            )
            yield self._finding("CIV006", message, f"{item.measure} {item.estimate}", *cells)

    def _finding(self, code: str, message: str, shown: str, *cells: Cell) -> Finding:
        return finding(
            code,
            message,
            study=self.study.id,
            path=self.path,
            subject=self.item.outcome,
            printed=(
                f"{self.item.at.label(self.study.default_doc)}: {shown}",
                *(cell.text() for cell in cells),
            ),
        )


def _crude(
    context: Context, study: StudyRecord, item: Contrast
) -> tuple[float, tuple[Cell, Cell]] | None:
    """The crude ratio of the first printed counts of both cohorts, and the cells."""
    found: list[Cell] = []
    for reference in (item.treatment, item.control):
        key = context.cells.resolve(f"{study.id}/", reference)
        cells = [
            c
            for c in context.fractions.get(key, ())
            if c.subject == item.outcome and c.count is not None and c.n
        ]
        if not cells:
            return None
        found.append(cells[0])
    (a, n1), (c, n2) = ((cell.count or 0, cell.n or 0) for cell in found)
    if min(a, c, n1 - a, n2 - c) <= 0:
        return None
    ratio = (a / n1) / (c / n2) if item.measure == "RR" else a * (n2 - c) / ((n1 - a) * c)
    return ratio, (found[0], found[1])
