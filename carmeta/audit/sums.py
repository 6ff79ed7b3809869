"""Sums: response categories to patients, parts to wholes, grades to their totals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from carmeta.audit.context import Context, counted, finding, of_cell, toxicity_tables, what
from carmeta.cells import Cell, tables
from carmeta.domain.evidence import Finding
from carmeta.domain.record import ResponseTable, Toxicity, grade_bounds

# Sets of possible sums are followed up to this size; beyond it a sum says nothing.
_TOO_MANY = 2000


def check(context: Context) -> Iterator[Finding]:
    """SUM001 to SUM005."""
    for key, cells in context.fractions.items():
        for table in tables(cells, "response"):
            yield from _categories(table)
            yield from _responders(table, cells)
        yield from _grades(cells)
        for partition in context.cells.cohorts[key].lineage.partitions:
            parts = [context.cells.resolve(key, part) for part in partition]
            if all(part in context.cells.cohorts for part in parts):
                yield from _parts(context, key, parts)
                yield from _sizes(context, key, parts)
                yield from _average(context, key, parts)
    for study in context.review.studies:
        for index, item in enumerate(study.sums):
            if sum(item.parts.values()) != item.total:
                at = item.at.label(study.default_doc)
                total_at = item.total_at.label(study.default_doc) if item.total_at else at
                shown = ", ".join(f"{what} {count}" for what, count in item.parts.items())
                yield finding(
                    "SUM005",
                    f"the parts add to {sum(item.parts.values())}, the total is {item.total}",
                    study=study.id,
                    path=("sums", index),
                    subject=item.subject,
                    printed=(f"{at}: {shown}", f"{total_at}: {item.total}"),
                )


def add(sets: Sequence[frozenset[int]]) -> frozenset[int] | None:
    """Every sum of one number of each set; None if they are too many to say anything."""
    sums = frozenset((0,))
    for numbers in sets:
        sums = frozenset(a + b for a in sums for b in numbers)
        if len(sums) > _TOO_MANY:
            return None
    return sums


def of_same_patients(cells: Sequence[Cell]) -> bool:
    """Whether all cells that are not empty have one denominator."""
    return len({cell.n for cell in cells if cell.missing is None}) == 1


def _complete(table: Sequence[Cell]) -> bool:
    """Whether the table lists non-responders too, so that it ought to hold everybody."""
    first = table[0]
    assert isinstance(first.item, ResponseTable)
    responses = first.words.widest(first.item.criteria)
    others = any(cell.name not in responses for cell in table if cell.missing is None)
    return others and all(cell.missing is None for cell in table)


def _categories(table: Sequence[Cell]) -> Iterator[Finding]:
    """SUM001: the categories of one denominator against it."""
    for n in dict.fromkeys(cell.n for cell in table if cell.missing is None):
        rows = [cell for cell in table if cell.n == n and cell.missing is None]
        known = [possible for cell in rows if (possible := cell.possible())]
        least, sums = sum(min(possible) for possible in known), add(known)
        if n is None or not known:
            continue
        whole = len(known) == len(table) and _complete(table)
        if least > n or (whole and sums is not None and n not in sums):
            added = counted(sums) if sums else f"at least {least}"
            shown = " + ".join(f"{cell.name} {cell.shown()}" for cell in rows)
            yield of_cell(
                "SUM001",
                rows[0],
                f"the response categories add to {added}, of {n} patients",
                subject="response",
                printed=(f"{table[0].place}: {shown}",),
            )


def _responders(table: Sequence[Cell], cells: Sequence[Cell]) -> Iterator[Finding]:
    """SUM003: each response tier, summed over a table, against the number printed for it."""
    first = table[0]
    complete = _complete(table)
    assert isinstance(first.item, ResponseTable)
    for tier, names in first.words.nested(first.item.criteria).items():
        rows = [cell for cell in table if cell.name in names]
        known = [possible for cell in rows if (possible := cell.possible())]
        sums = add(known)
        if not known or len(known) < len(rows) or sums is None:
            continue
        full = complete or {cell.name for cell in rows} == set(names)
        for cell in cells:
            if cell.subject != tier or cell.population != first.population:
                continue
            printed = cell.possible()
            if not printed or not of_same_patients([cell, *rows]):
                continue
            if (full and not printed & sums) or max(printed) < min(sums):
                added = " + ".join(f"{row.name} {row.shown()}" for row in rows)
                message = (
                    f"{tier} is printed as {cell.shown()}, the categories {added} add to "
                    f"{counted(sums)}"
                )
                yield of_cell("SUM003", cell, message, *rows)


def _grades(cells: Sequence[Cell]) -> Iterator[Finding]:
    """SUM004: sums over a maximum-grade table against the same grades printed elsewhere."""
    groups: dict[tuple[str, str, str], list[tuple[Toxicity, dict[str, Cell]]]] = defaultdict(list)
    for record, table in toxicity_tables(cells):
        name = f"{record.event}{record.term or ''}"
        groups[name, record.population, record.window or ""].append((record, table))
    for same in groups.values():
        for record, here in same:
            if record.counting == "maximum-grade":
                for other, there in same:
                    if other is not record:
                        yield from _against(here, there)


def tiling(key: str, keys: Sequence[str]) -> tuple[str, ...] | None:
    """Grade columns, other than `key`, that cover its grades once each; None if none do.

    >>> tiling("any", ["1-2", "3-4", "5"]), tiling(">=3", ["3", "4"])
    (('1-2', '3-4', '5'), None)
    """
    low, high = grade_bounds(key)
    inside = sorted(
        (grade_bounds(k), k) for k in keys if k != key and _within(grade_bounds(k), (low, high))
    )

    def cover(start: int) -> tuple[str, ...] | None:
        if start > high:
            return ()
        for (a, b), name in inside:
            if a == start and (rest := cover(b + 1)) is not None:
                return (name, *rest)
        return None

    return cover(low)


def _within(inner: tuple[int, int], outer: tuple[int, int]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _against(here: dict[str, Cell], there: dict[str, Cell]) -> Iterator[Finding]:
    for key, cell in there.items():
        tiles = None if key in here else tiling(key, list(here))
        printed = cell.possible()
        if tiles is None or not printed:
            continue
        known = [possible for tile in tiles if (possible := here[tile].possible())]
        sums = add(known)
        if len(known) < len(tiles) or sums is None or printed & sums:
            continue
        rows = [here[tile] for tile in tiles]
        if not of_same_patients([cell, *rows]):
            continue
        added = " + ".join(f"grade {tile} {here[tile].shown()}" for tile in tiles)
        message = f"printed as {cell.shown()}, elsewhere {added} add to {counted(sums)}"
        yield of_cell("SUM004", cell, message, *rows)


def _parts(context: Context, key: str, parts: Sequence[str]) -> Iterator[Finding]:
    """SUM002: counts of the parts against those of the whole, outcome by outcome."""
    for name, cells in by_what(context.fractions[key]).items():
        total = allowed(cells)
        found = [each for part in parts for each in _pieces(context, part, name, cells[0])]
        sets = [possible for each in found if (possible := allowed(each))]
        sums = add(sets)
        if not total or not sets or sums is None:
            continue
        if all(found):
            wrong, verb = not total & sums, "add to"
        else:
            wrong, verb = min(sums) > max(total), "already make"
        if wrong:
            yield _sum_finding(cells[0], [each[0] for each in found if each], verb, sums, total)


def _pieces(context: Context, part: str, name: tuple[str, ...], total: Cell) -> list[list[Cell]]:
    """The part's cells for a number, as one group; an empty group if it has none.

    Rows of the total's own table are preferred: where the part is printed elsewhere only, but
    the cohorts that it consists of have rows in that table, theirs are added instead.
    """
    own = by_what(context.fractions[part]).get(name, [])
    beside = [cell for cell in own if _same_table(cell, total)]
    if beside or not total.at.table:
        return [beside or own]
    for partition in context.cells.cohorts[part].lineage.partitions:
        rows = [
            [
                cell
                for cell in by_what(context.fractions[piece]).get(name, [])
                if _same_table(cell, total)
            ]
            for piece in (context.cells.resolve(part, reference) for reference in partition)
        ]
        if all(rows):
            return rows
    return [own]


def _same_table(a: Cell, b: Cell) -> bool:
    return a.at.table is not None and (a.doc, a.at.table) == (b.doc, b.at.table)


def _sum_finding(
    cell: Cell, parts: Sequence[Cell], verb: str, sums: frozenset[int], total: frozenset[int]
) -> Finding:
    names = ", ".join(part.cohort for part in parts)
    message = f"{names} {verb} {counted(sums)}, the whole is printed as {counted(total)}"
    printed = [f"{part.cohort}: {part.text()}" for part in parts]
    return of_cell("SUM002", cell, message, printed=[*printed, f"{cell.cohort}: {cell.text()}"])


def by_what(cells: Iterable[Cell]) -> dict[tuple[str, ...], list[Cell]]:
    """Cells that say a number, by what they count and of whom."""
    found: dict[tuple[str, ...], list[Cell]] = defaultdict(list)
    for cell in cells:
        if cell.possible():
            found[what(cell)].append(cell)
    return found


def allowed(cells: Sequence[Cell]) -> frozenset[int] | None:
    """What a group of cells for the same number allows: all agree, or all their readings."""
    sets = [possible for cell in cells if (possible := cell.possible())]
    if not sets:
        return None
    common = frozenset.intersection(*sets)
    return common or frozenset.union(*sets)


def _sizes(context: Context, key: str, parts: Sequence[str]) -> Iterator[Finding]:
    """SUM002: sizes of the parts' populations against those of the whole."""
    for population, whole in context.sizes(key).items():
        sizes = [context.sizes(part).get(population) for part in parts]
        known = [size for size in sizes if size is not None]
        added, total = sum(size.count or 0 for size in known), whole.count or 0
        wrong = added > total or (len(known) == len(parts) and added != total)
        if not known or not wrong:
            continue
        verb = "add to" if len(known) == len(parts) else "already make"
        names = ", ".join(size.cohort for size in known)
        yield of_cell(
            "SUM002",
            whole,
            f"{names} {verb} {added} patients ({population}), the whole is {total}",
            subject=f"{population} n",
            printed=[f"{size.cohort}: {size.text()}" for size in (*known, whole)],
        )


def _average(context: Context, key: str, parts: Sequence[str]) -> Iterator[Finding]:
    """SUM002 where sizes are unknown: the whole is an average of its parts, so lies between."""
    for name, cells in _percentages(context.fractions[key]).items():
        pieces = [_percentages(context.fractions[part]).get(name) for part in parts]
        found = [piece[0] for piece in pieces if piece]
        if len(found) < len(parts) or all(cell.n for cell in (*found, cells[0])):
            continue
        total = float(cells[0].percent or 0)
        shares = [float(cell.percent or 0) for cell in found]
        low, high = min(shares), max(shares)
        # Each is rounded by up to half a percent.
        if not low - 1 <= total <= high + 1:
            first = cells[0]
            message = (
                f"the parts have {low:g}% to {high:g}%, the whole is printed as {first.shown()}"
            )
            printed = [*(f"{c.cohort}: {c.text()}" for c in found), first.text()]
            yield of_cell("SUM002", first, message, printed=printed)


def _percentages(cells: Sequence[Cell]) -> dict[str, list[Cell]]:
    found: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        if cell.percent is not None and "<" not in cell.percent and cell.kind == "proportion":
            found[f"{cell.subject}|{cell.population}"].append(cell)
    return found
