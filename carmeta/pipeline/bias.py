"""Risk of bias of the studies in use, as the records judge it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from carmeta.domain.analysis import BiasItem, StudyBias
from carmeta.domain.naming import names
from carmeta.domain.record import Review, RiskOfBias, StudyRecord
from carmeta.domain.words import BiasTool


def risk_of_bias(review: Review, used: Collection[str]) -> tuple[StudyBias, ...]:
    """One entry a study and tool; a study that was not assessed has one without items."""
    out: list[StudyBias] = []
    called = names(review.studies)
    for study in sorted(review.studies, key=lambda s: s.id):
        if study.id not in used:
            continue
        if not study.risk_of_bias:
            out.append(StudyBias(study.id, called[study.id], "", ()))
        for assessment in study.risk_of_bias:
            tool = review.words.bias_tools[assessment.tool]
            items = tuple(_items(study, assessment, tool))
            out.append(StudyBias(study.id, called[study.id], assessment.tool, items, tool.label))
    return tuple(out)


def _items(study: StudyRecord, assessment: RiskOfBias, tool: BiasTool) -> Iterator[BiasItem]:
    given = {one.item: one for one in assessment.judgements}
    for item, term in tool.items.items():
        one = given.get(item)
        if one is None:
            yield BiasItem(item, term.label, "", "not judged", "")
        else:
            place = one.at.label(study.default_doc) if one.at else ""
            answer = tool.answers[one.judgement]
            yield BiasItem(
                item, term.label, one.judgement, one.support, place, answer.label, answer.sign
            )
