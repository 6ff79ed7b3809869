from __future__ import annotations

import pytest

from carmeta.audit.sums import add, tiling

COMPLETE = {"sCR": 12, "CR": 3, "VGPR": 9, "PR": 4, "SD": 4, "PD": 1}


def test_complete_categories_add_to_the_patients(make, clean, only):
    assert clean(n=33, response=[make.response(COMPLETE)])
    for sd in (3, 5):
        found = only(n=33, response=[make.response(COMPLETE | {"SD": sd})])
        assert found.code == "SUM001"
        assert f"add to {29 + sd}, of 33" in found.message


def test_responses_alone_need_only_stay_below_the_patients(make, clean, only):
    assert clean(n=76, response=[make.response({"CR": 7, "VGPR": 9, "PR": 17})])
    assert only(n=30, response=[make.response({"CR": 7, "VGPR": 9, "PR": 17})]).code == "SUM001"


def test_percentages_of_a_complete_table_leave_room_for_rounding(make, clean, only):
    cells = {"CR": {"percent": "33"}, "PR": {"percent": "33"}, "PD": {"percent": "33"}}
    assert clean(n=3, response=[make.response(cells)])
    cells["PD"] = {"percent": "67"}
    assert only(n=3, response=[make.response(cells)]).code == "SUM001"


def test_a_lost_category_leaves_the_table_open(make, clean):
    cells = COMPLETE | {"SD": {"missing": "lost"}}
    assert clean(n=33, response=[make.response(cells)])


def test_responders_against_the_sum_of_categories(make, clean, only):
    table = make.response(COMPLETE)
    assert clean(
        n=33,
        response=[table],
        proportions=[make.proportion(count=28), make.proportion("cr", percent="45")],
    )
    found = only(n=33, response=[table], proportions=[make.proportion("cr", count=14)])
    assert (found.code, found.subject) == ("SUM003", "cr")
    assert "sCR 12 + CR 3 add to 15" in found.message


def test_the_categories_of_an_incomplete_table_are_a_lower_bound(make, clean, only):
    table = make.response({"sCR": 5, "VGPR": 2})
    assert clean(response=[table], proportions=[make.proportion(count=9)])
    assert only(response=[table], proportions=[make.proportion(count=6)]).code == "SUM003"


def test_other_populations_are_not_compared(make):
    table = make.response(COMPLETE)
    other = make.proportion(count=20, population="itt", of=40)
    cohort = make.cohort(n=33, response=[table], proportions=[other])
    assert make.codes(make.study(cohort)) == []


def split(make, total, *parts, n=(30, 10, 20), **fields):
    whole = make.cohort(
        "all", n[0], lineage={"partitions": [["p1", "p2"]]},
        proportions=[make.proportion(count=total, at={"table": "2", "row": "all"})],
    )  # fmt: skip
    pieces = [
        make.cohort(
            f"p{i + 1}", n[i + 1],
            proportions=[] if part is None else [
                make.proportion(count=part, at={"table": "2", "row": f"p{i}"})
            ],
            **fields,
        )
        for i, part in enumerate(parts)
    ]  # fmt: skip
    return make.study(whole, *pieces)


@pytest.mark.parametrize(
    ("total", "one", "two", "expected"),
    [
        (15, 5, 10, []),
        (15, 5, 9, ["SUM002"]),
        (15, 5, None, []),
        (4, 5, None, ["LIN003", "SUM002"]),
    ],
)
def test_parts_add_to_their_total(make, total, one, two, expected):
    assert make.codes(split(make, total, one, two)) == expected


def test_parts_that_do_not_add_show_every_row(make):
    found = make.run(split(make, 15, 5, 9))[0]
    assert found.message == "p1, p2 add to 14, the whole is printed as 15"
    assert (found.cohort, found.subject, len(found.printed)) == ("all", "orr", 3)


def test_sizes_of_parts(make):
    assert make.codes(split(make, 15, 5, 10, n=(31, 10, 20))) == ["SUM002"]


def test_rows_of_the_same_table_go_before_the_text(make):
    """A part printed in the text is replaced by its own parts if those stand in the table."""
    at = {"table": "2"}
    whole = make.cohort(
        "all", 30, lineage={"partitions": [["p", "q"]]},
        proportions=[make.proportion(count=15, at=at | {"row": "all"})],
    )  # fmt: skip
    p = make.cohort(
        "p", 20, lineage={"partitions": [["p1", "p2"]]}, proportions=[make.proportion(count=12)]
    )
    p1 = make.cohort("p1", 12, proportions=[make.proportion(count=6, at=at | {"row": "p1"})])
    p2 = make.cohort("p2", 8, proportions=[make.proportion(count=4, at=at | {"row": "p2"})])
    q = make.cohort("q", 10, proportions=[make.proportion(count=5, at=at | {"row": "q"})])
    found = make.run(make.study(whole, p, p1, p2, q))
    assert [(one.code, one.cohort) for one in found] == [("SUM002", "p")]


def test_a_percentage_of_the_whole_lies_between_those_of_its_parts(make):
    def of(percent):
        whole = make.cohort(
            "all", None, lineage={"partitions": [["a", "b"]]},
            proportions=[make.proportion(percent=percent)],
        )  # fmt: skip
        parts = [
            make.cohort(name, None, proportions=[make.proportion(percent=value)])
            for name, value in (("a", "43"), ("b", "83"))
        ]
        return [one.code for one in make.run(make.study(whole, *parts)) if one.code != "POP004"]

    assert of("68") == []
    assert of("86") == ["SUM002"]


def test_grades_against_their_sum_elsewhere(make, clean, only):
    table = make.toxicity("crs", {"any": 25, "3-4": 9, "5": 2})
    assert clean(toxicity=[table, make.toxicity("crs", {">=3": 11}, at={"section": "Results"})])
    found = only(toxicity=[table, make.toxicity("crs", {">=3": 9}, at={"section": "Results"})])
    assert (found.code, found.subject) == ("SUM004", "crs_ge3")
    assert "grade 3-4 9 + grade 5 2 add to 11" in found.message


def test_grades_are_not_added_where_a_patient_can_stand_twice(make, clean):
    table = make.toxicity("crs", {"any": 25, "3-4": 9, "5": 2}, counting="any-event")
    other = make.toxicity("crs", {">=3": 9}, counting="any-event", at={"section": "Results"})
    assert clean(toxicity=[table, other])


def test_printed_parts_and_total(make):
    item = {"subject": "deaths", "parts": {"a": 15, "b": 22}, "total": 37, "at": {"table": "3"}}
    assert make.codes(make.study(make.cohort(), sums=[item])) == []
    found = make.run(make.study(make.cohort(), sums=[item | {"total": 36}]))
    assert [(one.code, one.subject) for one in found] == [("SUM005", "deaths")]
    assert found[0].printed == ("paper, Table 3: a 15, b 22", "paper, Table 3: 36")


def test_sums_of_sets():
    assert add([frozenset((1, 2)), frozenset((10, 20))]) == {11, 12, 21, 22}
    assert add([]) == {0}
    assert add([frozenset(range(0, 4000, 2))] * 2) is None


@pytest.mark.parametrize(
    ("key", "keys", "tiles"),
    [
        ("any", ["1-2", "3", "4-5"], ("1-2", "3", "4-5")),
        ("any", ["1-2", "3", "5"], None),
        (">=3", ["3-4", "5", "any"], ("3-4", "5")),
        ("any", ["1-2", "2-5", ">=3"], ("1-2", ">=3")),
        ("3", ["any"], None),
    ],
)
def test_tiling(key, keys, tiles):
    assert tiling(key, keys) == tiles


def test_categories_of_their_own_denominators_are_not_added(make, clean):
    # 5 of 18 and 15 of 20 are of different patients: neither 18 nor 20 need hold their sum.
    cells = {"CR": {"count": 5, "of": 18}, "PR": 15, "SD": {"count": 1, "of": 18}}
    assert clean(
        n=None,
        populations={"evaluable": {"n": 20, "at": {}}},
        response=[make.response(cells, population="evaluable")],
        proportions=[make.proportion(count=19, population="evaluable")],
    )


def test_grades_of_their_own_denominators_are_not_added(make, clean):
    cells = {"any": {"count": 5, "of": 10}, "3": {"count": 4, "of": 20}, "4": 2}
    elsewhere = {">=3": {"count": 7, "of": 25}, "3": 4, "4": 2, "5": 0}
    assert clean(
        n=20,
        toxicity=[
            make.toxicity("crs", cells, population="evaluable"),
            make.toxicity("crs", elsewhere, at={"section": "text"}, population="evaluable"),
        ],
        populations={
            "infused": {"n": 30, "at": {}}, "evaluable": {"n": 20, "at": {}},
        },
    )  # fmt: skip


def covered(make, n, *parts, total=None):
    """A whole of ``n``, covered by parts of (size, events)."""
    names = [f"p{i}" for i in range(len(parts))]
    printed = [] if total is None else [make.proportion(count=total)]
    whole = make.cohort("all", n, lineage={"covered_by": [names]}, proportions=printed)
    pieces = []
    for name, (size, events) in zip(names, parts, strict=True):
        given = {"percent": events} if isinstance(events, str) else {"count": events}
        cells = [] if events is None else [make.proportion(**given)]
        pieces.append(make.cohort(name, size, proportions=cells))
    return make.study(whole, *pieces)


def cover_codes(make, *arguments, **more):
    found = make.run(covered(make, *arguments, **more))
    return [one.code for one in found if one.code not in ("LIN004", "POP004")]


def test_parts_that_cover_a_cohort_hold_at_least_its_patients(make):
    assert cover_codes(make, 24, (16, None), (8, None)) == []
    assert cover_codes(make, 24, (16, None), (10, None)) == []  # some are in both
    assert cover_codes(make, 24, (16, None), (7, None)) == ["SUM006"]
    assert cover_codes(make, 24, (16, None)) == ["SUM006"]
    assert cover_codes(make, 24, (16, None), (None, None)) == []
    (found,) = (one for one in make.run(covered(make, 24, (16, None), (7, None))))
    assert found.message == "p0, p1 hold at most 23 patients (infused), the whole is 24"
    assert (found.cohort, found.subject, len(found.printed)) == ("all", "infused n", 3)


def test_parts_that_cover_a_cohort_hold_at_least_its_events(make):
    assert cover_codes(make, 24, (16, 6), (10, 4), total=8) == []
    assert cover_codes(make, 24, (16, 6), (10, 4), total=11) == ["SUM006"]
    assert cover_codes(make, 24, (16, 6), (10, None), total=11) == []
    assert cover_codes(make, 24, (16, 6), (None, "0"), total=6) == []
    assert cover_codes(make, 24, (16, 6), (None, "0"), total=7) == ["SUM006"]
    assert cover_codes(make, 240, (160, 60), (None, "0"), total=61) == []  # 0% may hide one


def test_a_partition_of_one_part_is_no_accident(make):
    part = make.cohort("p", None, proportions=[make.proportion(percent="43")])
    whole = make.cohort(
        "all", None, lineage={"partitions": [["p"]]}, proportions=[make.proportion(percent="68")]
    )
    found = [one.code for one in make.run(make.study(whole, part))]
    assert "SUM002" in found


def test_categories_of_which_one_has_another_denominator_still_add_up(make):
    table = make.response({"CR": 30, "PR": 25, "SD": {"count": 3, "of": 40}})
    found = make.run(make.study(make.cohort(response=[table])))
    assert "SUM001" in [one.code for one in found]
