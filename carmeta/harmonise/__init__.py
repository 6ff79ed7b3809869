"""From records to counts: one row a cohort and outcome, with the account of how it came about."""

from carmeta.harmonise.combine import harmonise

__all__ = ["harmonise"]
