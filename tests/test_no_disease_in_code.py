"""The disease is data: no Python file knows a word that a pack declares."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PACKS = sorted((ROOT / "carmeta" / "packs").glob("*.yaml"))
# The effect measure PR (untransformed proportion) is statistics, not a partial response.
MEASURE = {"PR"}
# Everyday English that packs use too: in code these words mean nothing clinical. The last line
# is Python's `os`, and what papers print for a limit or a median that there is not.
EVERYDAY = {
    "low", "high", "moderate", "serious", "critical", "yes", "no", "unclear", "all", "treated",
    "first", "age", "sex", "line", "dose", "target", "other", "death", "event", "study", "0", "1",
    "2", "enrolled", "safety", "infection", "response", "partially", "never", "star", "relapse",
    "responders", "flow", "not-applicable", "os", "NE", "NR",
}  # fmt: skip


@cache
def _words() -> frozenset[str]:
    """Every id that a pack declares."""
    found: set[str] = set()
    for path in PACKS:
        pack = yaml.safe_load(path.read_text(encoding="utf-8"))
        for section, terms in pack.items():
            if not isinstance(terms, dict) or section == "defaults":
                continue
            found |= {str(word) for word in terms}
            for term in terms.values():
                for inner in ("categories", "items", "answers"):
                    if isinstance(term, dict) and inner in term:
                        found |= {str(word) for word in term[inner]}
                if isinstance(term, dict) and section == "attributes":
                    found |= {str(word) for word in term.get("values") or ()}
                if isinstance(term, dict) and section == "events" and "stem" in term:
                    found.add(term["stem"])
    return frozenset(found - MEASURE)


@pytest.mark.parametrize("path", sorted((ROOT / "carmeta").rglob("*.py")), ids=str)
def test_no_python_file_knows_a_word_of_a_pack(path: Path) -> None:
    words = _words()
    text = path.read_text(encoding="utf-8")
    written = {
        node.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    tokens = set(re.findall(r"[A-Za-z0-9][A-Za-z0-9_.+\-]*[A-Za-z0-9+]|[A-Za-z0-9]", text))
    pieces = {piece for token in tokens for piece in re.split(r"[_.]", token)}
    known = (written | tokens | pieces) & (words - EVERYDAY)
    cased = {word for word in words - EVERYDAY if word.isupper() and len(word) > 2}
    known |= {word for word in cased if word.lower() in pieces}
    assert not known, f"{path.name} knows {', '.join(sorted(known))}"


def test_there_are_packs() -> None:
    assert len(PACKS) >= 12
    assert {"sCR", "crs", "BCMA"} <= _words()
