"""Who shares patients with whom, and the largest set of cohorts in which nobody counts twice."""

from carmeta.lineage.graph import Cover, Edge, EdgeKind, Lineage, Problem, connected, full_key
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
    "Cover",
    "Drop",
    "Edge",
    "EdgeKind",
    "Lineage",
    "Problem",
    "Selection",
    "alternatives",
    "connected",
    "full_key",
    "select_disjoint",
]
