"""The words of the myeloma review, for records and configurations that tests make by hand."""

from __future__ import annotations

import shutil
from pathlib import Path

from carmeta.domain.words import Vocabulary
from carmeta.records import load_words
from carmeta.vocabulary import REVIEW

ROOT = Path(__file__).parents[1]


def _myeloma() -> Vocabulary:
    found = load_words(ROOT)
    assert found.words is not None, [str(item) for item in found.diagnostics]
    return found.words


MYELOMA = _myeloma()


def declare(root: Path) -> Path:
    """Give a folder the words of the myeloma review; returns the folder."""
    shutil.copy(ROOT / REVIEW, root / REVIEW)
    return root
