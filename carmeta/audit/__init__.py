"""Checks of the printed evidence: findings are reported, nothing is repaired."""

from __future__ import annotations

from carmeta.audit.codes import CODES, Code
from carmeta.audit.run import audit

__all__ = ["CODES", "Code", "audit"]
