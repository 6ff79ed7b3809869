"""Generated text says so at once, and from which configuration."""

from __future__ import annotations

import dataclasses
import json
from xml.etree import ElementTree

import pytest

from carmeta.report.files import render_all
from tests.figures import synthetic

# A comment line would break readers of CSV: these are listed in the manifest.
UNMARKED = (".csv", ".pdf", ".png", ".docx", ".xlsx")


@pytest.mark.parametrize(
    "path", ["configs/mine.yaml", "configs/a--b-->\n\\input{x} é%$.yaml", "configs/*/ -- .yaml"]
)
def test_every_text_file_says_that_it_is_generated(path: str) -> None:
    analysis = synthetic.analysis(outcomes=(synthetic.outcome(3),))
    analysis = dataclasses.replace(
        analysis, provenance=dataclasses.replace(analysis.provenance, config_path=path)
    )
    files = render_all(analysis, jobs=1, word=False, excel=False)
    marked = [name for name in files if not name.endswith(UNMARKED)]
    assert {name.rpartition(".")[2] for name in marked} == {"html", "md", "tex", "R", "svg", "json"}
    for name in marked:
        text = files[name].decode()
        first = " ".join(text.splitlines()[:3])
        assert "enerated by carmeta" in first, name
        assert "from configs/" in first, name
        if name.endswith(".svg"):
            ElementTree.fromstring(files[name])
        if name.endswith(".json"):
            assert path in json.loads(text)["about"]
    html = files["report.html"].decode()
    assert html.startswith("<!DOCTYPE html>\n<!-- ")
    assert html.index("-->") == html.index("-->\n<html")
    for name in ("tables.tex", "reproduce.R"):
        lines = files[name].decode().splitlines()
        assert lines[0][0] in "%#"
        assert "input" not in lines[1]
