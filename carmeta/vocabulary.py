"""The words of the engine, each written once. Those of a review are data: `domain.words`."""

from __future__ import annotations

from typing import Final, Literal

Unit = Literal["patients", "instances"]
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

# What every record says of itself, to be told apart by; a review declares further ones.
RecordModerator = Literal[
    "product", "phase", "design", "country", "population", "scale", "derivation"
]  # fmt: skip
TrialDesign = Literal[
    "single-arm",
    "randomised",
    "non-randomised",
    "prospective-cohort",
    "retrospective-cohort",
    "longitudinal",  # followed over time, where it is not said whether prospectively
    "case-series",
    "case-control",
    "cross-sectional",
    "registry",
]

REVIEW: Final = "review.yaml"  # at the root of a review, beside its records
# Forms of identifiers, as regular expressions.
REGISTRY_NUMBER: Final = r"NCT\d{8}"  # of ClinicalTrials.gov
DOI: Final = r"10\.\d{4,9}/\S+"

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
