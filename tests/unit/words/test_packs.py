"""The packs: each loads alone, those of one field go together, and what their words mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from carmeta.domain.words import Vocabulary
from carmeta.records import Words, load_words, pack_names
from carmeta.records.words import BASE, PACKS

RESPONSE = ("imwg", "lugano", "iwcll", "all-aml", "recist-1.1")
BIAS = ("jbi-case-series", "jbi-prevalence", "rob-2", "robins-i", "minors", "newcastle-ottawa")


def loaded(folder: Path, packs: Sequence[str], more: str = "") -> Words:
    text = f"schema: 2\ntitle: Any\npacks: [{', '.join(packs)}]\n{more}"
    (folder / "review.yaml").write_text(text, encoding="utf-8")
    return load_words(folder)


def words(folder: Path, *packs: str, more: str = "") -> Vocabulary:
    found = loaded(folder, packs, more)
    assert found.words is not None, [item.message for item in found.diagnostics]
    return found.words


def test_all_that_the_documentation_names() -> None:
    assert {*RESPONSE, *BIAS, "car-t", "car-t-toxicity", BASE} == set(pack_names())


@pytest.mark.parametrize("name", pack_names())
def test_a_pack_loads_alone_and_names_its_source(tmp_path: Path, name: str) -> None:
    words(tmp_path, *([name] if name != BASE else []))
    pack = yaml.safe_load((PACKS / f"{name}.yaml").read_text(encoding="utf-8"))
    assert pack["schema"] == 2
    assert pack["label"]
    assert name == "car-t" or pack["source"]


@pytest.mark.parametrize("response", RESPONSE)
def test_packs_of_one_field_do_not_contradict(tmp_path: Path, response: str) -> None:
    found = words(tmp_path, response, "car-t", "car-t-toxicity", *BIAS)
    assert found.usual("roles") == ("car-t",)
    assert len(found.bias_tools) == len(BIAS) + 1  # two of Newcastle-Ottawa


def test_two_ladders_that_mean_different_things_by_a_word_are_settled_by_the_review(
    tmp_path: Path,
) -> None:
    told = loaded(tmp_path, ["imwg", "lugano"]).diagnostics
    assert [(item.code, item.mark.line) for item in told] == [("WRD003", 3)]
    assert "'cr' of outcomes" in told[0].message
    own = "outcomes: {cr: {label: Complete response, response: CR}}\n"
    found = words(tmp_path, "imwg", "lugano", more=own)
    assert found.outcome("cr").tiers == {"imwg": ("sCR", "CR"), "lugano": ("CR",)}


TIERS = {
    ("imwg", "orr"): "sCR CR nCR VGPR PR",
    ("imwg", "vgpr"): "sCR CR nCR VGPR",
    ("imwg", "cr"): "sCR CR",
    ("imwg", "scr"): "sCR",
    ("lugano", "orr"): "CR PR",
    ("iwcll", "orr"): "CR CRi nPR PR",
    ("iwcll", "orr_prl"): "CR CRi nPR PR PR-L",
    ("iwcll", "cr"): "CR",
    ("iwcll", "cr_cri"): "CR CRi",
    ("all-aml", "cr"): "CR",
    ("all-aml", "crc"): "CR CRh CRi",
    ("all-aml", "orr"): "CR CRh CRi MLFS PR",
    ("recist-1.1", "orr"): "CR PR",
    ("recist-1.1", "dcr"): "CR PR non-CR-non-PD SD",
}


@pytest.mark.parametrize(("pack", "outcome"), TIERS)
def test_which_categories_count(tmp_path: Path, pack: str, outcome: str) -> None:
    found = words(tmp_path, pack)
    assert found.tier(outcome) == tuple(TIERS[pack, outcome].split())
    assert found.outcome(outcome).event_is_good


def test_an_event_by_its_term_and_by_its_grade(tmp_path: Path) -> None:
    found = words(tmp_path, "car-t-toxicity")
    assert found.event_of("adverse-event", "ICANS") == "icans"
    assert found.grade_subject("adverse-event", "Infections and infestations", ">=3") == (
        "infection_ge3"
    )
    # Neither stands for the other: a syndrome, and neurological events of any kind.
    assert found.event_of("adverse-event", "Neurotoxicity") == "adverse-event"
    assert (found.outcome("icans_any").event, found.outcome("nt_any").event) == (
        "icans", "neurotoxicity",
    )  # fmt: skip
    plain = [found.outcome(code) for code in ("nrm", "icu")]
    assert not any(term.event or term.tiers or term.event_is_good for term in plain)


def test_a_term_is_a_word_for_one_event(tmp_path: Path) -> None:
    found = words(tmp_path, "car-t-toxicity")
    terms = [text.casefold() for event in found.events.values() for text in event.terms]
    assert len(terms) == len(set(terms))
