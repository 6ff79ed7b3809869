"""Errors planted one at a time into the real records: how many does the audit see?

A planted error counts as seen if it makes a finding of severity error or warning that the
untouched record does not have: another code, cohort or subject. A changed message alone does
not count, as an acknowledgement of the old finding would cover the new one.

``python tests/unit/audit/test_seeded_errors.py`` prints the table of docs/audit.md.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from carmeta.audit import audit
from carmeta.domain.record import Review, StudyRecord
from carmeta.records import load_review
from tests.words import MYELOMA

STUDIES = Path(__file__).parents[3] / "studies"
SEED = 4
EACH = 50  # of a kind; fewer where the records have fewer places for it

Record = dict[str, Any]
Planter = Callable[[Record, random.Random], Iterator[Record]]


@cache
def review() -> Review:
    loaded = load_review(STUDIES)
    assert loaded.review is not None, loaded.diagnostics
    return loaded.review


def seen(studies: list[StudyRecord]) -> set[tuple[str, str, str, str]]:
    whole = review()
    part = Review(words=MYELOMA, studies=studies, products=whole.products, reports=whole.reports)
    return {
        (one.code, one.study, one.cohort, one.subject)
        for one in audit(part)
        if one.severity != "info"
    }


# --- where errors can be planted ----------------------------------------------------------------


def cells(cohort: Record) -> Iterator[Record]:
    """Every printed cell of a cohort, as a dictionary to be changed in place."""
    yield from cohort.get("proportions", [])
    yield from cohort.get("assayed", [])
    for table in cohort.get("response", []):
        yield from table["categories"].values()
    for table in cohort.get("toxicity", []):
        yield from table["grades"].values()
    yield from cohort.get("characteristics", [])


def each(record: Record, wanted: Callable[[Record], bool]) -> Iterator[tuple[Record, Record]]:
    """A copy of the record for each cell that is wanted, and that cell in the copy."""
    places = [
        (i, j)
        for i, cohort in enumerate(record["cohorts"])
        for j, cell in enumerate(cells(cohort))
        if wanted(cell)
    ]
    for i, j in places:
        made = copy.deepcopy(record)
        yield made, list(cells(made["cohorts"][i]))[j]


def count_off_by_one(with_percent: bool) -> Planter:
    def plant(record: Record, rng: random.Random) -> Iterator[Record]:
        for made, cell in each(record, lambda c: "count" in c and ("percent" in c) is with_percent):
            cell["count"] += rng.choice([-1, 1]) if cell["count"] else 1
            yield made

    return plant


def count_transposed(record: Record, rng: random.Random) -> Iterator[Record]:
    for made, cell in each(record, lambda c: c.get("count", 0) > 9):
        digits = str(cell["count"])
        turned = int(digits[:-2] + digits[-1] + digits[-2])
        if turned != cell["count"]:
            cell["count"] = turned
            yield made


def percent_typo(record: Record, rng: random.Random) -> Iterator[Record]:
    """A wrong, a doubled-up or two exchanged digits."""
    for made, cell in each(record, lambda c: c.get("percent", "<")[0] not in "<0"):
        text = cell["percent"]
        position = rng.choice([i for i, c in enumerate(text) if c.isdigit()])
        wrong = text[:position] + str((int(text[position]) + rng.randint(1, 9)) % 10)
        typo = wrong + text[position + 1 :]
        if float(typo) <= 100 and not (len(typo) > 1 and typo[0] == "0" and typo[1] != "."):
            cell["percent"] = typo
            yield made


def wrong_denominator(record: Record, rng: random.Random) -> Iterator[Record]:
    """Off by up to five, in a cell or in the size of a population."""
    for made, cell in each(record, lambda c: c.get("of", 0) > 0):
        cell["of"] = max(1, cell["of"] + rng.choice([-5, -3, -2, -1, 1, 2, 3, 5]))
        yield made
    for i, cohort in enumerate(record["cohorts"]):
        for name, size in cohort.get("populations", {}).items():
            if size["n"] > 0 and any(True for _ in cells(cohort)):
                made = copy.deepcopy(record)
                sizes = made["cohorts"][i]["populations"]
                sizes[name]["n"] = max(1, size["n"] + rng.choice([-5, -3, -2, -1, 1, 2, 3, 5]))
                if sizes[name]["n"] != size["n"]:
                    yield made


def swapped_grades(record: Record, rng: random.Random) -> Iterator[Record]:
    for i, cohort in enumerate(record["cohorts"]):
        for j, table in enumerate(cohort.get("toxicity", [])):
            keys = list(table["grades"])
            if len(keys) > 1:
                a, b = rng.sample(keys, 2)
                if table["grades"][a] != table["grades"][b]:
                    made = copy.deepcopy(record)
                    grades = made["cohorts"][i]["toxicity"][j]["grades"]
                    grades[a], grades[b] = grades[b], grades[a]
                    yield made


def swapped_categories(record: Record, rng: random.Random) -> Iterator[Record]:
    for i, cohort in enumerate(record["cohorts"]):
        for j, table in enumerate(cohort.get("response", [])):
            keys = list(table["categories"])
            for _ in range(3):
                a, b = rng.sample(keys, 2)
                if table["categories"][a] != table["categories"][b]:
                    made = copy.deepcopy(record)
                    categories = made["cohorts"][i]["response"][j]["categories"]
                    categories[a], categories[b] = categories[b], categories[a]
                    yield made


def swapped_cohorts(record: Record, rng: random.Random) -> Iterator[Record]:
    """One row's numbers under the columns of two cohorts exchanged."""
    keys = ("count", "of", "percent", "ci", "missing")
    for i, first in enumerate(record["cohorts"]):
        for k, second in list(enumerate(record["cohorts"]))[i + 1 :]:
            for a, one in enumerate(first.get("proportions", [])):
                for b, two in enumerate(second.get("proportions", [])):
                    same = one["outcome"] == two["outcome"] and one["at"].get("row")
                    if not same or one["at"]["row"] != two["at"].get("row"):
                        continue
                    if all(one.get(key) == two.get(key) for key in keys):
                        continue
                    made = copy.deepcopy(record)
                    x = made["cohorts"][i]["proportions"][a]
                    y = made["cohorts"][k]["proportions"][b]
                    for key in keys:
                        old = x.pop(key, None), y.pop(key, None)
                        x |= {key: old[1]} if old[1] is not None else {}
                        y |= {key: old[0]} if old[0] is not None else {}
                    yield made


def grade_five_dropped(record: Record, rng: random.Random) -> Iterator[Record]:
    for i, cohort in enumerate(record["cohorts"]):
        for j, table in enumerate(cohort.get("toxicity", [])):
            if "5" in table["grades"] and len(table["grades"]) > 1:
                made = copy.deepcopy(record)
                del made["cohorts"][i]["toxicity"][j]["grades"]["5"]
                yield made


def another_population(record: Record, rng: random.Random) -> Iterator[Record]:
    """A numerator filed under another population of the cohort, of another size."""
    for i, cohort in enumerate(record["cohorts"]):
        sizes = {name: size["n"] for name, size in cohort.get("populations", {}).items()}
        for family in ("proportions", "response", "toxicity"):
            for j, item in enumerate(cohort.get(family, [])):
                others = [p for p, n in sizes.items() if n != sizes.get(item["population"], n)]
                if item["population"] in sizes and others:
                    made = copy.deepcopy(record)
                    made["cohorts"][i][family][j]["population"] = rng.choice(others)
                    yield made


def duplicate_cohort(record: Record, rng: random.Random) -> Iterator[Record]:
    """The same cohort under another id, without a word on how the two are related."""
    for cohort in record["cohorts"]:
        numbers = {
            (cell.get("outcome") or cell.get("name"), cell.get("count"), cell.get("percent"))
            for cell in cells(cohort)
            if cell.get("count", 1) and cell.get("percent") not in ("0", "100", None)
        }
        if len(numbers) >= 4:
            made = copy.deepcopy(record)
            twin = copy.deepcopy(cohort) | {"id": "twin", "label": "twin"}
            twin.pop("lineage", None)
            made["cohorts"].append(twin)
            yield made


def limit_typo(record: Record, rng: random.Random) -> Iterator[Record]:
    """A confidence limit of a proportion off by two units of its last decimal."""
    for made, cell in each(record, lambda c: c.get("ci", {}).get("lb", "NE") != "NE"):
        key = rng.choice(["lb", "ub"])
        text = cell["ci"][key]
        places = len(text.partition(".")[2])
        value = float(text) + rng.choice([-2, 2]) * 10.0**-places
        cell["ci"][key] = f"{value:.{places}f}"
        yield made


def registry_typo(record: Record, rng: random.Random) -> Iterator[Record]:
    for i, item in enumerate(record.get("identifiers", [])):
        made = copy.deepcopy(record)
        text = item["value"]
        position = rng.randrange(3, len(text))
        made["identifiers"][i]["value"] = text[:position] + rng.choice(
            [text[position] * 2, "", str((int(text[position]) + 1) % 10)]
        ) + text[position + 1 :]  # fmt: skip
        yield made


# What is planted -> (how, the share that must be seen). The floors lie below what was measured
# (docs/audit.md), so that a record may change a little without failing here.
KINDS: dict[str, tuple[Planter, float]] = {
    "count off by one, percentage beside it": (count_off_by_one(True), 0.85),
    "count off by one, no percentage": (count_off_by_one(False), 0.50),
    "two digits of a count exchanged": (count_transposed, 0.90),
    "wrong digit in a percentage": (percent_typo, 0.80),
    "denominator off by one to five": (wrong_denominator, 0.80),
    "grade columns exchanged": (swapped_grades, 0.70),
    "response categories exchanged": (swapped_categories, 0.80),
    "columns of two cohorts exchanged": (swapped_cohorts, 0.95),
    "grade 5 dropped": (grade_five_dropped, 0.75),
    "numerator under another population": (another_population, 0.80),
    "cohort entered twice": (duplicate_cohort, 0.90),
    "confidence limit off by two": (limit_typo, 0.90),
    "registry number mistyped": (registry_typo, 0.95),
}


@cache
def planted(kind: str) -> tuple[int, int, tuple[str, ...]]:
    """How many errors of a kind were planted and seen, and the codes that saw them."""
    rng = random.Random(f"{SEED} {kind}")
    made: list[tuple[StudyRecord, Record]] = []
    for study in review().studies:
        record = study.model_dump(exclude_none=True, exclude_defaults=True)
        made += [(study, wrong) for wrong in KINDS[kind][0](record, rng)]
    made = rng.sample(made, min(EACH, len(made)))
    codes: list[str] = []
    caught = 0
    for study, wrong in made:
        new = seen([StudyRecord.model_validate(wrong)]) - untouched(study.id)
        caught += bool(new)
        codes += sorted({code for code, *_ in new})
    often = sorted(set(codes), key=lambda code: (-codes.count(code), code))
    return len(made), caught, tuple(often)


@cache
def untouched(study: str) -> frozenset[tuple[str, str, str, str]]:
    return frozenset(seen([one for one in review().studies if one.id == study]))


@pytest.mark.parametrize("kind", KINDS)
def test_planted_errors_are_seen(kind):
    total, caught, _ = planted(kind)
    assert total > 0
    assert caught / total >= KINDS[kind][1]


def test_at_least_three_hundred_errors_were_planted():
    assert sum(planted(kind)[0] for kind in KINDS) >= 300


def test_every_kind_is_documented():
    text = (STUDIES.parent / "docs" / "audit.md").read_text("utf-8")
    assert all(f"| {kind} | " in text for kind in KINDS)


def test_a_copy_of_a_record_makes_no_new_finding():
    for study in review().studies:
        record = study.model_dump(exclude_none=True, exclude_defaults=True)
        assert seen([StudyRecord.model_validate(record)]) == untouched(study.id)


def table() -> str:
    """The Markdown table of docs/audit.md."""
    rows = ["| planted error | planted | seen | share | by |", "|---|---|---|---|---|"]
    total = found = 0
    for kind in KINDS:
        n, caught, codes = planted(kind)
        total, found = total + n, found + caught
        rows.append(f"| {kind} | {n} | {caught} | {caught / n:.0%} | {', '.join(codes[:5])} |")
    rows.append(f"| all | {total} | {found} | {found / total:.0%} | |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table())
