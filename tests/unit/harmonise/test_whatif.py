"""What-ifs: the harmoniser again with changed rules, other reports, no parts (#8.5, #8.6)."""

from __future__ import annotations

from tests.unit.harmonise.make import AT, cohort, labels, rate, run, study, with_orr


def crb():
    """62 patients by percentage, the first 33 of them by number, in dose groups."""
    return study(
        cohort("late", 62, proportions=[rate(percent="76")], lineage={"updates": ["early"]}),
        with_orr("early", 28, 33, partitions=[["p", "q"]]),
        with_orr("p", 10, 15, part_of=["early"]),
        with_orr("q", 18, 18, part_of=["early"]),
    )


def choice(harmonised, kind):
    (found,) = [c for c in harmonised.choices if c.kind == kind]
    return {c.key: (c.xi, c.ni) for c in found.counts}


def test_printed_counts_only_solves_the_overlap_again():
    other = study(with_orr("all", 7, 10), study_id="t")
    found = run(crb(), other)
    # The one change leaves the update no count, so the earlier report enters: as "report".
    assert choice(found, "report") == {"s/early": (28, 33), "t/all": (7, 10)}
    third = study(cohort(n=50, proportions=[rate(percent="50")]), study_id="u")
    found = run(crb(), other, third)
    assert choice(found, "printed") == {"s/early": (28, 33), "t/all": (7, 10)}


def test_another_report_is_a_choice_and_its_parts_are_not():
    found = run(crb())
    assert labels(found, "report") == ["early instead of late"]
    assert labels(found, "overlap") == []


def test_parts_of_a_cohort_are_no_choice():
    whole = with_orr("whole", 12, 20, partitions=[["p", "q"]])
    parts = with_orr("p", 5, 8, part_of=["whole"]), with_orr("q", 7, 12, part_of=["whole"])
    assert run(study(whole, *parts)).choices == ()


def test_cohorts_that_may_share_patients_are_a_choice():
    assert labels(run(study(with_orr("a", 5, 10), with_orr("b", 6, 8))), "overlap") == [
        "b instead of a"
    ]


def several(study_id):
    return study(cohort(n=128, proportions=[rate(percent="73")]), study_id=study_id)


def test_lowest_and_highest_counts_of_all_cohorts_at_once():
    found = run(several("s"), several("t"))
    texts = labels(found, "count")
    assert any("highest" in text for text in texts)
    assert not any("lowest" in text for text in texts)  # nearest is lowest: nothing changes
    (all_high,) = [c for c in found.choices if "highest" in c.label]
    assert [c.xi for c in all_high.counts] == [94, 94]


def test_populations_preferred_otherwise_and_inferred_numbers_left_out():
    both = [rate(count=10), rate(population="itt", count=10)]
    sizes = {"infused": {"n": 20, "at": AT}, "itt": {"n": 25, "at": AT}}
    pair = [
        study(cohort(n=None, populations=sizes, proportions=both), study_id=name)
        for name in ("s", "t")
    ]
    found = run(*pair)
    (itt,) = [c for c in found.choices if "preferred" in c.label]
    assert [c.ni for c in itt.counts] == [25, 25]
    assert "intention to treat" in itt.label
    unsure = study(cohort(proportions=[rate(count=10, attribution="inferred")]), study_id="u")
    found = run(*pair, unsure)
    (sure,) = [c for c in found.choices if c.kind == "inferred"]
    assert [c.study for c in sure.counts] == ["s", "t"]


def test_other_policies_of_overlap_are_tried():
    # Two derived cohorts that share patients with a smaller printed one.
    a = cohort("a", 30, proportions=[rate(percent="50")])
    b = with_orr("b", 10, 20)
    found = run(study(a, b))
    sets = [{x.key for x in c.counts} for c in found.choices]
    assert {"s/b"} in sets
    assert len(sets) == len(
        {tuple(sorted((x.key, x.xi, x.ni) for x in c.counts)) for c in found.choices}
    )


def test_no_two_choices_are_the_same_counts():
    found = run(crb(), several("t"), several("u"))
    seen = [tuple(sorted((x.key, x.xi, x.ni) for x in c.counts)) for c in found.choices]
    assert len(seen) == len(set(seen))


def test_of_many_counts_that_fit_the_ends_are_tried():
    found = run(study(cohort(n=10_000_000, proportions=[rate(percent="37")])))
    assert len(found.counts[0].candidates) > 90_000
    values = sorted(c.counts[0].xi for c in found.choices if c.kind == "count")
    assert values == [found.counts[0].xi_lo, found.counts[0].xi_hi]


def test_the_other_cohort_of_a_study_is_the_refit_on_the_same_one():
    x = with_orr("x", 12, 20)
    y = cohort("y", 18, proportions=[rate(count=9), rate("cr", count=4)])
    found = run(study(x, y), outcomes=("orr", "cr"))
    assert labels(found, "same-cohort") == ["y, 9 of 18 instead of x, 12 of 20, as for CR"]
    assert choice(found, "same-cohort") == {"s/y": (9, 18)}
    assert labels(found, "overlap") == []


def test_the_earlier_report_of_a_cohort_is_the_refit_on_the_same_one():
    old = cohort("old", 30, proportions=[rate(count=18), rate("cr", count=6)])
    found = run(study(old, with_orr("new", 35, 50, updates=["old"])), outcomes=("orr", "cr"))
    assert choice(found, "same-cohort") == {"s/old": (18, 30)}
    assert labels(found, "report") == []
