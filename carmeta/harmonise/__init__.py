"""From records to counts: one row a cohort and outcome, with the account of how it came about."""

from carmeta.harmonise.combine import harmonise
from carmeta.harmonise.rules import Rules

__all__ = ["Rules", "harmonise"]
