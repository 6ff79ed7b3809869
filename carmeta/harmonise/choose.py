"""One reading a cohort: the preferred one becomes the count, the others are accounted for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from carmeta.domain.evidence import Action, Count, DataPath, Decision, Excluded
from carmeta.domain.record import Product
from carmeta.domain.words import Vocabulary
from carmeta.harmonise.counts import Reading
from carmeta.harmonise.moderators import Valued, valued
from carmeta.harmonise.parts import Judge
from carmeta.harmonise.readings import Evidence, Judged, Refused, in_order
from carmeta.vocabulary import ExclusionKind


@dataclass(frozen=True, slots=True)
class Choice:
    """What became of one cohort for one outcome: a count, or else only exclusions."""

    key: str
    judged: Judged
    reading: Reading | None
    count: Count | None
    aside: tuple[Refused, ...]  # numbers that are excluded by themselves, beside the count
    others: tuple[Count, ...]  # usable readings that give another count or population
    decisions: tuple[Decision, ...]
    excluded: tuple[Excluded, ...]


def choose(judge: Judge, key: str) -> Choice:
    """Choose one reading of a cohort, or say why none of those that it reports can be pooled."""
    judged, evidence = judge.of(key), judge.evidence
    maker = _Maker(evidence, key, judge.outcome)
    if not judged.admissible and not evidence.reports(key, judge.outcome):
        return Choice(key, judged, None, None, (), (), (), ())  # and its parts do not either
    if not judged.admissible:
        why = maker.excluded(in_order(judged.refused))
        return Choice(key, judged, None, None, (), (), (maker.exclusion(why),), (why,))
    chosen, *rest = judged.admissible
    flags = chosen.flags + _flag(chosen, judge.order, evidence.words)
    decisions = [maker.derivation(chosen)]
    if rest or judged.refused:
        decisions.append(maker.preference(chosen, rest, judged.refused))
    if chosen.population != judge.order[0]:
        decisions.append(maker.flagged(chosen, judge.order[0]))
    others = tuple(
        maker.count(other, other.flags)
        for other in rest
        if other.ni != chosen.ni or not _may_agree(other, chosen)
    )
    aside = tuple(_set_aside(key, chosen, rest, judged.refused))
    out = tuple(maker.unused(item, chosen) for item in aside)
    decisions += [maker.exclusion(item) for item in out]
    count = maker.count(chosen, flags)
    return Choice(key, judged, chosen, count, aside, others, tuple(decisions), out)


def _set_aside(
    key: str, chosen: Reading, rest: Sequence[Reading], refused: Sequence[Refused]
) -> Iterator[Refused]:
    """Numbers of a cohort that are no other readings of its count.

    They are by another definition, or by another assay, or are its own and give no count
    where its parts do.
    """
    for other in rest:
        if other.group and other.grading != chosen.grading and other.cells[0].key == key:
            reason = f"by {other.grading}, and not by {chosen.grading}"
            yield Refused(other, "definition", reason)
    of_parts = any(cell.key != key for cell in chosen.cells)
    for item in refused:
        own = of_parts and item.kind not in ("not-reported", "lost")
        outside = set(item.reading.paths) - set(chosen.paths)
        if outside and (own or item.kind == "definition"):
            yield item


def _may_agree(one: Reading, two: Reading) -> bool:
    """Whether two readings of the same patients may be the same count."""
    first, second = one.derived.candidates, two.derived.candidates
    return first[0] <= second[-1] and second[0] <= first[-1]


def _flag(reading: Reading, order: Sequence[str], words: Vocabulary) -> tuple[str, ...]:
    """A word for the figure where a cohort had to be taken on another population."""
    return () if reading.population == order[0] else (words.population(reading.population),)


class _Maker:
    """Makes counts and the account of them for one cohort and outcome."""

    def __init__(self, evidence: Evidence, key: str, outcome: str):
        self.study, self.cohort = evidence.study(key), evidence.cohort(key)
        self.product: Product | None = evidence.review.products.get(self.cohort.product or "")
        self.evidence, self.key, self.outcome = evidence, key, outcome

    def count(self, chosen: Reading, flags: tuple[str, ...]) -> Count:
        assert chosen.ni is not None
        declared = self._declared()
        return Count(
            study=self.study.id,
            cohort=self.cohort.id,
            slab=self.evidence.name(self.key),
            product=self.product.label if self.product else "",
            outcome=self.outcome,
            xi=chosen.derived.xi,
            ni=chosen.ni,
            candidates=chosen.derived.candidates,
            population=chosen.population,
            derivation=chosen.derived.derivation,
            source="; ".join(chosen.words),
            grading=chosen.grading,
            definition=chosen.definition,
            role=self.cohort.role,
            unit=self.cohort.unit,
            year=self.study.trial.year or 0,
            flags=flags,
            moderators=self._moderators(chosen, declared),
            numbers={n: one.number for n, one in declared.items() if one.number is not None},
            unvalued={name: one.why for name, one in declared.items() if one.why},
            paths=chosen.paths,
            population_words=self.evidence.words.population(chosen.population),
        )

    def _declared(self) -> dict[str, Valued]:
        given = self.evidence.review.attributes(self.cohort)
        return {
            name: valued(name, term, self.study, self.cohort, given.get(term.of or name))
            for name, term in self.evidence.words.moderators.items()
        }

    def _moderators(self, chosen: Reading, declared: dict[str, Valued]) -> dict[str, str]:
        trial, cohort, product = self.study.trial, self.cohort, self.product
        derived = chosen.derived.derivation.startswith("percent")
        values: dict[str, str | None] = {
            **self.evidence.review.attributes(cohort),
            "product": product.label if product else None,
            "phase": f"phase {trial.phase}" if trial.phase else None,
            "design": trial.design,
            "country": ", ".join(trial.countries) if trial.countries else None,
            "population": chosen.population,
            "scale": chosen.grading or None,
            "derivation": "derived from a percentage" if derived else "printed",
            **{name: one.text for name, one in declared.items()},
        }
        return {name: value for name, value in values.items() if value}

    def excluded(self, refused: Sequence[Refused]) -> Excluded:
        """The cohort left out for the most telling kind of reason."""
        if not refused:  # cells that no family reads: of no table that adds up to anything
            cells = self.evidence.reporting(self.key, self.outcome)
            listed = "; ".join(cell.text() for cell in cells)
            return self._out("incomplete", "only a part of the outcome", listed, cells[0].path)
        first = refused[0]
        alike = [item for item in refused if item.kind == first.kind]
        reason = "; ".join(dict.fromkeys(item.reason for item in alike))
        if self.cohort.note and first.kind == "no-denominator":
            reason += f". {self.cohort.note}"
        words = "; ".join(dict.fromkeys(text for item in alike for text in item.reading.words))
        return self._out(first.kind, reason, words, first.reading.paths[0])

    def unused(self, item: Refused, chosen: Reading) -> Excluded:
        """One number left out by itself."""
        path = next(path for path in item.reading.paths if path not in chosen.paths)
        reason = f"this number is not used: {item.reason}; the cohort's count is "
        reason += f"{chosen.derived.xi} of {chosen.ni}"
        return self._out(item.kind, reason, "; ".join(item.reading.words), path)

    def _out(self, kind: ExclusionKind, reason: str, source: str, path: DataPath) -> Excluded:
        return Excluded(
            study=self.study.id,
            cohort=self.cohort.id,
            slab=self.evidence.name(self.key),
            outcome=self.outcome,
            kind=kind,
            reason=reason,
            source=source,
            path=path,
        )

    def exclusion(self, out: Excluded) -> Decision:
        result = "not pooled"
        return self._decision("excluded", out.kind, [(out.source, out.path)], result, out.reason)

    def derivation(self, chosen: Reading) -> Decision:
        action: Action = "chosen" if chosen.derived.derivation == "printed" else "derived"
        result = f"{chosen.derived.xi} of {chosen.ni}"
        derived = chosen.derived
        return self._decision(action, derived.rule, chosen.sources, result, derived.reason)

    def preference(
        self, chosen: Reading, rest: Sequence[Reading], refused: Sequence[Refused]
    ) -> Decision:
        """Why this reading, with all others that the record holds."""
        reason = "preferred population, then stated before inferred, then printed before derived"
        same = [
            other
            for other in rest
            if (other.population, other.ni) == (chosen.population, chosen.ni)
            and not _may_agree(other, chosen)
        ]
        if same:
            reason += f"; {len(same)} other reading(s) give another count"
        inputs = [(_listed(other), other.paths[0]) for other in rest]
        inputs += [(_refused(item), item.reading.paths[0]) for item in refused]
        return self._decision("chosen", "preferred-reading", inputs, _listed(chosen), reason)

    def flagged(self, chosen: Reading, wanted: str) -> Decision:
        result = f"population '{chosen.population}'"
        reason = f"not reported for the preferred population '{wanted}'"
        return self._decision("flagged", "population-preference", chosen.sources, result, reason)

    def _decision(
        self,
        action: Action,
        rule: str,
        inputs: Sequence[tuple[str, DataPath]],
        result: str,
        reason: str,
    ) -> Decision:
        return Decision(
            study=self.study.id,
            cohort=self.cohort.id,
            outcome=self.outcome,
            action=action,
            rule=rule,
            inputs=tuple(text for text, _ in inputs),
            result=result,
            reason=reason,
            paths=tuple(path for _, path in inputs),
        )


def _listed(reading: Reading) -> str:
    return f"{reading.shown()} ({reading.population}; {reading.words[0]})"


def _refused(item: Refused) -> str:
    reading = item.reading
    return f"{_listed(reading)[:-1]}; {item.reason})" if reading.usable else _listed(reading)
