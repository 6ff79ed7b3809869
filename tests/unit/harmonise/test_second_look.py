"""Ways to a wrong count that reading the rules against made-up reviews brought up (#8.1-#8.8)."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from carmeta.domain.record import Lineage
from tests.unit.harmonise.make import cohort, one, rate, response, run, study, with_orr
from tests.unit.harmonise.test_updates import kept, report


@pytest.mark.parametrize("cover", ["covered_by", "partitions"])
@pytest.mark.parametrize(("n", "sizes"), [(24, (10, 8)), (100, (10, 5)), (24, (16, 7))])
def test_parts_that_are_fewer_than_the_whole_do_not_make_it_up(cover, n, sizes):
    a, b = sizes
    found = run(
        study(
            cohort("whole", n, lineage={cover: [["a", "b"]]}),
            cohort("a", a, proportions=[rate("cr", count=5)]),
            cohort("b", b, proportions=[rate("cr", count=0)]),
        ),
        outcomes=("cr",),
    )
    assert "whole" not in kept(found, "cr")
    assert ("a", 5, a) in {(c.cohort, c.xi, c.ni) for c in found.counts}


def test_nobody_is_no_way_to_split_a_cohort():
    for key in ("partitions", "covered_by"):
        with pytest.raises(ValidationError):
            Lineage.model_validate({key: [[]]})


@pytest.mark.parametrize("group", ["all", "responders", "cr-or-better"])
def test_a_rate_of_mrd_negativity_without_a_group_is_in_none(group):
    record = study(cohort(n=50, proportions=[rate("mrd_neg", count=30)]))
    found = run(record, outcomes=("mrd_neg",), among={"mrd_neg": group})
    assert found.counts == ()
    (out,) = found.excluded
    assert out.kind == "definition"
    assert "not said among whom" in out.reason


def dated(name, x, n, doc, cutoff=None):
    item = rate(count=x, at={"table": "1", "doc": doc})
    return cohort(name, n=n, proportions=[item], **({"data_cutoff": cutoff} if cutoff else {}))


@pytest.mark.parametrize("policy", ["latest", "earliest"])
def test_a_cutoff_is_not_held_against_a_date_of_publication(policy):
    record = study(
        dated("nocut", 10, 20, "r"), dated("cut", 15, 30, "r", "2019-01"), reports=[report("r")]
    )
    found = run(record, policy=policy)
    assert kept(found) == ["cut"]  # more patients
    assert "do not decide" in found.excluded[0].reason


def test_where_one_cutoff_is_unknown_the_dates_of_publication_decide():
    record = study(
        dated("a", 10, 20, "late", "2020-06"), dated("b", 15, 30, "soon"),
        reports=[report("late", "2022-03", 2022), report("soon", "2021-01", 2021)],
    )  # fmt: skip
    assert kept(run(record, policy="latest")) == ["a"]
    assert kept(run(record, policy="earliest")) == ["b"]


def test_an_update_with_a_derived_count_supersedes_a_printed_one_under_every_policy():
    late = cohort("late", 60, proportions=[rate(percent="50")], lineage={"updates": ["early"]})
    found = run(study(with_orr("early", 10, 30), late), policy="printed")
    assert kept(found) == ["late"]


def test_a_table_without_a_category_of_the_tier_that_leaves_patients_out_gives_no_count():
    found = run(study(cohort(n=20, response=response(PR=4, SD=9))))
    assert found.counts == ()
    (out,) = found.excluded
    assert out.kind == "incomplete"
    # Everybody is in a category: those that are not listed are none.
    assert one(run(study(cohort(n=20, response=response(PR=4, SD=16)))), "orr").xi == 4


def test_a_union_of_two_scales_names_both():
    def part(name, n, x, scale):
        table = {
            "event": "crs", "population": "infused", "scale": scale, "at": {"table": "1"},
            "grades": {"any": {"count": x}},
        }  # fmt: skip
        return cohort(name, n, toxicity=[table])

    found = run(
        study(
            cohort("whole", 24, lineage={"partitions": [["a", "b"]]}),
            part("a", 16, 10, "lee-2014"), part("b", 8, 4, "ctcae"),
        ),
        outcomes=("crs_any",),
    )  # fmt: skip
    assert one(found, "crs_any").grading == "Lee 2014; CTCAE"
