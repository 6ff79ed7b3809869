"""On 300 made-up reviews: no cell leaves in silence, nobody counts twice, every cell is divided
by its own denominator."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from itertools import combinations

import pytest

from carmeta.audit import audit
from carmeta.cells import Cell, Cells
from carmeta.domain.evidence import Finding, Harmonised
from carmeta.domain.record import Toxicity, grade_bounds
from carmeta.domain.rules import EvidenceRules
from carmeta.harmonise import harmonise, paired
from carmeta.harmonise.readings import Evidence
from carmeta.lineage import Lineage
from carmeta.vocabulary import EXCLUSION_WORDS
from tests.properties.reviews import MadeUp, make_review, make_rules
from tests.words import MYELOMA

SEEDS = range(300)
# A hundred in the plain suite; `make slow` asks all of them.
EVERY = [pytest.param(s, marks=[pytest.mark.slow] if s >= 100 else []) for s in SEEDS]
PAIRED = range(100)  # reviews of which arms are compared


@cache
def harmonised(seed: int) -> tuple[MadeUp, EvidenceRules, Harmonised]:
    made = make_review(seed)
    rules = EvidenceRules.model_validate(make_rules(seed), context=MYELOMA)
    return made, rules, harmonise(made.review, rules)


@cache
def compared(seed: int) -> tuple[MadeUp, EvidenceRules, Harmonised, list[tuple[str, str]]]:
    """A comparison of cohorts that are declared to be disjoint, drawn at random."""
    made = make_review(seed)
    lineage = Lineage.build(made.review.studies)
    keys = sorted(made.patients)
    random.Random(f"pairs {seed}").shuffle(keys)
    arms: list[str] = []
    for key in keys:
        if all(lineage.overlap(key, other) is None for other in arms):
            arms.append(key)
    pairs = [*zip(arms[::2], arms[1::2], strict=False)]
    include = {"cohorts": tuple(arm for pair in pairs for arm in pair) or ("no/pair",)}
    rules = make_rules(seed)
    rules = EvidenceRules.model_validate(
        rules | {"include": {**rules.get("include", {}), **include}}, context=MYELOMA
    )
    return made, rules, paired(made.review, harmonise(made.review, rules), pairs), pairs


def reports(cell: Cell, outcome: str) -> bool:
    """Whether a cell holds something of an outcome: the rate, a category, a grade of it."""
    term = MYELOMA.outcome(outcome)
    if cell.kind == "proportion":
        return cell.name == outcome
    if cell.kind == "response":
        return cell.name in term.categories
    if cell.kind == "assayed":
        return outcome == cell.name
    if isinstance(cell.item, Toxicity):
        return cell.event == term.event and grade_bounds(cell.grade)[0] >= term.lowest
    return False


@pytest.mark.parametrize("seed", EVERY)
def test_every_cell_is_used_superseded_or_excluded_by_name(seed: int) -> None:
    accounted(*harmonised(seed))


@pytest.mark.parametrize("seed", PAIRED)
def test_so_it_is_in_a_comparison_and_every_count_has_its_partner(seed: int) -> None:
    made, rules, found, pairs = compared(seed)
    accounted(made, rules, found)
    partner = {one: two for pair in pairs for one, two in (pair, pair[::-1])}
    keys = {(count.outcome, count.key) for count in found.counts}
    assert all((outcome, partner[key]) in keys for outcome, key in keys)
    dropped = {
        (d.outcome, f"{d.study}/{d.cohort}") for d in found.decisions if d.rule == "unpaired"
    }
    lost = {(e.outcome, f"{e.study}/{e.cohort}") for e in found.excluded if e.kind == "unpaired"}
    assert dropped == lost


def accounted(made: MadeUp, rules: EvidenceRules, found: Harmonised) -> None:
    """No cell has left without a word."""
    counts = {(c.outcome, c.key): c for c in found.counts}
    named = {(e.outcome, e.study, e.cohort) for e in found.excluded}
    for outcome in rules.outcomes:
        for cell in Cells.of(made.review):
            if not reports(cell, outcome):
                continue
            use = found.uses[outcome, cell.study, cell.path]
            if use.state == "excluded":
                assert EXCLUSION_WORDS[use.kind]
                assert use.reason
                assert named & {(outcome, cell.study, cell.cohort), (outcome, cell.study, "")}
                continue
            count = counts[outcome, use.by]
            behind = {(count.study, path) for path in count.paths}
            assert ((cell.study, cell.path) in behind) == (use.state == "used")
            assert use.state in ("used", "superseded")
    for item in found.excluded:
        assert item.kind in EXCLUSION_WORDS
        assert item.reason
        assert item.path
        assert not item.by or (item.outcome, item.by) in counts


@pytest.mark.parametrize("seed", EVERY)
def test_what_cannot_be_is_a_finding_and_not_only_a_decision(seed: int) -> None:
    made, rules, _ = harmonised(seed)
    evidence = Evidence(made.review)
    told = audit(made.review)
    wrong = [one for one in told if one.severity in ("error", "warning")]
    for outcome in rules.outcomes:
        for key in evidence.cells.cohorts:
            for reading in evidence.readings(key, outcome):
                if reading.derived.kind == "impossible":
                    assert any(_about(one, key, reading.cells) for one in wrong), reading


def _about(one: Finding, key: str, cells: Sequence[Cell]) -> bool:
    """Whether a finding is about one of the cells, or about the sum of their table."""
    texts = {cell.text() for cell in cells}
    return f"{one.record}/{one.cohort}" == key and (
        one.path in {cell.path for cell in cells}
        or any(text in printed for text in texts for printed in one.printed)
        or (one.code == "SUM001" and one.path[: len(cells[0].entry)] == cells[0].entry)
    )


@pytest.mark.parametrize("seed", EVERY)
def test_a_cohort_that_is_pooled_is_excluded_by_the_cell_only(seed: int) -> None:
    made, _, found = harmonised(seed)
    pooled = {(c.outcome, c.key): c for c in found.counts}
    for item in found.excluded:
        count = pooled.get((item.outcome, f"{item.study}/{item.cohort}"))
        if count is not None:
            assert item.path not in count.paths
            assert item.by == count.key
            cells = {(c.study, c.path): c.key for c in Cells.of(made.review)}
            of_parts = any(cells[count.study, path] != count.key for path in count.paths)
            assert item.kind == "definition" or of_parts
            assert "this number is not used" in item.reason


@pytest.mark.parametrize("seed", EVERY)
def test_what_is_left_out_has_a_decision_and_the_other_way_round(seed: int) -> None:
    _, _, found = harmonised(seed)
    out = {(e.outcome, e.study, e.cohort) for e in found.excluded}
    told = {
        (d.outcome, d.study, d.cohort)
        for d in found.decisions
        if d.action in ("dropped", "excluded")
    }
    assert out == told


@pytest.mark.parametrize("seed", EVERY)
def test_nobody_counts_twice(seed: int) -> None:
    made, rules, found = harmonised(seed)
    for outcome in rules.outcomes:
        pools = [[c for c in found.counts if c.outcome == outcome]]
        pools += [list(choice.counts) for choice in found.choices if choice.outcome == outcome]
        for pool in pools:
            for one, two in combinations(pool, 2):
                assert not made.patients[one.key] & made.patients[two.key]


@pytest.mark.parametrize("seed", EVERY)
def test_every_count_is_divided_by_the_denominator_of_its_own_cells(seed: int) -> None:
    made, _, found = harmonised(seed)
    cells = Cells.of(made.review)
    printed = {(cell.study, cell.path): cell for cell in cells}
    for count in found.counts:
        behind = [printed[count.study, path] for path in count.paths]
        assert behind
        if all(cell.key == count.key for cell in behind):
            assert {cell.n for cell in behind} == {count.ni}
        else:  # a union that its parts cover
            assert cells.patients(count.key, count.population).n == count.ni
        assert 0 <= count.xi_lo <= count.xi <= count.xi_hi <= count.ni


@pytest.mark.parametrize("seed", EVERY)
def test_mrd_negativity_is_of_one_group(seed: int) -> None:
    made, rules, found = harmonised(seed)
    wanted = rules.definitions.among["mrd_neg"]
    printed = {(cell.study, cell.path): cell for cell in Cells.of(made.review)}
    for count in found.counts:
        for path in count.paths if count.outcome == "mrd_neg" else ():
            item = printed[count.study, path].item
            assert getattr(item, "among", wanted) == wanted


def test_the_reviews_are_of_every_kind() -> None:
    kinds = {e.kind for seed in SEEDS for e in harmonised(seed)[2].excluded}
    kinds |= {e.kind for seed in PAIRED for e in compared(seed)[2].excluded}
    assert kinds == set(EXCLUSION_WORDS) - {"no-information"}  # which is of a measure of two arms
    states = {use.state for seed in SEEDS for use in harmonised(seed)[2].uses.values()}
    assert states == {"used", "superseded", "excluded"}
    chosen = {c.kind for seed in SEEDS for c in harmonised(seed)[2].choices}
    assert chosen >= {"report", "overlap", "same-cohort", "printed", "count", "population"}
    rules = {d.rule for seed in SEEDS for d in harmonised(seed)[2].decisions}
    assert {
        "earlier-report",
        "later-report",
        "count-of-the-other-part",
        "sum-of-the-parts",
    } <= rules
