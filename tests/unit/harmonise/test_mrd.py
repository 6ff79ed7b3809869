"""MRD negativity is pooled within one group (#8.8)."""

from __future__ import annotations

from pathlib import Path

import pytest

from carmeta.config import load_config
from carmeta.errors import ConfigError
from tests.unit.harmonise.make import assayed, cohort, one, run, study
from tests.words import MYELOMA

GROUPS = ("all", "responders", "vgpr-or-better", "cr-or-better")


def mrd(among, count=5, of=10):
    return assayed(among=among, count=count, of=of)


@pytest.mark.parametrize("group", GROUPS)
def test_only_the_group_that_is_named_is_pooled(group):
    records = [
        study(
            cohort(n=None, assayed=[mrd(g, of=10 + i) for i, g in enumerate(GROUPS)]), study_id="s"
        ),
        study(cohort(n=None, assayed=[mrd("all")]), study_id="t"),
        study(cohort(n=None, assayed=[mrd("cr-or-better")]), study_id="u"),
    ]
    found = run(*records, outcomes=("mrd_neg",), among={"mrd_neg": group})
    assert {c.definition for c in found.counts} == {f"among {group}"}
    assert [c.ni for c in found.counts if c.study == "s"] == [10 + GROUPS.index(group)]
    out = {(e.study, e.kind) for e in found.excluded}
    missing = {"t", "u"} - {"t" if group == "all" else "", "u" if group == "cr-or-better" else ""}
    assert {study for study, _ in out} == missing | {"s"}  # the other groups of s as well
    assert {kind for _, kind in out} == {"definition"}
    assert all(group in e.reason for e in found.excluded)


def test_one_group_is_one_count():
    found = run(
        study(cohort(n=None, assayed=[mrd("all")])), outcomes=("mrd_neg",), among={"mrd_neg": "all"}
    )
    assert (one(found, "mrd_neg").xi, one(found, "mrd_neg").ni) == (5, 10)


def test_a_configuration_must_name_the_group(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\ntitle: Mine\noutcomes: [orr, mrd_neg]\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path, MYELOMA)
    (told,) = caught.value.diagnostics
    assert (told.mark.line, told.mark.column) == (3, 17)
    assert "definitions.among" in told.message
    assert "cr-or-better" in f"{told.message} {told.hint}"
    path.write_text(path.read_text() + "definitions: {among: {mrd_neg: responders}}\n")
    assert load_config(path, MYELOMA).definitions.among == {"mrd_neg": "responders"}


def test_a_number_of_another_group_is_named_for_itself():
    groups = ("all", "responders", "cr-or-better")
    record = study(cohort(n=None, assayed=[mrd(g, of=10 + i) for i, g in enumerate(groups)]))
    found = run(record, outcomes=("mrd_neg",), among={"mrd_neg": "all"})
    assert one(found, "mrd_neg").ni == 10
    assert [(e.path, e.by) for e in found.excluded] == [
        (("cohorts", 0, "assayed", 1), "s/all"), (("cohorts", 0, "assayed", 2), "s/all"),
    ]  # fmt: skip
    for item, group, of in zip(found.excluded, groups[1:], (11, 12), strict=True):
        assert f"5 of {of}" in item.source
        assert item.reason == (
            f"this number is not used: among {group}; asked for: among all; "
            "the cohort's count is 5 of 10"
        )


def test_a_cohort_without_a_count_is_named_with_all_its_numbers():
    record = study(cohort(n=None, assayed=[mrd("responders"), mrd("cr-or-better", of=12)]))
    found = run(record, outcomes=("mrd_neg",), among={"mrd_neg": "all"})
    (out,) = found.excluded
    assert "5 of 10" in out.source
    assert "5 of 12" in out.source
    assert "among responders" in out.reason
    assert "among cr-or-better" in out.reason


def by(assay, depth, count, of):
    return {**mrd("all", count, of), "assay": assay, "depth": depth}


def test_a_second_result_of_a_group_by_another_assay_is_named():
    record = study(cohort(n=None, assayed=[by("flow", "1e-4", 5, 12), by("NGS", "1e-6", 3, 10)]))
    found = run(record, outcomes=("mrd_neg",), among={"mrd_neg": "all"})
    assert one(found, "mrd_neg").ni == 12
    (out,) = found.excluded
    assert (out.kind, out.by, out.path) == ("definition", "s/all", ("cohorts", 0, "assayed", 1))
    assert out.reason == (
        "this number is not used: by NGS, 1e-6, and not by flow, 1e-4; "
        "the cohort's count is 5 of 12"
    )
    (use,) = [u for (_, _, path), u in found.uses.items() if path == out.path]
    assert use.state == "excluded"


def test_different_assays_in_one_pool_are_flagged():
    def flags(*results):
        records = [
            study(cohort(n=None, assayed=[r]), study_id=f"s{i}") for i, r in enumerate(results)
        ]
        found = run(*records, outcomes=("mrd_neg",), among={"mrd_neg": "all"})
        return {flag for count in found.counts for flag in count.flags if "assay" in flag}

    assert flags(by("flow", "1e-4", 5, 12), by("flow", "1e-4", 3, 10)) == set()
    assert flags(by("flow", "1e-4", 5, 12), by("NGS", "1e-5", 3, 10)) == {
        "MRD− by different assays or depths (flow, 1e-4; NGS, 1e-5)"
    }
