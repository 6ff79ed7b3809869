"""One set of cohorts an outcome in which no patient counts twice."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from carmeta.domain.dates import later
from carmeta.domain.evidence import Count
from carmeta.harmonise.readings import DERIVATION_RANK
from carmeta.lineage import Lineage, select_disjoint
from carmeta.vocabulary import ExclusionKind, OverlapPolicy


@dataclass(frozen=True, slots=True)
class Candidate:
    """A count that may enter, and until when its patients were followed and when it was
    published: 2021, 2021-03 or 2021-03-25, ``""`` if that is not known.
    """

    count: Count
    cutoff: str = ""
    published: str = ""

    def against(self, other: Candidate) -> tuple[bool | None, str]:
        """Whether this report is later than another (None: open), and by which dates.

        Dates are held against dates of their own kind; beyond that, patients followed until
        after a report was published are later than it.
        """
        for kind, one, two in (
            ("data cutoff", self.cutoff, other.cutoff),
            ("published", self.published, other.published),
        ):
            if one and two and (decided := later(one, two)) is not None:
                return decided, f"{kind} {one} against {kind} {two}"
        for early, late, found in ((other, self, True), (self, other, False)):
            if late.cutoff and early.published and later(late.cutoff, early.published):
                known = [f"data cutoff {late.cutoff}", f"published {early.published}"]
                return found, " against ".join(known if found else known[::-1])
        return None, f"{self.dated()} against {other.dated()}"

    def dated(self) -> str:
        """The one date that says most of how recent the report is, in words."""
        if self.cutoff:
            return f"data cutoff {self.cutoff}"
        return f"published {self.published}" if self.published else "unknown"


@dataclass(frozen=True, slots=True)
class Drop:
    """Why a cohort with a count is not pooled: ``by`` is the pooled one that holds patients."""

    kind: ExclusionKind
    by: str
    reason: str


class Pool:
    """The counts for an outcome, and which of them make a set without shared patients.

    Two cohorts that share patients are decided in this order: an update supersedes what it
    updates (under `earliest` the other way round), then what the policy prefers, then the
    set with the most patients. What was passed over for a cohort that is then not in the set
    itself comes back where it shares nobody with the set.
    """

    def __init__(
        self, candidates: Mapping[str, Candidate], lineage: Lineage, policy: OverlapPolicy
    ):
        self.candidates, self.lineage, self.policy = candidates, lineage, policy
        self.near = {
            key: {o for o in candidates if o != key and lineage.overlap(key, o) is not None}
            for key in candidates
        }

    def solve(self, force: Collection[str] = ()) -> tuple[str, ...]:
        """The cohorts of the set; ``force`` are without shared patients and all in it."""
        kept = set(force)
        while left := [key for key in self.candidates if not kept & (self.near[key] | {key})]:
            weights = {key: self.candidates[key].count.ni for key in self._unbeaten(left)}
            kept |= set(select_disjoint(weights, self.lineage, self.rank).kept)
        return tuple(key for key in self.candidates if key in kept)

    def rank(self, key: str) -> float:
        """For sets with as many patients: fewer cohorts, surer counts, wholes before parts."""
        sure = DERIVATION_RANK[self.candidates[key].count.derivation]
        depth = len(self.lineage.wholes(key) & self.candidates.keys())
        return 1 + 1e-3 * sure + 1e-6 * depth

    def dropped(self, kept: Sequence[str]) -> dict[str, Drop]:
        """Why the others are not in the set."""
        return {key: self._why(key, kept) for key in self.candidates if key not in kept}

    def updated(self, one: str, two: str) -> bool:
        """Whether one is an update of two, or of what two is a part of."""
        return one in self.lineage.wholes(two) and self.lineage.grown(two, one)

    def _unbeaten(self, keys: Sequence[str]) -> set[str]:
        """Those that no other one is preferred to."""
        left = set(keys)
        while True:
            beaten = {k for k in left if any(self._beats(o, k) for o in self.near[k] & left)}
            out = {
                k for k in beaten if any(self._beats(o, k) for o in self.near[k] & left - beaten)
            }
            if not out:
                return left
            left -= out

    def _beats(self, one: str, two: str) -> str:
        """Why one is preferred to two, with whom it shares patients; empty if it is not."""
        first, second = self.candidates[one], self.candidates[two]
        printed = [c.count.derivation in ("printed", "summed", "patients") for c in (first, second)]
        early, late = self.updated(two, one), self.updated(one, two)
        if early or late:
            return "the report asked for" if early == (self.policy == "earliest") else ""
        if self.policy == "printed" and printed[0] != printed[1]:
            return "whose count stands in the paper" if printed[0] else ""
        if self.policy in ("latest", "earliest"):
            is_later, dates = first.against(second)
            if is_later == (self.policy == "latest") and is_later is not None:
                return f"the {self.policy} report ({dates})"
        return ""

    def _why(self, key: str, kept: Sequence[str]) -> Drop:
        blockers = [other for other in kept if other in self.near[key]]
        wholes, parts = self.lineage.wholes(key), self.lineage.parts(key)
        blockers.sort(key=lambda o: (not self._beats(o, key), o not in wholes, -self._n(o), o))
        by = blockers[0]
        label = self.candidates[by].count.slab
        words = self.lineage.overlap(key, by) or ""
        if self.updated(by, key):
            return Drop("superseded", by, f"superseded by {label}: {words}")
        if self.updated(key, by):
            asked = ", the earliest report being asked for" * (self.policy == "earliest")
            return Drop("superseded", by, f"superseded by {label}{asked}: {words}")
        why = self._beats(by, key)
        label += f", {why}" if why else ""
        verb = "shares" if by in wholes | parts else "may share"
        reason = f"{verb} patients with {label}: {words}"
        kind: ExclusionKind = "counted" if by in wholes else "overlap"
        return Drop(kind, by, reason + ("" if why else self._undecided(key, by)))

    def _undecided(self, key: str, by: str) -> str:
        """What the policy could not decide, and what did instead."""
        one, two = self.candidates[key], self.candidates[by]
        said = ""
        is_later, dates = one.against(two)
        if self.policy in ("latest", "earliest") and is_later is None:
            said = f"; the dates of the reports do not decide ({dates}), the most patients do"
        if one.count.ni == two.count.ni and self.rank(key) == self.rank(by):
            said += "; as many patients in both, so only the order of the ids decides"
        return said

    def _n(self, key: str) -> int:
        return self.candidates[key].count.ni
