"""Who shares patients with whom, and the largest set of cohorts in which nobody counts twice."""

from carmeta.lineage.graph import Edge, EdgeKind, Lineage, Problem, full_key
from carmeta.lineage.selection import (
    Alternative,
    Alternatives,
    Drop,
    Selection,
    alternatives,
    select_disjoint,
)

__all__ = [
    "Alternative",
    "Alternatives",
    "Drop",
    "Edge",
    "EdgeKind",
    "Lineage",
    "Problem",
    "Selection",
    "alternatives",
    "full_key",
    "select_disjoint",
]
