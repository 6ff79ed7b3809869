"""The words of the field, each written once: codes, labels and what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

OutcomeCode = Literal[
    "orr", "cr", "scr", "vgpr", "mrd_neg", "crs_any", "crs_ge3", "nt_any", "nt_ge3"
]
Population = Literal[
    "infused",  # received the CAR-T product, or for a comparator any dose of treatment
    "treated",  # started any part of the assigned treatment (leukapheresis, bridging, ...)
    "safety",
    "itt",  # all randomised, or all enrolled in a single-arm trial
    "enrolled",
    "evaluable",  # assessable for this outcome, whoever that is in the paper
]
Role = Literal["car-t", "comparator", "salvage"]
Unit = Literal["patients", "instances"]
Category = Literal["sCR", "CR", "nCR", "VGPR", "PR", "MR", "SD", "PD", "NR", "NE", "death"]
Scale = Literal["lee-2014", "cartox", "astct", "ctcae", "penn", "not-reported"]
Counting = Literal["maximum-grade", "any-event", "not-reported"]
Missing = Literal["not-reported", "not-applicable", "lost"]
# Why a cohort that reports an outcome is not in its pool; in words: EXCLUSION_WORDS.
ExclusionKind = Literal[
    "outside",
    "draft",
    "not-selected",
    "definition",
    "no-denominator",
    "impossible",
    "denominators",
    "incomplete",
    "lost",
    "not-reported",
    "superseded",
    "counted",  # in a pooled cohort that holds all its patients
    "overlap",
    "unpaired",
    "no-information",
]
# What another defensible set of counts differs in.
ChoiceKind = Literal[
    "report",  # another report of the same cohort
    "overlap",  # another set of cohorts without shared patients
    "same-cohort",  # the cohort that a study has for its other outcomes
    "count",  # other counts that the print allows
    "population",
    "reading",  # another printed value
    "missing",  # patients who could not be assessed, counted one way or the other
    "inferred",  # without numbers whose column was inferred
    "printed",  # only counts that stand in the papers
]
Accept = Literal["printed", "summed", "patients", "percent", "percent-several"]
MrdGroup = Literal["all", "responders", "vgpr-or-better", "cr-or-better"]
OverlapPolicy = Literal["patients", "printed", "latest", "earliest"]
Measure = Literal["PLO", "PFT", "PAS", "PR", "PLN", "OR", "RR", "RD"]
SingleArmMeasure = Literal["PLO", "PFT", "PAS", "PR", "PLN"]
# Of these, defined at 0 and n events as they are.
ARCSINES: Final = ("PFT", "PAS")
TwoArmMeasure = Literal["OR", "RR", "RD"]
ModelCode = Literal["GLMM", "IV", "BB", "MH", "PETO", "BAYES"]
Method = Literal["EE", "DL", "PM", "REML", "ML", "HE", "HS", "SJ", "EB"]
Test = Literal["z", "t", "knha", "adhoc", "profile"]
PiMethod = Literal["V", "HTS", "bootstrap"]
I2Method = Literal["tau2", "Q"]
To = Literal["only0", "all", "if0all", "none"]  # which studies get a continuity correction
TwoArmForm = Literal["UM.RS", "UM.FS"]  # random or fixed study intercepts
Sharing = Literal["common", "separate"]  # tau2 of subgroups
Estimand = Literal["median", "marginal"]
TauPrior = Literal["half-normal", "half-cauchy"]
Likelihood = Literal["binomial", "normal"]

OUTCOME_CODES: Final[tuple[str, ...]] = get_args(OutcomeCode)
POPULATIONS: Final[tuple[str, ...]] = get_args(Population)
CATEGORIES: Final[tuple[str, ...]] = get_args(Category)


@dataclass(frozen=True, slots=True)
class OutcomeTerm:
    """How an outcome is called in print, and which printed cells hold it.

    ``tier`` are the best responses that count, deepest first; ``event`` and ``lowest`` the
    toxicity and its lowest grade. Neither: it is printed under its own name only.
    """

    code: str
    label: str  # for headings
    short: str  # for table columns
    definition: str
    family: Literal["response", "toxicity"]
    event_is_good: bool
    tier: tuple[str, ...] = ()
    event: str = ""
    lowest: int = 0


@dataclass(frozen=True, slots=True)
class EventTerm:
    """A toxicity that is graded: the stem of its subjects and its name in a sentence."""

    stem: str
    name: str


EVENTS: Final[dict[str, EventTerm]] = {
    "crs": EventTerm("crs", "CRS"),
    "neurotoxicity": EventTerm("nt", "neurotoxicity"),
}


OUTCOMES: Final[dict[str, OutcomeTerm]] = {
    term.code: term
    for term in (
        OutcomeTerm(
            "orr",
            "Overall response",
            "ORR",
            "partial response or better",
            "response",
            True,
            tier=("sCR", "CR", "nCR", "VGPR", "PR"),
        ),
        OutcomeTerm(
            "cr",
            "Complete response or better",
            "CR",
            "CR or stringent CR",
            "response",
            True,
            tier=("sCR", "CR"),
        ),
        OutcomeTerm(
            "scr",
            "Stringent complete response",
            "sCR",
            "stringent CR",
            "response",
            True,
            tier=("sCR",),
        ),
        OutcomeTerm(
            "vgpr",
            "Very good partial response or better",
            "≥VGPR",
            "VGPR or better",
            "response",
            True,
            tier=("sCR", "CR", "nCR", "VGPR"),
        ),
        OutcomeTerm(
            "mrd_neg",
            "MRD negativity",
            "MRD−",
            "no residual disease at the stated depth",
            "response",
            True,
        ),
        OutcomeTerm(
            "crs_any",
            "Cytokine release syndrome, any grade",
            "CRS",
            "CRS of any grade",
            "toxicity",
            False,
            event="crs",
            lowest=1,
        ),
        OutcomeTerm(
            "crs_ge3",
            "Cytokine release syndrome, grade ≥3",
            "CRS ≥3",
            "CRS of maximum grade 3, 4 or 5",
            "toxicity",
            False,
            event="crs",
            lowest=3,
        ),
        OutcomeTerm(
            "nt_any",
            "Neurotoxicity, any grade",
            "NT",
            "neurotoxicity of any grade",
            "toxicity",
            False,
            event="neurotoxicity",
            lowest=1,
        ),
        OutcomeTerm(
            "nt_ge3",
            "Neurotoxicity, grade ≥3",
            "NT ≥3",
            "neurotoxicity of maximum grade 3, 4 or 5",
            "toxicity",
            False,
            event="neurotoxicity",
            lowest=3,
        ),
    )
}

# Among whom MRD is assessed -> the outcome that makes the group; empty for everybody.
MRD_GROUPS: Final[dict[str, str]] = {
    "all": "",
    "responders": "orr",
    "vgpr-or-better": "vgpr",
    "cr-or-better": "cr",
}

# Best responses that count, deepest first (IMWG 2016): each set is nested in the next.
RESPONSE_TIERS: Final[dict[str, tuple[str, ...]]] = {
    term.code: term.tier
    for term in sorted(OUTCOMES.values(), key=lambda term: len(term.tier))
    if term.tier
}


def grade_subject(event: str, term: str | None, grade: str) -> str:
    """The subject of a grade cell: the outcome's code where there is one.

    >>> grade_subject("crs", None, ">=3"), grade_subject("crs", None, "3-4")
    ('crs_ge3', 'crs grade 3-4')
    """
    lowest = 1 if grade == "any" else int(grade[2:]) if grade.startswith(">=") else 0
    for outcome in OUTCOMES.values():
        if lowest and (outcome.event, outcome.lowest) == (event, lowest):
            return outcome.code
    stem = EVENTS[event].stem if event in EVENTS else term
    return f"{stem} any grade" if grade == "any" else f"{stem} grade {grade}"


POPULATION_LABELS: Final[dict[str, str]] = {
    "infused": "infused",
    "treated": "treated",
    "safety": "safety",
    "itt": "intention to treat",
    "enrolled": "enrolled",
    "evaluable": "evaluable",
}

EXCLUSION_WORDS: Final[dict[ExclusionKind, str]] = {
    "outside": "outside the question",
    "draft": "its record is a draft",
    "not-selected": "not accepted by the configuration",
    "definition": "another definition or group",
    "no-denominator": "no denominator",
    "impossible": "impossible numbers",
    "denominators": "parts with different denominators",
    "incomplete": "only a part of the outcome",
    "lost": "lost in the text",
    "not-reported": "not reported",
    "superseded": "another report of the cohort is pooled",
    "counted": "patients counted elsewhere",
    "overlap": "may share patients with a pooled cohort",
    "unpaired": "the other arm has no count",
    "no-information": "the arms say nothing of the measure",
}
OVERLAP_WORDS: Final[dict[OverlapPolicy, str]] = {
    "patients": "the set with the most patients",
    "printed": "printed counts before derived ones, then the most patients",
    "latest": "the latest report, then the most patients",
    "earliest": "the earliest report, then the most patients",
}
# Of the question and not of the evidence: nobody misses these cohorts in the pool.
OUTSIDE: Final[frozenset[ExclusionKind]] = frozenset({"outside", "not-reported"})

BiasTool = Literal["jbi-case-series", "rob-2"]
Judgement = Literal["low", "some-concerns", "high", "yes", "no", "unclear", "not-applicable"]

# JBI checklist for case series (Munn 2020, JBI Evid Synth 18:2127-2133) and RoB 2
# (Sterne 2019, BMJ 366:l4898): item to what it asks, in the order of the tools.
BIAS_ITEMS: Final[dict[str, dict[str, str]]] = {
    "jbi-case-series": {
        "criteria": "Clear criteria for inclusion",
        "condition-measured": "Condition measured in a standard, reliable way",
        "condition-identified": "Valid methods to identify the condition",
        "consecutive": "Consecutive inclusion",
        "complete": "Complete inclusion",
        "demographics": "Clear reporting of demographics",
        "clinical": "Clear reporting of clinical information",
        "outcomes": "Clear reporting of outcomes or follow-up",
        "sites": "Clear reporting of the sites",
        "analysis": "Appropriate statistical analysis",
    },
    "rob-2": {
        "randomisation": "Randomisation process",
        "deviations": "Deviations from the intended interventions",
        "missing": "Missing outcome data",
        "measurement": "Measurement of the outcome",
        "selection": "Selection of the reported result",
        "overall": "Overall",
    },
}
BIAS_TOOL_LABELS: Final[dict[str, str]] = {
    "jbi-case-series": "JBI checklist for case series",
    "rob-2": "RoB 2",
}
BIAS_ANSWERS: Final[dict[str, tuple[str, ...]]] = {
    "jbi-case-series": ("yes", "no", "unclear", "not-applicable"),
    "rob-2": ("low", "some-concerns", "high"),
}

SCALE_LABELS: Final[dict[str, str]] = {
    "lee-2014": "Lee 2014",
    "cartox": "CARTOX",
    "astct": "ASTCT",
    "ctcae": "CTCAE",
    "penn": "Penn",
    "not-reported": "not reported",
}
