"""What a configuration asks of the harmoniser, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Rules:
    """Which cohorts may enter, on which population, from which kinds of count."""

    outcomes: tuple[str, ...]
    roles: tuple[str, ...] = ("car-t",)
    secondary: bool = False
    studies: tuple[str, ...] = ()  # empty: all
    products: tuple[str, ...] = ()
    cohorts: tuple[str, ...] = ()  # "study/cohort"; empty: all
    units: tuple[str, ...] = ("patients",)
    line: str = ""
    populations: tuple[str, ...] = ("infused", "treated", "safety", "evaluable", "itt")
    populations_by_outcome: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    accept: tuple[str, ...] = ("printed", "summed", "patients", "percent", "percent-several")
    inferred: bool = True  # accept numbers whose column was identified by inference
    several: str = "nearest"  # nearest, lowest, highest
    crs_scales: tuple[str, ...] = ()  # accepted, as vocabulary.Scale; empty: all
    nt_scales: tuple[str, ...] = ()
    cr_with_scr: bool = True  # CR means CR or better; False: CR alone
    mrd_among: tuple[str, ...] = ("cr-or-better", "responders", "all", "vgpr-or-better")
    overlap: str = "patients"  # patients, printed, latest, earliest

    def scales(self, outcome: str) -> tuple[str, ...]:
        """Grading scales accepted for an outcome; empty: all."""
        if outcome.startswith("crs"):
            return self.crs_scales
        return self.nt_scales if outcome.startswith("nt") else ()

    def order(self, outcome: str) -> tuple[str, ...]:
        """Populations from the preferred one on."""
        return self.populations_by_outcome.get(outcome, self.populations)
