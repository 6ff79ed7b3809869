"""The account of an outcome: what was decided, what was left out, what became of every cell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from carmeta.domain.evidence import Count, DataPath, Decision, Excluded, Harmonised, Use
from carmeta.domain.rules import EvidenceRules
from carmeta.harmonise.assay import by_assay
from carmeta.harmonise.eligible import excluded
from carmeta.harmonise.overlap import Drop
from carmeta.harmonise.readings import Evidence
from carmeta.harmonise.solve import Solution
from carmeta.vocabulary import OVERLAP_WORDS


def account(evidence: Evidence, solution: Solution) -> Harmonised:
    """The counts of a solution with everything that was decided and left out."""
    unions = dict(_unions(evidence, solution))
    decisions = [
        _of_part(decision, key, unions, evidence)
        for key, choice in solution.choices.items()
        for decision in choice.decisions
    ]
    out = [
        _of_pooled(item, key, unions, solution, evidence)
        for key, choice in solution.choices.items()
        for item in choice.excluded
    ]
    for key, drop in solution.dropped.items():
        count = solution.pool.candidates[key].count
        if key in unions:
            drop = Drop("counted", unions[key], _counted_in(unions[key], evidence))
        decisions.append(_dropped(count, drop, solution.rules))
        out.append(Excluded.of_count(count, drop.kind, drop.reason, drop.by))
    decisions += _other_reports(evidence, solution)
    outside = list(excluded(evidence, solution.rules, solution.outcome, solution.outside))
    decisions += map(_left_out, outside)
    uses = dict(_uses(evidence, solution))
    counts = by_assay(solution.counts, evidence.words.outcome(solution.outcome))
    return Harmonised(counts, tuple(decisions), (*out, *outside), uses=uses)


def _dropped(count: Count, drop: Drop, rules: EvidenceRules) -> Decision:
    policy = rules.overlap.policy
    superseded = drop.kind == "superseded"
    return Decision(
        study=count.study,
        cohort=count.cohort,
        outcome=count.outcome,
        action="dropped",
        rule="superseded" if superseded else f"non-overlapping-{policy}",
        inputs=(f"{count.xi} of {count.ni}: {count.source}",),
        result="not pooled",
        reason=drop.reason if superseded else f"{drop.reason}; kept: {OVERLAP_WORDS[policy]}",
        paths=count.paths[:1],
    )


def _left_out(item: Excluded) -> Decision:
    return Decision(
        study=item.study,
        cohort=item.cohort,
        outcome=item.outcome,
        action="excluded",
        rule=item.kind,
        inputs=(item.source,),
        result="not pooled",
        reason=item.reason,
        paths=(item.path,),
    )


def _unions(evidence: Evidence, solution: Solution) -> Iterator[tuple[str, str]]:
    """Every part whose numbers stand behind the count of a pooled cohort, with that cohort."""
    for key in solution.kept:
        reading = solution.choices[key].reading
        behind = set() if reading is None else {cell.key for cell in reading.cells} - {key}
        for part in behind:
            held = {part} | evidence.lineage.wholes(part) & evidence.lineage.parts(key)
            yield from ((each, key) for each in held)


def _counted_in(whole: str, evidence: Evidence) -> str:
    return f"counted in {evidence.name(whole)}, whose count is made of its parts"


def _of_part(decision: Decision, key: str, unions: dict[str, str], evidence: Evidence) -> Decision:
    """A decision again, where a cohort is left out that serves a pooled one as a part."""
    if key not in unions or decision.action != "excluded":
        return decision
    reason = f"{_counted_in(unions[key], evidence)} ({decision.reason})"
    return replace(decision, result="not pooled in a row of its own", reason=reason)


def _of_pooled(
    item: Excluded, key: str, unions: dict[str, str], solution: Solution, evidence: Evidence
) -> Excluded:
    """An exclusion again, where the cohort or one that it is a part of is pooled all the same."""
    if item.kind == "definition" or solution.choices[key].count is not None:
        # of one number, whatever becomes of the cohort
        return replace(item, by=key if key in solution.kept else unions.get(key, ""))
    if key in unions:
        reason = f"{_counted_in(unions[key], evidence)} ({item.reason})"
        return replace(item, kind="counted", reason=reason, by=unions[key])
    wholes = evidence.lineage.wholes(key)
    pooled = [key for key in solution.kept if key in wholes]
    if not pooled:
        return item
    names = ", ".join(sorted(count.slab for count in solution.counts_of(pooled)))
    reason = f"part of {names}, which is pooled ({item.reason})"
    return replace(item, kind="counted", reason=reason, by=pooled[0])


def _other_reports(evidence: Evidence, solution: Solution) -> Iterator[Decision]:
    """Where another report is pooled than the one that goes before it: why not that one.

    An update goes before what it updates; under `earliest` it is the other way round, and an
    earlier report is then used because it was asked for.
    """
    lineage = evidence.lineage
    earliest = solution.rules.overlap.policy == "earliest"
    for key in solution.kept:
        count = solution.pool.candidates[key].count
        which, first = ("later", "the report before it") if earliest else ("earlier", "its update")
        for other in sorted(lineage.updated(key) if earliest else lineage.updaters(key)):
            why = _why_not(evidence, solution, other, key)
            if why:
                yield _report_used(count, which, f"{first} {evidence.name(other)} {why}")
        if earliest and lineage.updaters(key):
            yield _report_used(count, "earlier", "the earliest report is the one asked for")


def _report_used(count: Count, which: str, why: str) -> Decision:
    return Decision(
        study=count.study,
        cohort=count.cohort,
        outcome=count.outcome,
        action="chosen",
        rule=f"{which}-report",
        inputs=(count.source,),
        result=f"{count.xi} of {count.ni}",
        reason=f"{which} report used: {why}",
        paths=count.paths[:1],
    )


def _why_not(evidence: Evidence, solution: Solution, other: str, kept: str) -> str:
    if other in solution.dropped:
        drop = solution.dropped[other]
        return "" if drop.by == kept else f"is not pooled, because it {drop.reason}"
    if other in solution.outside:
        return f"gives no admissible count, because {solution.outside[other][1]}"
    if other in solution.choices and solution.choices[other].excluded:
        reasons = [item.reason for item in solution.choices[other].excluded]
        return f"gives no admissible count, because {'; '.join(reasons)}"
    label = evidence.words.outcome(solution.outcome).label
    return f"gives no admissible count, because it does not report it ({label})"


def _uses(
    evidence: Evidence, solution: Solution
) -> Iterator[tuple[tuple[str, str, DataPath], Use]]:
    """What became of every cell that reports the outcome."""
    used = {
        (cell.study, cell.path): key
        for key in solution.kept
        for reading in [solution.choices[key].reading]
        for cell in (reading.cells if reading is not None else ())
    }
    for key in evidence.cells.cohorts:
        for cell in evidence.reporting(key, solution.outcome):
            by = used.get((cell.study, cell.path))
            use = Use("used", by) if by else _unused(solution, key, cell.path)
            yield (solution.outcome, cell.study, cell.path), use


def _unused(solution: Solution, key: str, path: DataPath) -> Use:
    if key in solution.outside:
        kind, reason = solution.outside[key]
        return Use("excluded", "", kind, reason)
    choice = solution.choices[key]
    refused = choice.judged.refused if choice.count is None else choice.aside
    for item in refused:
        if path in item.reading.paths:
            return Use("excluded", "", item.kind, item.reason)
    if choice.count is None:
        return Use("excluded", "", choice.excluded[0].kind, choice.excluded[0].reason)
    if key in solution.dropped:
        drop = solution.dropped[key]
        if drop.kind == "superseded":
            return Use("superseded", drop.by)
        return Use("excluded", "", drop.kind, drop.reason)
    return Use("superseded", key)
