"""What the parts of a cohort leave it: a union has the events of its parts.

Nobody is outside the parts that cover a cohort (`Lineage.covers`). So where all parts but one
have no events, the union has the count of that one, whether or not the parts overlap. Several
parts with events are added only where they are disjoint, by declaration or because they have
as many patients as the cohort that they cover, and their patients add up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from carmeta.cells import Denominator
from carmeta.domain.evidence import Derivation
from carmeta.domain.rules import EvidenceRules
from carmeta.harmonise.counts import Derived, Reading, summed
from carmeta.harmonise.readings import Evidence, Judged, OwnJudge
from carmeta.lineage import Cover
from carmeta.rounding import fitting_counts


@dataclass(frozen=True, slots=True)
class _Part:
    """A part's reading; without a denominator only where it has no events."""

    label: str
    reading: Reading

    @property
    def none(self) -> bool:
        return self.reading.derived.candidates[-1] == 0

    def shown(self) -> str:
        return f"{self.reading.shown()} in {self.label}"


class Judge(OwnJudge):
    """Applies the rules of one analysis to what cohorts print, or else to what their parts do."""

    def __init__(self, evidence: Evidence, rules: EvidenceRules, outcome: str):
        super().__init__(evidence, rules, outcome)
        self._judged: dict[str, Judged] = {}

    def of(self, key: str) -> Judged:
        """The readings of a cohort; where none of its own may be used, that of its parts."""
        if key not in self._judged:
            self._judged[key] = Judged()  # for cohorts that are declared parts of each other
            judged = self.own(key)
            if not judged.admissible:
                made = [self.settled(r) for r in self._unions(key) if not self.ruled_out(r)]
                judged = replace(judged, admissible=tuple(sorted(made, key=self.rank)))
            self._judged[key] = judged
        return self._judged[key]

    def _unions(self, key: str) -> Iterator[Reading]:
        """The readings from the parts, those on the preferred population first."""
        evidence = self.evidence
        for population in self.order:
            whole = evidence.cells.patients(key, population)
            for cover in evidence.lineage.covers(key) if whole.n else ():
                if {part.partition("/")[0] for part in cover.parts} != {key.partition("/")[0]}:
                    continue  # of several records: whose scales and definitions may differ
                n = whole.n or 0
                cover = self._apart(cover, population, n)
                options = [list(self._part(key, part, population, n)) for part in cover.parts]
                for parts in _one_changed(options):
                    derived = _derived(parts, cover, n)
                    if derived is not None:
                        yield _read(parts, derived, population, whole)

    def _apart(self, cover: Cover, population: str, n: int) -> Cover:
        """Parts of a whole of ``n`` whose printed sizes add to ``n`` have nobody in common."""
        sizes = [self.evidence.cells.patients(part, population).n for part in cover.parts]
        if cover.disjoint or None in sizes or sum(size or 0 for size in sizes) != n:
            return cover
        return replace(cover, disjoint=True)

    def _part(self, whole: str, key: str, population: str, most: int) -> Iterator[_Part]:
        """The counts of a part in its whole population, or else that it has no events."""
        evidence = self.evidence
        if evidence.cohort(key).unit != evidence.cohort(whole).unit:
            return
        if evidence.study(key).status == "draft":
            return
        judged, size = self.of(key), evidence.cells.patients(key, population).n
        own = [reading for reading in judged.admissible if reading.population == population]
        for reading in own:
            if size is None or reading.ni == size:
                yield _Part(evidence.name(key), reading)
        for refused in () if own else judged.refused:
            reading = refused.reading
            if refused.kind == "no-denominator" and reading.population == population:
                nobody = _nobody(reading, most)
                if nobody is not None and not self.ruled_out(nobody):
                    yield _Part(evidence.name(key), nobody)


def _one_changed(options: Sequence[Sequence[_Part]]) -> Iterator[list[_Part]]:
    """The first option of every part; then, one part at a time, its others."""
    if not all(options):
        return
    first = [each[0] for each in options]
    yield first
    for i, each in enumerate(options):
        yield from ([*first[:i], other, *first[i + 1 :]] for other in each[1:])


def _nobody(reading: Reading, most: int) -> Reading | None:
    """A part of unknown size, at most ``most``, of whom none had an event."""
    if len(reading.cells) != 1:
        return None
    cell = reading.cells[0]
    if cell.count is None and cell.percent is not None:
        counts: Sequence[int] = fitting_counts(cell.percent, most).counts
    else:
        counts = () if cell.count is None else (cell.count,)
    if len(counts) != 1 or counts[0] != 0:
        return None
    how: Derivation = "printed" if cell.percent is None else "percent"
    reason = f"{cell.shown()} of at most {most}"
    return replace(reading, derived=Derived((0,), 0, how, "nobody", reason))


def _derived(parts: Sequence[_Part], cover: Cover, n: int) -> Derived | None:
    sizes = [part.reading.ni for part in parts]
    held = sum(size or 0 for size in sizes)
    if None not in sizes and (held < n or (cover.disjoint and held != n)):
        return None  # as printed they do not make up the cohort
    some = [part for part in parts if not part.none]
    reason = "; ".join(
        part.shown() if part.reading.ni else f"{part.reading.derived.reason}, none, in {part.label}"
        for part in parts
    )
    if len(some) <= 1:
        one = (some or parts)[0].reading.derived
        reason += f": all {n} patients are in one of them"
        made = replace(one, rule="count-of-the-other-part", reason=reason, derivation=_worst(parts))
    elif cover.disjoint and held == n:
        derived = [part.reading.derived for part in parts]
        made = summed(derived, n, "sum-of-the-parts", f"{reason}: disjoint, and all {n} patients")
        made = replace(made, derivation=_worst(parts))
    else:
        return None
    return made if made.candidates[-1] <= n else None


def _worst(parts: Sequence[_Part]) -> Derivation:
    """How sure a count is that rests on all of these."""
    found = {part.reading.derived.derivation for part in parts}
    for derivation in ("percent-several", "percent", "patients"):
        if derivation in found:
            return derivation
    return "summed"


def _read(parts: Sequence[_Part], derived: Derived, population: str, whole: Denominator) -> Reading:
    readings = [part.reading for part in parts]
    first = next(part for part in sorted(parts, key=lambda part: part.none)).reading
    sources = [source for reading in readings for source in reading.sources]
    if whole.words:
        sources.append((whole.words, whole.path))
    return replace(
        first,
        population=population,
        ni=whole.n,
        derived=derived,
        sources=tuple(dict.fromkeys(sources)),
        cells=tuple(cell for reading in readings for cell in reading.cells),
        attribution="inferred" if any(_inferred(readings)) else "stated",
        grading="; ".join(dict.fromkeys(filter(None, (r.grading for r in readings)))),
        definition=_same(reading.definition for reading in readings),
        doc=_same(reading.doc for reading in readings),
    )


def _inferred(readings: Sequence[Reading]) -> Iterator[bool]:
    return (reading.attribution == "inferred" for reading in readings)


def _same(words: Iterator[str]) -> str:
    """What all say, or nothing."""
    found = set(words)
    return found.pop() if len(found) == 1 else ""
