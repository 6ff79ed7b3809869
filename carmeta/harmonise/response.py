"""Responses: printed rates, and sums over the categories of best response."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from carmeta.domain.evidence import Reading
from carmeta.domain.record import Cohort, Printed, ResponseTable
from carmeta.errors import DataError
from carmeta.harmonise.counts import (
    Denominator,
    Derived,
    derive,
    describe,
    printed_cell,
    reading,
    summed,
)
from carmeta.rounding import joint_counts
from carmeta.vocabulary import RESPONSE_TIERS

Denominators = Callable[[str, int | None], Denominator]


def printed_rates(
    cohort: Cohort, outcome: str, denominators: Denominators, default_doc: str
) -> Iterator[Reading]:
    """Readings of an outcome that the paper prints as such."""
    for item in cohort.proportions:
        if item.outcome != outcome:
            continue
        found = printed_cell(
            item,
            outcome,
            denominators(item.population, item.of),
            default_doc,
            definition=item.definition or "",
        )
        if found is not None:
            yield found


def summed_categories(
    cohort: Cohort,
    outcome: str,
    denominators: Denominators,
    default_doc: str,
    *,
    cr_with_scr: bool = True,
) -> Iterator[Reading]:
    """Readings summed over best-response categories: CR is sCR + CR, ORR all down to PR.

    Categories are disjoint by definition of best response. A category that the table does
    not list counts as none where the listed ones add to all patients; otherwise the deepest
    listed category of the tier is taken to hold the deeper ones, which is said.
    """
    tier = RESPONSE_TIERS.get(outcome)
    if outcome == "cr" and not cr_with_scr:
        tier = ("CR",)
    if tier is None:
        return
    for table in cohort.response:
        denominator = denominators(table.population, table.of)
        found = _sum(table, tier, denominator)
        if found is None:
            continue
        derived, present = found
        place = table.at.label(default_doc)
        printed = _by_name(table)
        cells = tuple(f"{place}, {name}: {describe(printed[name])}" for name in present)
        yield reading(
            outcome=outcome,
            population=table.population,
            denominator=denominator,
            derived=derived,
            cells=cells,
            attribution=table.attribution,
            definition=" + ".join(present),
        )


def _sum(
    table: ResponseTable, tier: tuple[str, ...], denominator: Denominator
) -> tuple[Derived, tuple[str, ...]] | None:
    printed = _by_name(table)
    present = tuple(name for name in tier if name in printed)
    if not present:
        return None
    joint = _joint(printed, present, denominator)
    if joint is not None:
        return joint, present
    parts = []
    for name in present:
        part = derive(printed[name], denominator)
        if part is None or not part.candidates:
            return None
        parts.append(part)
    counts = [cell.count for cell in table.categories.values()]
    complete = denominator.n is not None and None not in counts
    complete = complete and sum(count or 0 for count in counts) == denominator.n
    # The shallowest category of the tier must be listed, or the sum could miss patients.
    if not complete and tier[-1] not in present:
        return None
    absent = [name for name in tier if name not in present and name != "nCR"]
    candidates, xi, derivation = summed(parts)
    reason = "sum of " + " + ".join(
        f"{name} {_show(p)}" for name, p in zip(present, parts, strict=True)
    )
    if absent and complete:
        reason += f"; {', '.join(absent)} not listed, and the listed categories hold all patients"
    elif absent:
        reason += f"; {', '.join(absent)} not listed separately"
    return Derived(candidates, xi, derivation, "sum-of-categories", reason), present


def _joint(
    printed: dict[str, Printed], present: tuple[str, ...], denominator: Denominator
) -> Derived | None:
    """Counts of categories that are printed as percentages only, and that hold all patients.

    Together they must add to the patients, which leaves fewer counts than each on its own.
    """
    n = denominator.n
    texts = [cell.percent for cell in printed.values()]
    if n is None or any(cell.count is not None for cell in printed.values()):
        return None
    percents = [text for text in texts if text is not None and not text.startswith("<")]
    if len(percents) < len(printed) or len(percents) < 2:
        return None
    slack = sum(0.5 * 10.0 ** -len(text.partition(".")[2]) for text in percents)
    if abs(sum(map(float, percents)) - 100.0) > slack:
        return None  # some patients are in no listed category
    try:
        ways = joint_counts(percents, n, total=n)
    except DataError:  # too many ways to list: each category on its own, then
        return None
    if not ways:
        return None
    wanted = [i for i, name in enumerate(printed) if name in present]
    sums = sorted({sum(way[i] for i in wanted) for way in ways})
    nearest = min(
        ways,
        key=lambda way: sum(
            abs(100.0 * x / n - float(p)) for x, p in zip(way, percents, strict=True)
        ),
    )
    noun = "way" if len(ways) == 1 else "ways"
    reason = f"{len(ways)} {noun} in which the printed percentages of all categories add to {n}"
    return Derived(
        tuple(sums),
        sum(nearest[i] for i in wanted),
        "percent" if len(sums) == 1 else "percent-several",
        "joint-counts",
        reason,
    )


def _by_name(table: ResponseTable) -> dict[str, Printed]:
    return {str(name): cell for name, cell in table.categories.items()}


def _show(part: Derived) -> str:
    low, high = min(part.candidates), max(part.candidates)
    return str(low) if low == high else f"{low} to {high}"
