"""Study records: from a folder of YAML files to one checked `Review`."""

from __future__ import annotations

from carmeta.records.checks import product_hint
from carmeta.records.load import Loaded, load_review
from carmeta.records.words import Words, load_words, pack_names, read_pack

__all__ = [
    "Loaded",
    "Words",
    "load_review",
    "load_words",
    "pack_names",
    "product_hint",
    "read_pack",
]
