"""Study records: from a folder of YAML files to one checked `Review`."""

from __future__ import annotations

from carmeta.records.load import Loaded, load_review
from carmeta.records.locate import locate

__all__ = ["Loaded", "load_review", "locate"]
