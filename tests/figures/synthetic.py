"""Analyses made up for drawing: plausible numbers from short formulas, not from the package.

``analysis(...)`` gives a whole run, ``outcome(...)`` one outcome. Everything follows from the
arguments; nothing is random.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from scipy import special, stats

from carmeta.domain.analysis import (
    Analysis,
    ArmPair,
    Beyond,
    BiasItem,
    CandidateRange,
    ContrastAnalysis,
    OutcomeAnalysis,
    Provenance,
    SensitivityRow,
    StudyBias,
    StudyRow,
    StudySummary,
    Subgroup,
)
from carmeta.domain.evidence import Count, Decision, Excluded, Finding, Mark
from carmeta.domain.result import Back, Fallback, Mean, Pooled, SubgroupTest
from carmeta.pooling.tau2_solvers import ESTIMATORS
from carmeta.vocabulary import BIAS_ITEMS

NAN = math.nan
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


def exact(xi: int, ni: int) -> tuple[float, float]:
    """Clopper-Pearson limits at 95%."""
    low = 0.0 if xi == 0 else float(special.betaincinv(xi, ni - xi + 1, 0.025))
    high = 1.0 if xi == ni else float(special.betaincinv(xi + 1, ni - xi, 0.975))
    return low, high


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
) -> Count:
    """One count with a printed source."""
    return Count(
        study=f"study-{number}",
        cohort="all",
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


def study_row(item: Count, weight: float) -> StudyRow:
    """The count with its own proportion and exact limits."""
    low, high = exact(item.xi, item.ni)
    return StudyRow(item, item.xi / item.ni, low, high, weight)


def made(**flat: object) -> Pooled:
    """A pool from its numbers by name."""
    empty = Pooled(0, "", "", "", "", 0.95, Mean(*[NAN] * 7), Back(NAN, NAN, NAN))
    estimator = ESTIMATORS.get(str(flat["method"]))
    return empty.but(method_words=estimator.words if estimator else "", **flat)


def pooled(
    counts: list[Count], *, model: str = "GLMM", method: str = "ML", test: str = "t"
) -> Pooled:
    """DerSimonian-Laird on the logit, dressed as the model asked for."""
    k = len(counts)
    xi = np.array([item.xi for item in counts], float)
    ni = np.array([item.ni for item in counts], float)
    exact_code = ""
    if k == 1:
        exact_code = "single-study"
    elif xi.sum() == 0:
        exact_code = "all-zero"
    elif (xi == ni).all():
        exact_code = "all-events"
    base = {
        "k": k,
        "measure": "PLO",
        "model": model,
        "method": method,
        "test": test,
        "pi_method": "V",
        "i2_method": "tau2",
        "level": 0.95,
    }
    if exact_code:
        low, high = exact(int(xi.sum()), int(ni.sum()))
        p = float(xi.sum() / ni.sum())
        message = {
            "single-study": "Only one study: its own exact interval is shown, nothing is pooled",
            "all-zero": "No events in any study: exact interval of the sum, homogeneity assumed",
            "all-events": "Events in all patients: exact interval of the sum, homogeneity assumed",
        }[exact_code]
        with np.errstate(divide="ignore"):
            logits = special.logit(np.array([p, low, high]))
        return made(
            **base,
            estimate=float(logits[0]),
            se=NAN,
            stat=NAN,
            df=NAN,
            p=NAN,
            ci_lb=float(logits[1]),
            ci_ub=float(logits[2]),
            pi_lb=NAN,
            pi_ub=NAN,
            tau2=NAN,
            tau2_ci_lb=NAN,
            tau2_ci_ub=NAN,
            tau2_ci_method="",
            i2=NAN,
            h2=NAN,
            q=NAN,
            q_df=k - 1,
            q_pval=NAN,
            back=Back(p, low, high),
            weights=(),
            weights_kind="none",
            fallbacks=(Fallback(exact_code, message),),
        )
    zero = (xi == 0) | (xi == ni)
    x, n = xi + 0.5 * zero, ni + zero
    yi, vi = special.logit(x / n), 1 / x + 1 / (n - x)
    wi = 1 / vi
    mean = (wi * yi).sum() / wi.sum()
    q = float((wi * (yi - mean) ** 2).sum())
    tau2 = max(0.0, (q - (k - 1)) / (wi.sum() - (wi**2).sum() / wi.sum()))
    ws = 1 / (vi + tau2)
    est = float((ws * yi).sum() / ws.sum())
    se = float(1 / math.sqrt(ws.sum()))
    crit = float(stats.t.ppf(0.975, k - 1))
    ci = (est - crit * se, est + crit * se)
    pi_se = math.sqrt(tau2 + se**2)
    pi = (est - crit * pi_se, est + crit * pi_se) if k >= 3 else (NAN, NAN)
    fallbacks = (
        ()
        if k >= 3
        else (Fallback("few-studies", "Two studies: the pooled estimate is shown with caution"),)
    )
    return made(
        **base,
        estimate=est,
        se=se,
        stat=est / se,
        df=float(k - 1),
        p=float(2 * stats.t.sf(abs(est / se), k - 1)),
        ci_lb=ci[0],
        ci_ub=ci[1],
        pi_lb=pi[0],
        pi_ub=pi[1],
        tau2=float(tau2),
        tau2_ci_lb=float(tau2) / 4,
        tau2_ci_ub=4 * float(tau2) + 0.5,
        tau2_ci_method="PL" if model == "GLMM" else "QP",
        i2=float(100 * tau2 / (tau2 + 1 / wi.mean())),
        h2=float(1 + tau2 * wi.mean()),
        q=q,
        q_df=k - 1,
        q_pval=float(stats.chi2.sf(q, k - 1)),
        back=Back(*(float(special.expit(value)) for value in (est, *ci, *pi))),
        loglik=-20.0,
        weights=tuple((ws / ws.sum()).tolist()),
        weights_kind="information-share" if model == "GLMM" else "inverse-variance",
        fallbacks=fallbacks,
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
    """One outcome of k cohorts with both models, sensitivity and exclusions."""
    items = counts if counts is not None else counts_for(k, outcome=code, labels=labels, rate=rate)
    head = pooled(items)
    other = pooled(items, model="IV", method="REML", test="adhoc")
    weights = head.weights or (NAN,) * len(items)
    rows = tuple(study_row(item, w) for item, w in zip(items, weights, strict=True))
    groups: tuple[Subgroup, ...] = ()
    tests: tuple[SubgroupTest, ...] = ()
    if subgroups:
        groups = tuple(
            _group(level, rows) for level in dict.fromkeys(r.count.product for r in rows)
        )
        tests = (SubgroupTest("F(2, 6)", "product", "common", 1.237, 2, 6, 0.3549),)
    sensitivity: tuple[SensitivityRow, ...] = ()
    if len(items) > 2:
        sensitivity = tuple(
            SensitivityRow("leave-one-out", item.slab, pooled([*items[:i], *items[i + 1 :]]))
            for i, item in enumerate(items)
        )
    several = any(len(item.candidates) > 1 for item in items)
    return OutcomeAnalysis(
        outcome=code,
        rows=rows,
        headline=head,
        beside=() if len(items) == 1 else (other,),
        excluded=(
            Excluded(
                "cypress-2",
                "all",
                "CYPRESS-2",
                code,
                "no-denominator",
                "The table prints a percentage without a denominator",
                "Table 1",
            ),
            Excluded(
                "cypress-1",
                "first-33",
                "CYPRESS-1 (33)",
                code,
                "overlap",
                "All 33 patients are among the 62 of the later report",
                "Table 2",
            ),
        ),
        subgroups=groups,
        subgroup_tests=tests,
        candidates=CandidateRange(
            2,
            True,
            head.back.estimate - 0.004,
            head.back.estimate + 0.004,
            head.back.ci_lb - 0.004,
            head.back.ci_ub + 0.003,
            "the lower count",
        )
        if several
        else None,
        sensitivity=sensitivity,
        beyond=(Beyond(0.5, "above", 0.93),),
        notes=(),
    )


def _group(level: str, rows: tuple[StudyRow, ...]) -> Subgroup:
    members = tuple(row for row in rows if row.count.product == level)
    fit = pooled([row.count for row in members]) if len(members) > 1 else None
    return Subgroup("product", level, level, members, fit)


def bias(
    outcome: OutcomeAnalysis, tools: tuple[str, ...] = ("jbi-case-series",)
) -> list[StudyBias]:
    """Judgements on the studies of an outcome, the tools in turn; every third not assessed."""
    answers = {"jbi-case-series": ("yes", "no", "unclear", "not-applicable", ""),
               "rob-2": ("low", "some-concerns", "high")}  # fmt: skip
    found = []
    for i, row in enumerate(outcome.rows):
        tool = tools[i % len(tools)] if i % 3 != 2 else ""
        items = tuple(
            BiasItem(key, label, answers[tool][(2 * j + i) % len(answers[tool])], "", "")
            for j, (key, label) in enumerate(BIAS_ITEMS.get(tool, {}).items())
        )
        found.append(StudyBias(row.count.study, row.count.slab, tool, items))
    return found


def contrast() -> ContrastAnalysis:
    """The randomised comparison: one pair of arms, three measures."""
    left = count("Kapok-3", 181, 254, number=5, population="itt")
    right = count("Kapok-3", 55, 132, number=5, population="itt", role="comparator", product="")
    results = []
    for measure, est, low, high in (
        ("OR", 3.4713, 2.2356, 5.3901),
        ("RR", 1.7102, 1.3761, 2.1255),
        ("RD", 0.2959, 0.195, 0.397),
    ):
        scale = (lambda v: v) if measure == "RD" else math.log
        one = pooled([left])
        results.append(
            one.but(
                measure=measure,
                model="IV",
                method="REML",
                test="z",
                estimate=scale(est),
                ci_lb=scale(low),
                ci_ub=scale(high),
                back=Back(est, low, high),
            )
        )
    return ContrastAnalysis(
        "orr",
        (ArmPair("kapok-3", "Kapok-3", left, right),),
        tuple(results),
        ("Odds ratio 3.47 (95% CI 2.24 to 5.39), as published",),
    )


def contrasts(k: int = 5) -> ContrastAnalysis:
    """Several studies with two arms, their own effects and a pool of the odds ratio."""
    pairs, logs, precisions = [], [], []
    for i in range(k):
        n1, n2 = 60 + 21 * i, 40 + 17 * i
        a, c = round(n1 * (0.55 + 0.07 * math.sin(i))), round(n2 * (0.35 + 0.05 * math.cos(2 * i)))
        log = math.log(a * (n2 - c) / (c * (n1 - a)))
        se = math.sqrt(1 / a + 1 / (n1 - a) + 1 / c + 1 / (n2 - c))
        own = Back(math.exp(log), math.exp(log - 1.96 * se), math.exp(log + 1.96 * se))
        arms = [count(SHORT[i], *arm, number=i) for arm in ((a, n1), (c, n2))]
        pairs.append((SHORT[i], arms, own))
        logs.append(log)
        precisions.append(1 / se**2)
    total = sum(precisions)
    mean = sum(w * log for w, log in zip(precisions, logs, strict=True)) / total
    reach = 1.96 / math.sqrt(total)
    limits = [math.exp(mean + sign * reach) for sign in (-1, 1)]
    wide = [math.exp(mean + sign * 3 * reach) for sign in (-1, 1)]
    fit = pooled([pair[1][0] for pair in pairs], model="IV", method="REML", test="adhoc").but(
        measure="OR",
        estimate=mean,
        ci_lb=math.log(limits[0]),
        ci_ub=math.log(limits[1]),
        back=Back(math.exp(mean), *limits, *wide),
    )
    arms_of = tuple(
        ArmPair(
            slab.lower(),
            slab,
            arms[0],
            replace(arms[1], product="standard regimens"),
            {"OR": own},
            {"OR": w / total},
        )
        for (slab, arms, own), w in zip(pairs, precisions, strict=True)
    )
    return ContrastAnalysis("orr", arms_of, (fit,))


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
