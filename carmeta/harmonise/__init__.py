"""From records to counts: one row a cohort and outcome, with the account of how it came about."""

from carmeta.harmonise.combine import harmonise
from carmeta.harmonise.eligible import left_out_by
from carmeta.harmonise.pairs import paired

__all__ = ["harmonise", "left_out_by", "paired"]
