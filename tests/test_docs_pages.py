"""The pages of docs/: they hang together, are complete, and what they say to type runs."""

from __future__ import annotations

import doctest
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

import carmeta
from carmeta import vocabulary
from carmeta.cli import main
from carmeta.config import AnalysisConfig
from tests.transcript import FENCE, steps

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
HOW_TO = sorted((DOCS / "how-to").glob("*.md"))


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def prose_of(path: Path) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", text_of(path))


# -- links and navigation -------------------------------------------------------------------


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub and the site make it."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")


def anchors(path: Path) -> set[str]:
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} (.+?)\s*$", prose_of(path), re.MULTILINE):
        name, number = slug(heading), 0
        while (unique := f"{name}-{number}" if number else name) in found:
            number += 1
        found.add(unique)
    return found | set(re.findall(r'<a id="([^"]+)"', text_of(path)))


def broken(page: Path) -> Iterator[str]:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose_of(page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        if not there.exists():
            yield f"{target}: no such file"
        elif anchor and anchor not in anchors(there):
            yield f"{target}: no such heading"


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES], ids=lambda path: path.stem
)
def test_links_and_anchors_lead_somewhere(page: Path) -> None:
    assert list(broken(page)) == []


def test_slugs_are_those_of_github() -> None:
    assert slug("CSV: counts for `carmeta pool --csv`") == "csv-counts-for-carmeta-pool---csv"


class Settings(yaml.SafeLoader):
    """mkdocs.yml names Python functions, which nothing here calls."""


Settings.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)


def navigation(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    else:
        for item in part.values() if isinstance(part, dict) else part:
            yield from navigation(item)


def settings() -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(text_of(ROOT / "mkdocs.yml"), Settings)
    return found


def test_every_page_is_in_the_navigation_once() -> None:
    named = list(navigation(settings()["nav"]))
    assert sorted(named) == sorted(page.relative_to(DOCS).as_posix() for page in PAGES)


def test_the_site_asks_no_other_host_for_anything() -> None:
    found = settings()
    assert found["theme"]["font"] is False
    assert not {"extra_javascript", "extra_css", "extra"} & set(found)


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    if find_spec("mkdocs") is None:
        pytest.skip("without the extra 'docs'")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    asked = re.compile(r'<(?:script|link|img|iframe)[^>]*(?:src|href)="(?:https?:)?//[^"]*"')
    for page in tmp_path.rglob("*.html"):
        assert [found for found in asked.findall(text_of(page)) if 'rel="canonical"' not in found]\
            == [], page  # fmt: skip


# -- completeness ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", carmeta.__all__)
def test_every_public_name_is_described_on_the_page_of_the_api(name: str) -> None:
    assert getattr(carmeta, name).__doc__
    assert re.search(rf"^::: carmeta\.{name}$", text_of(DOCS / "api.md"), re.MULTILINE)


def schema_keys(schema: dict[str, Any], part: dict[str, Any], prefix: str) -> Iterator[str]:
    """Every key that the JSON Schema of a configuration has, with the keys above it."""
    if "$ref" in part:
        part = schema["$defs"][part["$ref"].rsplit("/", 1)[1]]
    for key, inner in part.get("properties", {}).items():
        yield f"{prefix}{key}"
        yield from schema_keys(schema, inner, f"{prefix}{key}.")
    for inner in (*part.get("anyOf", ()), *part.get("allOf", ())):
        yield from schema_keys(schema, inner, prefix)
    for name, step in (("items", ""), ("additionalProperties", "OUTCOME.")):
        if isinstance(part.get(name), dict):
            yield from schema_keys(schema, part[name], prefix + step)


def config_keys() -> set[str]:
    schema = AnalysisConfig.model_json_schema()
    return set(schema_keys(schema, schema, ""))


def test_every_key_of_a_configuration_has_its_line() -> None:
    page = text_of(DOCS / "configuration.md")
    told = re.findall(r"^\| `([\w.]+)` \|", page, re.MULTILINE)
    known = config_keys()
    leaves = {key for key in known if not any(other.startswith(f"{key}.") for other in known)}
    assert len(told) == len(set(told))
    assert set(told) == leaves


def test_the_page_on_columns_is_current() -> None:
    update = runpy.run_path(str(DOCS / "update.py"))
    assert text_of(DOCS / "columns.md") == update["columns_page"](), "run `make docs`"


CHOICES = ("ModelCode", "Measure", "Method", "Test", "PiMethod", "To")


@pytest.mark.parametrize("kind", CHOICES)
def test_every_choice_of_a_model_is_spoken_of(kind: str) -> None:
    page = text_of(DOCS / "choosing-a-model.md")
    assert [word for word in get_args(getattr(vocabulary, kind)) if f"`{word}`" not in page] == []


@pytest.mark.parametrize("kind", ["ExclusionKind", "ModelCode", "Measure"])
def test_the_glossary_has_the_words(kind: str) -> None:
    page = text_of(DOCS / "glossary.md")
    assert [word for word in get_args(getattr(vocabulary, kind)) if f"`{word}`" not in page] == []


@pytest.mark.parametrize(
    "page", [page for page in PAGES if ">>> " in text_of(page)], ids=lambda path: path.stem
)
def test_python_of_a_page(page: Path) -> None:
    results = doctest.testfile(str(page), module_relative=False)
    assert results.attempted
    assert not results.failed


# -- what the pages say to type -------------------------------------------------------------


def pools(line: str) -> bool:
    """Whether the command draws a whole run, which takes long."""
    return bool(re.match(r"carmeta pool (?!--csv)|diff outputs/", line))


def test_every_how_to_is_tried() -> None:
    assert len(HOW_TO) >= 4
    for page in HOW_TO:
        if page.stem == "import":  # needs files of its own: tests/unit/importing/test_howto.py
            continue
        assert any(kind == "run" for kind, *_ in steps(page)), page


def run_line(line: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """A command as a shell would run it: exit code and what it printed."""
    line, _, target = line.partition(" > ")
    words = shlex.split(line)
    if words[0] == "carmeta":
        capsys.readouterr()
        code, ran = main(words[1:]), capsys.readouterr()
        out, err = ran.out, ran.err
    else:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        code, out, err = done.returncode, done.stdout, done.stderr
    if target:
        Path(target).write_text(out, encoding="utf-8")
    return code, out + err


def follow(page: Path, folder: Path, capsys: pytest.CaptureFixture[str], *, whole: bool) -> None:
    """Do what a page says in a copy of the review; ``whole`` runs with their figures too."""
    for name in ("studies", "configs", "examples"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "review.yaml", folder)
    (folder / "outputs").mkdir()
    for kind, what, text in steps(page):
        if kind == "write":
            target = folder / what
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        elif whole or not pools(what):
            code, printed = run_line(what, capsys)
            checks = re.match(r"carmeta (validate|audit|grim|diff)|diff", what)
            assert code in ((0, 1) if checks else (0,)), f"{what}: {printed}"
            for line in text.splitlines():
                assert line.strip() in printed, f"{what}: not printed: {line}\n{printed}"


# The tutorial begins without a review: test_tutorial.py.
TRIED = [
    page
    for page in PAGES
    if any(kind == "run" for kind, *_ in steps(page)) and page.name != "tutorial.md"
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


@pytest.mark.parametrize("page", TRIED, ids=lambda path: path.stem)
def test_what_a_page_says_to_type_runs(
    page: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    follow(page, here, capsys, whole=False)


@pytest.mark.slow
@pytest.mark.parametrize("page", TRIED, ids=lambda path: path.stem)
def test_and_so_do_the_runs_with_their_figures(
    page: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if any(kind == "run" and pools(line) for kind, line, _ in steps(page)):
        follow(page, here, capsys, whole=True)
