"""Analyses for drawing: counts from short formulas, everything else fitted by the package.

``analysis(...)`` gives a whole run, ``outcome(...)`` one outcome. Everything follows from the
arguments; nothing is random.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from carmeta.config import AnalysisConfig, ArmPairSpec, Comparison, Sensitivity, Threshold
from carmeta.domain.analysis import (
    Analysis,
    BiasItem,
    ContrastAnalysis,
    OutcomeAnalysis,
    Provenance,
    StudyBias,
    StudyRow,
    StudySummary,
)
from carmeta.domain.evidence import Count, Decision, Excluded, Finding, Harmonised, Mark
from carmeta.domain.moderators import MetaRegression
from carmeta.domain.record import Review
from carmeta.domain.words.terms import Moderator
from carmeta.lineage import Lineage
from carmeta.pipeline.comparison import compare
from carmeta.pipeline.dependence import Trials
from carmeta.pipeline.outcome import analyse_outcome
from tests.words import MYELOMA

MOST_LEFT_OUT = 40  # no leave-one-out for more cohorts, to save time
SHORT = (
    "CYPRESS-1",
    "Kapok",
    "LINDEN-2",
    "CEDAR-1",
    "ELDER",
    "Kapok-3",
    "Myrtle",
    "Walnut",
    "CYPRESS-2",
)
LONG = (
    "Author et al. 2019, CYPRESS-1, dose escalation and dose expansion, all dose levels together",
    "Memorial Sloan Kettering Cancer Center and Mount Sinai, retrospective cohort, first salvage",
    "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenverordnungsstudie",
)
SCRIPTS = (
    "Иванов и соавт. 2020",
    "Παπαδόπουλος 2021",
    "כהן ואחרים 2019",
    "دراسة القاهرة 2022",
    "Nguyễn Thị Ánh 2021",
    "Şükrü Öztürk 2018",
    "Łukasz Żółć 2020",
)
HOSTILE = (
    "<script>alert(1)</script>",
    "$5 and $6 \\input{x}",
    "=cmd()|'/C calc'!A0",
    "**bold** [red]x[/red]",
    "\u202eright to left",
    "e\u0301\u0327\u0323 combining",
    "a|b|c\nnew line\ttab",
    "@SUM(A1)",
    "N" * 500,
)


def count(
    slab: str,
    xi: int,
    ni: int,
    *,
    outcome: str = "orr",
    number: int = 0,
    derivation: str = "printed",
    candidates: tuple[int, ...] | None = None,
    flags: tuple[str, ...] = (),
    product: str = "ide-cel",
    population: str = "infused",
    role: str = "car-t",
    unit: str = "patients",
    cohort: str = "all",
) -> Count:
    """One count with a printed source."""
    return Count(
        study=f"study-{number}",
        cohort=cohort,
        slab=slab,
        product=product,
        outcome=outcome,
        xi=xi,
        ni=ni,
        candidates=candidates or (xi,),
        population=population,
        derivation=derivation,
        source=f"report-{number}, Table 2, row 'Overall response': {xi}/{ni}",
        grading="Lee 2014" if outcome.startswith("crs") else "",
        definition="partial response or better",
        role=role,
        unit=unit,
        year=2017 + number % 7,
        flags=flags,
        moderators={"product": product},
    )


def counts_for(
    k: int, *, outcome: str = "orr", labels: tuple[str, ...] = SHORT, rate: float = 0.75
) -> list[Count]:
    """Cohorts with rates around ``rate``; from four on there are 0/n and n/n among them."""
    items = []
    products = ("ide-cel", "cilta-cel", "orva-cel")
    for number in range(k):
        ni = (33, 128, 17, 97, 62, 254, 24, 25, 9)[number % 9] + 3 * (number // 9)
        share = min(0.98, max(0.02, rate + 0.18 * math.sin(1.7 * number)))
        xi = round(ni * share)
        if k >= 4 and number == 2:
            xi = 0 if rate < 0.5 else ni
        if k >= 4 and number == 6:
            xi = 0 if rate < 0.5 else 8
        slab = labels[number % len(labels)]
        if number >= len(labels):
            slab = f"{slab} ({number // len(labels) + 1})"
        derivation, candidates, flags = "printed", None, ()
        if number == 1:
            derivation, candidates = "percent-several", (xi, xi + 1)
        if number == 3:
            derivation = "percent"
        if number == 5:
            flags = ("intention to treat",)
        items.append(
            count(
                slab,
                xi,
                ni,
                outcome=outcome,
                number=number,
                derivation=derivation,
                candidates=candidates,
                flags=flags,
                product=products[number % 3],
                population="itt" if flags else "infused",
            )
        )
    return items


def outcome(
    k: int = 9,
    *,
    code: str = "orr",
    labels: tuple[str, ...] = SHORT,
    rate: float = 0.75,
    subgroups: bool = False,
    counts: list[Count] | None = None,
) -> OutcomeAnalysis:
    """One outcome of k cohorts with both models, sensitivity and exclusions, all fitted."""
    if counts is not None:
        return _analysed(counts, code, subgroups)
    return _of(k, code, labels, rate, subgroups)


@cache
def _of(
    k: int, code: str, labels: tuple[str, ...], rate: float, subgroups: bool
) -> OutcomeAnalysis:
    return _analysed(counts_for(k, outcome=code, labels=labels, rate=rate), code, subgroups)


def _analysed(counts: list[Count], code: str, subgroups: bool) -> OutcomeAnalysis:
    excluded = (
        Excluded("rowan", "all", "Rowan", code, "no-denominator",
                 "The table prints a percentage without a denominator", "Table 1"),
        Excluded("study-0", "first-33", "CYPRESS-1 (33)", code, "overlap",
                 "All 33 patients are among the 62 of the later report", "Table 2"),
    )  # fmt: skip
    known = code in MYELOMA.outcomes
    asked: Any = {"thresholds": {code: Threshold(value=0.5)}} if known else {}
    config = AnalysisConfig(
        name="synthetic",
        title="Synthetic",
        subgroup="product" if subgroups else None,
        **asked,
        rare_below=0.0,
        sensitivity=Sensitivity(influence=False, leave_one_out=len(counts) <= MOST_LEFT_OUT),
    )
    trials = Trials({item.study: item.study for item in counts}, {}, Lineage.build([]))
    given = Harmonised(tuple(counts), (), excluded)
    found = analyse_outcome(config, given, trials, code, MYELOMA)
    assert found is not None
    return found


@cache
def regressed(
    k: int = 9, labels: tuple[str, ...] = SHORT, model: str = "GLMM"
) -> tuple[OutcomeAnalysis, MetaRegression]:
    """An outcome of k cohorts against their median age, and their product, all fitted."""
    words = MYELOMA.model_copy(
        update={"moderators": {"age": Moderator(label="Median age", unit="years")}}
    )
    ages = [round(61.0 + 5.0 * math.sin(2.3 * i) + 0.1 * (i // 9), 1) for i in range(k)]
    counts = [
        replace(item, numbers={"age": age}, moderators=item.moderators | {"age": f"{age:g}"})
        for item, age in zip(counts_for(k, labels=labels), ages, strict=True)
    ]
    none = Sensitivity(leave_one_out=False, candidates=False, influence=False, evidence=False)
    models: Any = ({"model": model},)
    config = AnalysisConfig(
        name="synthetic", title="Synthetic", regression=("age", "product"), sensitivity=none,
        models=models,
    )  # fmt: skip
    trials = Trials({item.study: item.study for item in counts}, {}, Lineage.build([]))
    found = analyse_outcome(config, Harmonised(tuple(counts), (), ()), trials, "orr", words)
    assert found is not None
    return found, found.regressions[0]


def judged(tool: str, answers: Sequence[str]) -> tuple[BiasItem, ...]:
    """The items of a tool with these answers in turn; empty: not judged."""
    known = MYELOMA.bias_tools[tool]
    return tuple(
        BiasItem(key, term.label, code, "", "", known.answers[code].label, known.answers[code].sign)
        if code
        else BiasItem(key, term.label, "", "", "")
        for (key, term), code in zip(known.items.items(), answers, strict=False)
    )


def bias(
    outcome: OutcomeAnalysis, tools: tuple[str, ...] = ("jbi-case-series",)
) -> list[StudyBias]:
    """Judgements on the studies of an outcome, the tools in turn; every third not assessed."""
    answers = {"jbi-case-series": ("yes", "no", "unclear", "not-applicable", ""),
               "rob-2": ("low", "some-concerns", "high")}  # fmt: skip
    found = []
    for i, row in enumerate(outcome.rows):
        tool = tools[i % len(tools)] if i % 3 != 2 else ""
        given = answers.get(tool, ())
        items = judged(tool, [given[(2 * j + i) % len(given)] for j in range(12)]) if tool else ()
        label = MYELOMA.bias_tools[tool].label if tool else ""
        found.append(StudyBias(row.count.study, row.count.slab, tool, items, label))
    return found


def contrast() -> ContrastAnalysis:
    """The randomised comparison: one pair of arms, three measures."""
    found = _compared((("Kapok-3", (181, 254), (55, 132)),), ("OR", "RR", "RD"))
    return replace(found, published=("Odds ratio 3.47 (95% CI 2.24 to 5.39), as published",))


def contrasts(k: int = 5) -> ContrastAnalysis:
    """Several studies with two arms, their own effects and a pool of the odds ratio."""
    arms = []
    for i in range(k):
        n1, n2 = 60 + 21 * i, 40 + 17 * i
        a, c = round(n1 * (0.55 + 0.07 * math.sin(i))), round(n2 * (0.35 + 0.05 * math.cos(2 * i)))
        arms.append((SHORT[i], (a, n1), (c, n2)))
    return _compared(tuple(arms), ("OR",))


Arms = tuple[str, tuple[int, int], tuple[int, int]]


@cache
def _compared(studies: tuple[Arms, ...], measures: tuple[str, ...]) -> ContrastAnalysis:
    counts, pairs = [], []
    for i, (slab, treated, control) in enumerate(studies):
        arm = count(slab, *treated, number=i, population="itt")
        other = count(slab, *control, number=i, population="itt", role="comparator",
                      product="standard regimens", cohort="control")  # fmt: skip
        counts += [arm, other]
        pairs.append(ArmPairSpec(treatment=arm.key, control=other.key))
    config = AnalysisConfig(
        name="synthetic",
        title="Synthetic",
        outcomes=("orr",),
        comparison=Comparison(pairs=tuple(pairs), measures=measures),
    )
    review = Review(words=MYELOMA, studies=[], products={}, reports={})
    (found,) = compare(config, review, Harmonised(tuple(counts), (), ()))
    # A figure of many pairs names the study; the arms stand in the column heads.
    named = tuple(
        replace(pair, slab=slab) for pair, (slab, *_) in zip(found.pairs, studies, strict=True)
    )
    return replace(found, pairs=named)


def analysis(*, outcomes: tuple[OutcomeAnalysis, ...] | None = None, text: str = "") -> Analysis:
    """A whole run; ``text`` is put into every free-text field."""
    found = (
        outcomes
        if outcomes is not None
        else (
            outcome(9, code="orr"),
            outcome(9, code="cr", rate=0.4),
            outcome(9, code="crs_any", rate=0.8),
            outcome(9, code="crs_ge3", rate=0.08),
            outcome(7, code="nt_any", rate=0.2),
            outcome(7, code="nt_ge3", rate=0.05),
        )
    )
    return Analysis(
        name="synthetic",
        title=f"BCMA CAR-T in multiple myeloma {text}".strip(),
        config={
            "title": "BCMA CAR-T in multiple myeloma",
            "level": 0.95,
            "measure": "PLO",
            "population": {"prefer": ["infused", "treated", "itt"]},
            "models": ["GLMM", "IV/REML/adhoc"],
            "note": text,
        },
        words=MYELOMA,
        outcomes=found,
        contrasts=(contrast(),),
        decisions=tuple(
            Decision(
                row.count.study,
                row.count.cohort,
                item.outcome,
                "derived",
                "percent-to-count",
                (f"Table 2: {numbers_of(row)} {text}".strip(),),
                f"{row.count.xi}/{row.count.ni}",
                f"One integer fits the printed percentage {text}".strip(),
            )
            for item in found
            for row in item.rows[:3]
        ),
        findings=(
            Finding(
                "GRM002",
                "warning",
                "kapok",
                "all",
                "cr",
                f"73% of 128 fits two counts {text}".strip(),
                "Both are carried",
                ("Table 2: 73%",),
                Mark("studies/karmma.yaml", 14, 7),
                "",
            ),
            Finding(
                "SUM001",
                "error",
                "salvage-msk-sinai",
                "first",
                "orr",
                f"Rows add to 102, the table prints 101/224 {text}".strip(),
                "",
                (),
                Mark("studies/salvage-msk-sinai.yaml", 40, 3),
                "The paper's own total is used",
            ),
        ),
        studies=tuple(
            StudySummary(
                row.count.study,
                row.count.slab,
                {
                    "Trial": "NCT02658929",
                    "Phase": "1",
                    "Product": row.count.product,
                    "Patients": str(row.count.ni),
                    "Prior lines": f"6 {text}".strip(),
                },
                "Raje N, et al. N Engl J Med 2019;380:1726-37.",
            )
            for row in (found[0].rows if found else ())
        ),
        references=(
            f"Raje N, et al. Anti-BCMA CAR T. N Engl J Med 2019;380:1726-37 {text}".strip(),
        ),
        provenance=Provenance(
            "0.1.0",
            {"python": "3.11", "numpy": "2.4.0"},
            {"studies/cypress-1.yaml": "0" * 64, "configs/primary.yaml": "1" * 64},
            "configs/primary.yaml",
        ),
        notes=(f"Nine cohorts; no patient counted twice {text}".strip(),),
    )


def numbers_of(row: StudyRow) -> str:
    """The printed cell in words."""
    return f"{row.count.xi}/{row.count.ni}"
