"""A review from nothing: every file of it, whole or not at all, and valid at once."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from carmeta.cli import asking
from carmeta.cli import init as module
from carmeta.records import load_review, load_words, pack_names
from carmeta.records.fresh import config_text, review_text
from carmeta.sourcefile import load_source

ROOT = Path(__file__).parents[3]
PACKS = "imwg,car-t,car-t-toxicity"
GIVEN = ("--title", "A review", "--pack", PACKS, "--yes")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path) -> list[str]:
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(found)


def test_a_review_from_nothing_is_valid_at_once(cli, here: Path) -> None:
    ran = cli("init", *GIVEN)
    assert (ran.code, ran.out) == (0, ""), ran.err
    assert {"review.yaml", "configs/primary.yaml", "studies/_products.yaml"} <= set(files(here))
    assert not [name for name in os.listdir(here) if name.startswith(".carmeta")]
    ran = cli("validate")
    assert ran.code == 0
    assert "warning[REC002] no study records here" in ran.out
    assert "carmeta new study" in ran.out
    assert "not usable" not in ran.err
    assert cli("new", "study", "x", "--yes").code == 0
    ran = cli("validate")
    assert (ran.code, "DRA001" in ran.out) == (0, True)
    assert "error" not in ran.out
    assert cli("config", "show").code == 0
    ran = cli("pool")
    assert ran.code == 2
    assert "its record is a draft" in ran.err


def test_without_records_there_is_nothing_to_pool(cli, here: Path) -> None:
    assert cli("init", *GIVEN).code == 0
    ran = cli("pool")
    assert (ran.code, ran.out) == (1, "")
    assert "error[REC002] no study records here" in ran.err


FEW = ("", "imwg", "rob-2")  # without a pack, with response, with neither response nor event
REST = [pytest.param(name, marks=pytest.mark.slow) for name in pack_names() if name not in FEW]


@pytest.mark.parametrize("name", [*FEW, *REST])
def test_every_pack_makes_a_valid_review(cli, here: Path, name: str) -> None:
    chosen = ("--pack", name) if name else ()
    ran = cli("init", "r", "--title", "T", *chosen, "--yes")
    assert ran.code == 0, ran.err
    os.chdir("r")
    assert cli("new", "study", "x", "--yes").code == 0
    ran = cli("validate", "--no-audit")
    assert (ran.code, ran.out) == (0, "")
    assert "nothing to say" in ran.err


def test_the_first_lines_point_to_schemas_that_are_there(cli, here: Path) -> None:
    assert cli("init", *GIVEN).code == 0
    assert cli("new", "study", "x", "--yes").code == 0
    told = list(here.rglob("*.yaml"))
    assert len(told) == 4
    for path in told:
        first = path.read_text().splitlines()[0]
        target = first.removeprefix("# yaml-language-server: $schema=")
        assert target != first
        assert json.loads((path.parent / target).read_text())["$schema"].endswith(
            "draft-07/schema#"
        )


ADDED = ("outcomes", "events", "scales", "roles", "populations", "ladders", "moderators",
         "characteristics", "attributes", "bias_tools")  # fmt: skip


def offered(text: str) -> dict[str, list[str]]:
    """The lines that add a word once their mark is gone, by section."""
    found: dict[str, list[str]] = {}
    for line, section in re.findall(r"^# ((\w+): \{.*)$", text, re.MULTILINE):
        found.setdefault(section, []).append(line)
    return found


@pytest.mark.parametrize("packs", [PACKS, "jbi-case-series"])
def test_a_word_is_one_line(cli, here: Path, packs: str) -> None:
    assert cli("init", "--title", "T", "--pack", packs, "--yes").code == 0
    path = here / "review.yaml"
    text = path.read_text()
    before = load_words(here).words
    assert before is not None
    assert set(offered(text)) == set(ADDED)
    for section, lines in offered(text).items():
        for line in lines:
            path.write_text(text.replace(f"# {line}", line))
            after = load_words(here)
            assert after.words is not None, after.diagnostics
            assert getattr(after.words, section) != getattr(before, section)


def test_several_words_go_together(cli, here: Path) -> None:
    assert cli("init", *GIVEN).code == 0
    path = here / "review.yaml"
    text = path.read_text()
    for line, *_ in offered(text).values():
        text = text.replace(f"# {line}", line)
    path.write_text(text)
    assert load_words(here).words is not None


def test_the_configuration_asks_for_what_the_packs_have(cli, here: Path) -> None:
    assert cli("init", *GIVEN).code == 0
    config = yaml.safe_load((here / "configs" / "primary.yaml").read_text())
    words = load_words(here).words
    assert words is not None
    plain = [code for code, term in words.terms.items() if not term.assayed]
    assert config["outcomes"] == plain
    assert config["title"] == "A review"


def test_comments_of_the_configuration_are_valid_keys(cli, here: Path) -> None:
    assert cli("init", *GIVEN).code == 0
    path = here / "configs" / "primary.yaml"
    text = path.read_text()
    for line in re.findall(r"^# ((?!yaml-)\w+: .*)$", text, re.MULTILINE):
        text = text.replace(f"# {line}", line)
    path.write_text(text)
    ran = cli("config", "show")
    assert ran.code == 0, ran.err
    assert "subgroup" in text


# -- what is there stays there ----------------------------------------------------------------


@pytest.mark.parametrize("example", [False, True])
def test_nothing_is_ever_replaced(cli, here: Path, example: bool) -> None:
    (here / "studies").mkdir()
    (here / "review.yaml").write_text("mine")
    ran = cli("init", *(["--example"] if example else GIVEN))
    assert ran.code == 2
    assert "review.yaml" in ran.err
    assert "studies" in ran.err
    assert "configs" not in ran.err
    assert files(here) == ["review.yaml"]
    assert (here / "review.yaml").read_text() == "mine"


def test_what_lies_beside_is_no_hindrance(cli, here: Path) -> None:
    (here / "paper.pdf").write_text("x")
    assert cli("init", *GIVEN).code == 0


def test_a_link_that_leads_nowhere_is_something(cli, here: Path) -> None:
    (here / "configs").symlink_to("nowhere")
    ran = cli("init", *GIVEN)
    assert (ran.code, "configs" in ran.err) == (2, True)
    assert [path.name for path in here.iterdir()] == ["configs"]


def test_a_disk_that_fails_half_way_leaves_nothing(
    cli, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if Path(target).name == "configs":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    ran = cli("init", "new/review", *GIVEN)
    assert ran.code == 2
    assert "No space left on device" in ran.err
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("folder", ["file", "file/below", "no\0name"])
def test_a_folder_that_cannot_be_made(cli, here: Path, folder: str) -> None:
    (here / "file").write_text("x")
    ran = cli("init", folder, *GIVEN)
    assert ran.code == 2
    assert "folder" in ran.err or "Not a directory" in ran.err
    assert "bug" not in ran.err
    assert files(here) == ["file"]


def test_a_folder_that_is_not_ours_to_write(
    cli, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: object, **more: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module.tempfile, "TemporaryDirectory", refuse)
    ran = cli("init", *GIVEN)
    assert (ran.code, "Permission denied" in ran.err) == (2, True)


# -- what is given ----------------------------------------------------------------------------


def test_an_unknown_pack_is_named_with_those_there_are(cli, here: Path) -> None:
    ran = cli("init", "--title", "T", "--pack", "imwg,jbi-case-seris", "--yes")
    assert ran.code == 2
    assert "there is no pack 'jbi-case-seris'" in ran.err
    assert "did you mean 'jbi-case-series'?" in ran.err
    assert "rob-2" in ran.err
    assert files(here) == []


def test_packs_in_one_option_or_in_several(cli, here: Path) -> None:
    assert cli("init", "a", "--title", "T", "--pack", "imwg, car-t", "--yes").code == 0
    assert cli("init", "b", "--title", "T", "--pack", "imwg", "--pack", "car-t,imwg",
               "--yes").code == 0  # fmt: skip
    assert (here / "a" / "review.yaml").read_text() == (here / "b" / "review.yaml").read_text()


TITLES = [
    'He said: "no" #1', "yes", "1e5", "- x", "{a: b}", "Größe ≥3 – % & <b>", "'", "\\n", "$x",
    "{title}", "null", "a: b", "* x", "!x", "@x", "  spaces\n and lines\t ", "[bold]x[/bold]",
]  # fmt: skip


@pytest.mark.parametrize("title", TITLES[:2])
def test_a_title_is_taken_as_it_is(cli, here: Path, title: str) -> None:
    assert cli("init", "--title", title, "--yes").code == 0
    assert load_words(here).title == title
    assert written(here / "configs" / "primary.yaml")["title"] == title


def test_texts_are_written_as_they_are(here: Path) -> None:
    words = load_words(ROOT).words
    assert words is not None
    for title in map(tidy, TITLES):
        for text in (review_text(title, ["imwg"], words), config_text(title, words)):
            Path("x.yaml").write_text(text, encoding="utf-8")
            assert written(Path("x.yaml"))["title"] == title


def written(path: Path) -> dict[str, object]:
    source, problems = load_source(path)
    assert source is not None, problems
    found: dict[str, object] = source.data
    return found


def tidy(title: str) -> str:
    return asking.text(title, "the title")


@pytest.mark.parametrize("title", ["", " ", "\x1b[31mred", "a\u202eb", "x" * 301, "\ud800", "\x00"])
def test_a_title_that_no_one_could_print(cli, here: Path, title: str) -> None:
    ran = cli("init", "--title", title, "--yes")
    assert (ran.code, ran.out) == (2, "")
    assert "title" in ran.err
    assert "\x1b" not in ran.err
    assert files(here) == []


def test_without_a_terminal_something_must_be_said(cli, here: Path) -> None:
    for given in ((), ("--title", "T"), ("--pack", "imwg")):
        ran = cli("init", *given)
        assert ran.code == 2
        assert "--title" in ran.err
        assert "--pack" in ran.err
        assert "--yes" in ran.err
    assert files(here) == []
    assert cli("init", "--yes").code == 0
    assert load_words(here).title == here.name


def test_a_terminal_is_asked(cli, here: Path, terminal) -> None:
    typed = terminal("My title", "no-such", "imwg, car-t")
    ran = cli("init")
    assert ran.code == 0, ran.err
    assert typed.read() == ""
    assert "jbi-case-series" in ran.err
    assert "there is no pack 'no-such'" in ran.err
    assert load_words(here).title == "My title"
    assert yaml.safe_load((here / "review.yaml").read_text())["packs"] == ["imwg", "car-t"]


def test_what_is_given_is_not_asked(cli, here: Path, terminal) -> None:
    terminal("imwg")
    assert cli("init", "--title", "T").code == 0
    assert load_words(here).title == "T"


def test_an_answer_that_ends_is_an_end(cli, here: Path, terminal) -> None:
    terminal("My title")
    assert cli("init").code == 130
    assert files(here) == []


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_a_real_terminal(here: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    typed = b"Over the wire\nimwg\n"
    os.write(ours, typed)
    ran = subprocess.run(
        [sys.executable, "-m", "carmeta", "init"], stdin=theirs, stderr=theirs,
        stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout.strip()) == (0, b"")
    shown = os.read(ours, 100_000).decode()
    assert "Title of the review" in shown
    assert "review.yaml, studies, configs, .schema written" in shown
    assert load_words(here).title == "Over the wire"


def test_packs_that_contradict_each_other(cli, here: Path) -> None:
    ran = cli("init", "r", "--title", "T", "--pack", "imwg,recist-1.1", "--yes")
    assert ran.code == 2
    assert "review.yaml:7:8: error[WRD003] the packs imwg and recist-1.1 declare 'orr'" in ran.err
    assert "begin with one" in ran.err
    assert list(here.iterdir()) == []


# -- the example ------------------------------------------------------------------------------


def test_the_example_is_the_myeloma_review(cli, here: Path) -> None:
    ran = cli("init", "--example", "here")
    assert (ran.code, ran.out) == (0, ""), ran.err
    ours = here / "here"
    for folder in ("studies", "configs"):
        assert sorted(os.listdir(ours / folder)) == sorted(
            path.name for path in (ROOT / folder).glob("*.yaml")
        )
        for path in (ours / folder).iterdir():
            assert path.read_bytes() == (ROOT / folder / path.name).read_bytes()
    assert (ours / "review.yaml").read_bytes() == (ROOT / "review.yaml").read_bytes()
    assert load_review(ours / "studies").review is not None
    assert (ours / ".schema" / "study.schema.json").is_file()


def test_the_example_has_its_title(cli, here: Path) -> None:
    for given in (("--title", "T"), ("--pack", "imwg")):
        ran = cli("init", "--example", *given)
        assert (ran.code, "--example" in ran.err) == (2, True)
    assert files(here) == []


def test_an_installation_without_the_example(
    cli, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HOMES", (here / "none",))
    ran = cli("init", "--example")
    assert (ran.code, "no example" in ran.err) == (2, True)
