"""CRS and neurotoxicity: any grade, and grade 3 or higher, from the grades as printed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from carmeta.domain.evidence import Reading
from carmeta.domain.record import Cohort, Toxicity, grade_bounds
from carmeta.harmonise.counts import Denominator, Derived, derive, describe, reading, summed
from carmeta.vocabulary import SCALE_LABELS

Denominators = Callable[[str, int | None], Denominator]
_WANTED = {
    "crs_any": ("crs", 1),
    "crs_ge3": ("crs", 3),
    "nt_any": ("neurotoxicity", 1),
    "nt_ge3": ("neurotoxicity", 3),
}


def graded(
    cohort: Cohort,
    outcome: str,
    denominators: Denominators,
    default_doc: str,
    *,
    scales: Sequence[str] = (),
) -> Iterator[Reading]:
    """Readings of a toxicity outcome: printed as such, or put together from grade columns.

    Grade columns are added (3-4 and 5, say) or subtracted (any grade less 1-2) only where
    the paper counts each patient at the maximum grade; elsewhere a patient may stand in
    several columns. With ``scales`` only tables graded by one of them are read.
    """
    if outcome not in _WANTED:
        return
    event, lowest = _WANTED[outcome]
    for table in cohort.toxicity:
        if table.event != event or (scales and table.scale not in scales):
            continue
        of = table.of or next((cell.of for cell in table.grades.values() if cell.of), None)
        denominator = denominators(table.population, of)
        found = _find(table, lowest, denominator)
        if found is None:
            continue
        derived, keys = found
        place = table.at.label(default_doc)
        cited = f" [citing {table.cites}]" if table.cites else ""
        yield reading(
            outcome=outcome,
            population=table.population,
            denominator=denominator,
            derived=derived,
            cells=[f"{place}, grade {key}: {describe(table.grades[key])}{cited}" for key in keys],
            attribution=table.attribution,
            grading=_scale(table),
            definition=table.definition or "",
        )


def _scale(table: Toxicity) -> str:
    label = SCALE_LABELS[table.scale]
    return f"modified {label}" if table.scale_modified else label


def _find(
    table: Toxicity, lowest: int, denominator: Denominator
) -> tuple[Derived, tuple[str, ...]] | None:
    cells = {key: derive(cell, denominator) for key, cell in table.grades.items()}
    known = {key: cell for key, cell in cells.items() if cell is not None}
    for key, cell in known.items():
        if grade_bounds(key) == (lowest, 5):
            return cell, (key,)
    if table.counting != "maximum-grade":
        return None
    return _added(known, lowest) or _subtracted(known, lowest)


def _added(known: dict[str, Derived], lowest: int) -> tuple[Derived, tuple[str, ...]] | None:
    """Disjoint columns that together cover the wanted grades to 5, or to 4 and none beyond."""
    start, keys = lowest, []
    while start <= 5:
        step = [key for key in known if grade_bounds(key)[0] == start and known[key].candidates]
        if not step:
            return None
        key = max(step, key=lambda name: grade_bounds(name)[1])
        keys.append(key)
        start = grade_bounds(key)[1] + 1
    candidates, xi, derivation = summed([known[key] for key in keys])
    reason = "maximum grades add up: " + " + ".join(f"grade {key} {known[key].xi}" for key in keys)
    return Derived(candidates, xi, derivation, "sum-of-grades", reason), tuple(keys)


def _subtracted(known: dict[str, Derived], lowest: int) -> tuple[Derived, tuple[str, ...]] | None:
    """Any grade less the grades below: the rest had a higher maximum grade."""
    below = next((key for key in known if grade_bounds(key) == (1, lowest - 1)), None)
    if below is None or "any" not in known:
        return None
    whole, part = known["any"], known[below]
    if len(whole.candidates) != 1 or len(part.candidates) != 1:
        return None
    rest = whole.candidates[0] - part.candidates[0]
    if rest < 0:
        return None
    reason = f"any grade {whole.xi} less grade {below} {part.xi}, by maximum grade"
    return Derived((rest,), rest, "summed", "any-less-lower-grades", reason), ("any", below)
