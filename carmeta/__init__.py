"""carmeta: meta-analysis of what CAR-T trials print, from the table cell to the forest plot."""

from __future__ import annotations

__version__ = "0.1.0"
