"""Every kind of bad input: file, line, reason, exit code, and outputs/ as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

ALPHA = Path("studies/alpha-1.yaml")
CONFIG = Path("configs/tiny.yaml")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def line_of(path: Path, text: str) -> int:
    return next(i for i, line in enumerate(path.read_text().splitlines(), 1) if text in line)


BAD = {
    "wrong key": (
        lambda: edit(ALPHA, "label: Alpha-1", "lable: Alpha-1"),
        "studies/alpha-1.yaml:5:1: error[SCH001] unknown key 'lable'",
        "did you mean 'label'?",
        1,
    ),
    "count above n": (
        lambda: edit(ALPHA, "any: {count: 14,", "any: {count: 34,"),
        "studies/alpha-1.yaml:39:31: error[REC031] count 34 exceeds n 33 (population infused)",
        "",
        1,
    ),
    "missing denominator": (
        lambda: edit(ALPHA, "        population: infused\n        scale: lee-2014\n",
                     "        population: safety\n        scale: lee-2014\n"),
        ("error[REC032] count 23 has no denominator: population 'safety' is not declared in "
        "cohort 'all'"),
        "give 'of', or its n under 'populations' (declared: infused)",
        1,
    ),
    "unknown population": (
        lambda: edit(ALPHA, "population: infused", "population: infusd"),
        "studies/alpha-1.yaml:18:21: error[SCH004] 'infusd' is not a value of 'population'",
        "did you mean 'infused'?",
        1,
    ),
    "duplicate key": (
        lambda: edit(ALPHA, "label: Alpha-1", "label: Alpha-1\nlabel: Alpha-2"),
        "studies/alpha-1.yaml:6:1: error[YML010] the key 'label' a second time",
        "it stands in line 5 already",
        1,
    ),
    "tab": (
        lambda: edit(ALPHA, "    label: all", "\tlabel: all"),
        "studies/alpha-1.yaml:11:1: error[YML007] a tab character",
        "replace the tab",
        1,
    ),
    "empty file": (
        lambda: ALPHA.write_text(""),
        "studies/alpha-1.yaml: error[YML006] the file is empty",
        "",
        1,
    ),
    "not UTF-8": (
        lambda: ALPHA.write_bytes(b"id: alpha-1\nlabel: Alph\xe4\n"),
        "studies/alpha-1.yaml:2:12: error[YML003] not UTF-8: byte 0xe4",
        "",
        1,
    ),
    "a number where text is wanted": (
        lambda: edit(ALPHA, 'percent: "36"', "percent: 36"),
        "studies/alpha-1.yaml:21:37: error[SCH003] 'percent' must be text, not 36",
        'quote it, so that it stays as printed: "36"',
        1,
    ),
    "no records": (
        lambda: [path.unlink() for path in Path("studies").glob("*.yaml")],
        "studies: error[REC002] no study records here",
        "",
        1,
    ),
    "a config with a wrong key": (
        lambda: edit(CONFIG, "outcomes:", "outcome:"),
        "configs/tiny.yaml:5:1: error[SCH001] unknown key 'outcome'",
        "did you mean 'outcomes'?",
        2,
    ),
    "a config that names no study": (
        lambda: CONFIG.write_text("name: tiny\ntitle: T\ninclude: {studies: [alpa-1]}\n"),
        "alpa-1",
        "did you mean 'alpha-1'?",
        2,
    ),
    "a config of outcomes that nobody reports": (
        lambda: CONFIG.write_text(
            "name: tiny\ntitle: T\noutcomes: [mrd_neg]\ndefinitions: {among: {mrd_neg: all}}\n"
        ),
        "configs/tiny.yaml: no cohort reports any of the outcomes mrd_neg",
        "see 'carmeta studies'",
        2,
    ),
    "an empty config": (
        lambda: CONFIG.write_text("# nothing\n"),
        "configs/tiny.yaml: error[YML006] the file is empty",
        "",
        2,
    ),
    "a config that is not there": (
        lambda: CONFIG.rename("configs/tinny.yaml"),
        "configs/tiny.yaml: there is no such configuration",
        "did you mean 'configs/tinny.yaml'?",
        2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_told_and_changes_nothing(cli, golden_review: Path, kind: str) -> None:
    break_it, message, hint, code = BAD[kind]
    outputs = golden_review / "outputs" / "tiny"
    outputs.mkdir(parents=True)
    (outputs / "manifest.json").write_text('{"outputs": {"counts.csv": {}}}')
    (outputs / "counts.csv").write_text("as it was")
    break_it()
    ran = cli("pool", CONFIG)
    assert message in ran.err
    assert hint in ran.err
    assert ran.code == code
    assert ran.out == ""
    assert "Traceback" not in ran.err
    assert {path.name: path.read_text() for path in outputs.iterdir()} == {
        "manifest.json": '{"outputs": {"counts.csv": {}}}', "counts.csv": "as it was",
    }  # fmt: skip
    assert [path.name for path in outputs.parent.iterdir()] == ["tiny"]


@pytest.mark.parametrize("kind", [kind for kind in BAD if "outcomes that nobody" not in kind])
def test_validate_tells_the_same(cli, golden_review: Path, kind: str) -> None:
    if kind == "a config that is not there":
        return  # nobody names it
    break_it, message, hint, _ = BAD[kind]
    break_it()
    ran = cli("validate")
    new = kind == "no records"  # as a review has none when it begins: pointed at, and no more
    assert (message.replace("error", "warning") if new else message) in ran.out
    assert hint in ran.out
    assert ran.code == (0 if new else 1)


def test_the_source_line_and_a_caret(cli, golden_review: Path) -> None:
    edit(ALPHA, "role: car-t", "role: cart")
    ran = cli("validate", ALPHA)
    assert ran.out.splitlines() == [
        "studies/alpha-1.yaml:12:11: error[SCH004] 'cart' is not a value of 'role'",
        "   |",
        "12 |     role: cart",
        "   |           ^",
        "   = help: did you mean 'car-t'? allowed: car-t, experimental, comparator, "
        + "bispecific, salvage; a new one is a line under 'roles' in review.yaml",
        "",
    ]
    assert ran.err == "1 file checked: 1 error\n"
