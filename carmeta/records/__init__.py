"""Study records: from a folder of YAML files to one checked `Review`."""

from __future__ import annotations

from carmeta.records.checks import product_hint
from carmeta.records.load import Loaded, load_review

__all__ = ["Loaded", "load_review", "product_hint"]
