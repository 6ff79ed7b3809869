"""Cohorts of one trial that enter a pool as rows of their own: who they are, what it changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from carmeta.api import pool
from carmeta.config import AnalysisConfig
from carmeta.domain.analysis import SensitivityRow
from carmeta.domain.evidence import Count
from carmeta.domain.naming import names
from carmeta.domain.record import Review
from carmeta.lineage import Lineage
from carmeta.pipeline.fitting import pooled
from carmeta.report import numbers


@dataclass(frozen=True, slots=True)
class Trials:
    """Which trial a study reports on, and which cohorts share no patients."""

    of: dict[str, str]  # study -> registry number, or its own id where it has none
    labels: dict[str, str]  # trial -> label of its study
    lineage: Lineage

    @classmethod
    def build(cls, review: Review) -> Trials:
        """From the records, also of studies that an analysis leaves out."""
        of = {study.id: study.trial.registry or study.id for study in review.studies}
        called, labels = names(review.studies), dict[str, str]()
        for study in review.studies:
            labels.setdefault(of[study.id], called[study.id])
        return cls(of, labels, Lineage.build(review.studies))

    def families(self, counts: Sequence[Count]) -> dict[str, list[Count]]:
        """Trial -> its cohorts, of those trials that have several."""
        found: dict[str, list[Count]] = defaultdict(list)
        for count in counts:
            found[self.of[count.study]].append(count)
        return {trial: members for trial, members in found.items() if len(members) > 1}


def dependence_notes(trials: Trials, counts: Sequence[Count]) -> tuple[str, ...]:
    """One sentence a trial whose cohorts enter as independent rows."""
    return tuple(
        f"{' and '.join(count.slab for count in members)} are cohorts of one trial "
        f"({trials.labels[trial]}) and enter as independent rows"
        for trial, members in trials.families(counts).items()
    )


def dependence_rows(
    config: AnalysisConfig, trials: Trials, counts: Sequence[Count]
) -> Iterator[SensitivityRow]:
    """What stands beside the headline then; nothing where every row is another trial.

    The inverse-variance pool (REML) with CR2 limits by trial, and the headline model with the
    cohorts of a trial added up where they share no patients. No three-level model: a single
    pair says nothing of the variance within trials.
    """
    families = trials.families(counts)
    if not families:
        return
    clusters = [trials.of[count.study] for count in counts]
    if len(set(clusters)) > 1:
        robust = pool(
            [count.xi for count in counts],
            [count.ni for count in counts],
            model="IV",
            method="REML",
            pi_method=config.pi_method,
            i2_method=config.i2_method,
            level=config.level,
            slab=[count.slab for count in counts],
            cluster=clusters,
        )
        if robust.test == "CR2":  # not where no random-effects model can be fitted
            df = numbers.degrees(robust.df)
            how = f"cohorts of one trial being alike (REML, CR2, {df} df)"
            yield SensitivityRow("cluster", f"limits that allow for {how}", robust)
    apart = {
        trial: members
        for trial, members in families.items()
        if all(trials.lineage.disjoint(a.key, b.key) for a, b in combinations(members, 2))
    }
    if apart:
        rows, names = list(counts), []
        for trial, members in apart.items():
            whole = _added(members, trials.labels[trial])
            names.append(f"{whole.slab} as one row ({whole.xi} of {whole.ni})")
            rows[rows.index(members[0])] = whole
            rows = [row for row in rows if row not in members[1:]]
        yield SensitivityRow("one-row", "; ".join(names), pooled(rows, config.requests[0]))


def _added(members: Sequence[Count], label: str) -> Count:
    events, patients = sum(c.xi for c in members), sum(c.ni for c in members)
    return replace(members[0], slab=label, xi=events, ni=patients, candidates=(events,))
