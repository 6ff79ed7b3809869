"""What every key of results.json means: by the kind of object that has it.

Types follow from the dataclasses. What a CSV file has too is taken from its columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from carmeta.domain import analysis as run
from carmeta.domain import evidence, moderators, result
from carmeta.report import csvfiles, sidecars
from carmeta.report.fields import (
    ANALYSIS,
    NOT_NEGATIVE,
    OUTCOME,
    PATIENTS,
    SHARE,
    Field,
    by_attribute,
)

_SLAB: Final = Field("slab", "name of the cohort in figures and tables")
_LEVEL: Final = "confidence limit"
_PATH: Final = "keys and positions from the top of the study's record"


def _with(shared: Mapping[str, Field], *own: Field) -> tuple[Field, ...]:
    """Fields of a CSV under the names of the attributes, and what is otherwise in the JSON."""
    taken = {name: replace(field, name=name) for name, field in shared.items()}
    return tuple((taken | {field.name: field for field in own}).values())


_COUNT: Final = by_attribute(csvfiles.COUNTS)
_POOLED: Final = by_attribute(csvfiles.POOLED, "pooled.")

KEYS: Final[Mapping[type, tuple[Field, ...]]] = {
    run.Analysis: (
        Field("about", "what wrote the file, from what"),
        Field("schema_version", "version of the shape of this file", allowed="1"),
        Field("name", "name of the configuration"),
        Field("title", "heading of the report"),
        Field("config", "the configuration, every default spelled out, by the keys it has there"),
        Field("outcomes", "the outcomes that are pooled"),
        Field("contrasts", "the comparisons of two arms"),
        Field("decisions", "everything derived, chosen or dropped"),
        Field("findings", "what the audit saw"),
        Field("studies", "the table of studies"),
        Field("references", "the documents read"),
        Field("provenance", "what went in"),
        Field("notes", "what is said of the whole run"),
        Field("lineage_nodes", "cohorts in the picture of shared patients"),
        Field("lineage_edges", "declared relations between them"),
        Field("bias", "risk of bias by study"),
        Field("second_opinion", "what other libraries gave for the same fits; empty if not asked"),
        Field("not_pooled", "exclusions of outcomes that have no pool of their own"),
        Field("infinite", "path of each infinite number, which is null there, to its sign",
              allowed="inf, -inf"),
    ),
    run.OutcomeAnalysis: (
        csvfiles.OUTCOME_CODE,
        Field("rows", "the studies, in the order of the figure"),
        Field("headline", "the first model"),
        Field("beside", "the models beside it"),
        Field("excluded", "what reports the outcome and is not pooled"),
        Field("subgroups", "levels of the moderators"),
        Field("subgroup_tests", "tests of their difference"),
        Field("candidates", "the estimate over every count that the print allows"),
        Field("sensitivity", "the headline model with something varied"),
        Field("beyond", "probabilities that a new study lies beyond a threshold"),
        Field("notes", "what is said of the outcome, e.g. where models disagree"),
        csvfiles.PART,
        Field("total", "events and patients behind the headline, where not the sums of the rows",
              unit=PATIENTS),
        Field("part_label", "name of that set"),
        Field("diagnostics", "influence and small-study effects; null where not asked for"),
        Field("regressions", "the outcome against each moderator that is asked for"),
    ),
    moderators.MetaRegression: _with(
        by_attribute(csvfiles.REGRESSION, "fit."),
        Field("left_out", "cohorts without a value, each with the reason"),
        Field("points", "the cohorts that have a value"),
        Field("effects", "coefficients; none where nothing is fitted"),
        Field("omnibus", "test of all of them; null where nothing is fitted"),
        Field("curve", "the fitted mean over the range of the values, of a number"),
        Field("fallbacks", "what was done otherwise than asked"),
    ),
    moderators.ModeratorEffect: _with(by_attribute(csvfiles.REGRESSION, "effect.")),
    moderators.RegressionPoint: (
        _SLAB,
        Field("value", "its value of the moderator; null of a category"),
        Field("category", "its category; empty of a number"),
        Field("proportion", "events divided by patients", allowed=SHARE),
        Field("weight", "share in the model; null where there is none", allowed=SHARE),
    ),
    moderators.FittedMean: (
        Field("value", "value of the moderator"),
        Field("estimate", "the mean proportion there", allowed=SHARE),
        Field("ci_lb", f"lower {_LEVEL} of it", allowed=SHARE),
        Field("ci_ub", f"upper {_LEVEL} of it", allowed=SHARE),
    ),
    run.StudyRow: (
        Field("count", "the count that is pooled"),
        Field("proportion", "events divided by patients", allowed=SHARE),
        Field("ci_lb", f"lower exact {_LEVEL} (Clopper-Pearson)", allowed=SHARE),
        Field("ci_ub", f"upper exact {_LEVEL} (Clopper-Pearson)", allowed=SHARE),
        Field("weight", "share in the headline model; null where there is none", allowed=SHARE),
        Field("yi", "effect on the scale of the headline, 0.5 added to the cells where one is "
              "empty; nothing to arcsines"),
        Field("vi", "sampling variance of yi", allowed="above 0"),
    ),
    evidence.Count: _with(
        {name: field for name, field in _COUNT.items() if name not in ("xi_lo", "xi_hi")},
        Field("candidates", "every count that the print allows; of a long run first and last",
              unit=PATIENTS, allowed=NOT_NEGATIVE),
        Field("definition", "what the paper counts, where it says so"),
        Field("year", "year of the report; 0 where it is not known"),
        Field("flags", "what is said beside the row"),
        Field("moderators", "category or printed value of the cohort, by moderator"),
        Field("numbers", "its number, by moderator that has a unit"),
        Field("unvalued", "why it has no value, by moderator that the review declares"),
        Field("population_words", "the population in words; empty where they are its code"),
        Field("paths", f"places of the printed cells: {_PATH}"),
    ),
    result.Pooled: _with(
        _POOLED,
        Field("back", "estimate and limits back-transformed to the outcome scale"),
        Field("q_wald", "Wald-type statistic of homogeneity, of likelihood models",
              allowed=NOT_NEGATIVE),
        Field("weights", "shares of the studies, in their order", allowed=SHARE),
        Field("weights_kind", "what these shares are"),
        Field("rho", "beta-binomial: correlation of two patients of one study", allowed=SHARE),
        Field("rho_ci_lb", f"lower {_LEVEL} of rho", allowed=SHARE),
        Field("rho_ci_ub", f"upper {_LEVEL} of rho", allowed=SHARE),
        Field("loglik", "log-likelihood at the estimate"),
        Field("converged", "whether the fit converged"),
        Field("fallbacks", "what was done otherwise than asked"),
        Field("cautions", "what to know of what was done as asked"),
        Field("dropped", "positions of studies that are not pooled", allowed=NOT_NEGATIVE),
        Field("n_harmonic", "sample size in the back-transform of PFT", unit=PATIENTS),
        Field("marginal", "mean over the population of studies, where asked for"),
        Field("bayes", "what a Bayesian model adds"),
        Field("method_words", "the estimator of tau2 in words"),
    ),
    result.Back: _with(by_attribute(csvfiles.POOLED, "pooled.back.")),
    result.Fallback: (
        Field("code", "short name, e.g. single-study"),
        Field("message", "the same in a sentence"),
    ),
    result.BayesSummary: (
        Field("likelihood", "of the counts, or of effects taken as normal"),
        Field("tau_prior", "prior of tau"),
        Field("tau_scale", "scale of that prior", unit=ANALYSIS),
        Field("mu_prior", "prior of the mean, in words"),
        Field("tau_median", "posterior median of tau", unit=ANALYSIS),
        Field("tau_ci_lb", "lower posterior limit of tau", unit=ANALYSIS),
        Field("tau_ci_ub", "upper posterior limit of tau", unit=ANALYSIS),
        Field("bf_homogeneity", "Bayes factor of tau = 0 against the prior", allowed=NOT_NEGATIVE),
        Field("shrunken", "posterior median and limits of each study's effect", unit=ANALYSIS),
        Field("predictive", "effect of a new study, and probability that it is not above it"),
    ),
    evidence.Excluded: _with(
        by_attribute(csvfiles.EXCLUDED),
        Field("cohort", "id of the cohort; empty where all of the study are meant"),
        Field("cohorts", "ids of all cohorts left out for the one reason"),
        Field("path", f"first cell concerned: {_PATH}"),
        Field("by", "study/cohort of the pooled cohort that holds the patients"),
    ),
    run.Subgroup: (
        Field("moderator", "the moderator"),
        Field("level", "its level"),
        Field("label", "the level in words"),
        Field("rows", "studies of this level"),
        Field("pooled", "their pool; null for a single study"),
    ),
    result.SubgroupTest: (
        Field("name", "statistic and degrees of freedom, e.g. F(3, 5)"),
        Field("moderator", "the moderator"),
        Field("tau2", "whether subgroups share tau2"),
        Field("stat", "the statistic", allowed=NOT_NEGATIVE),
        Field("df1", "its degrees of freedom"),
        Field("df2", "those of the denominator of an F; null (infinite) for chi2"),
        Field("p", "its P value", allowed=SHARE),
        Field("kind", "kind of test", allowed="Wald, likelihood ratio"),
        Field("fallbacks", "what was done otherwise than asked"),
    ),
    run.CandidateRange: (
        Field("combinations", "combinations of counts that the print allows", allowed="1 or more"),
        Field("exact", "whether every one was fitted; if not, all lowest and all highest"),
        Field("estimate_lb", "lowest estimate", unit=OUTCOME),
        Field("estimate_ub", "highest estimate", unit=OUTCOME),
        Field("ci_lb", f"lowest {_LEVEL}", unit=OUTCOME),
        Field("ci_ub", f"highest {_LEVEL}", unit=OUTCOME),
        Field("rule", "which count the headline uses"),
    ),
    run.SensitivityRow: (
        Field("kind", "what is varied"),
        Field("label", "the variation in words"),
        Field("pooled", "the refit"),
    ),
    run.Beyond: (
        Field("threshold", "the value", unit=OUTCOME, allowed=SHARE),
        Field("direction", "on which side of it", allowed="above, below"),
        Field("probability", "that a new study lies there", allowed=SHARE),
    ),
    run.Diagnostics: (
        Field("model", "the model that the influence is on"),
        Field("influence", "of each study, in the order of the rows"),
        Field("limits", "from where on a measure is notable, by measure"),
        Field("small_study", "the test for small-study effects, in words"),
        Field("notes", "what is said of them"),
    ),
    run.Influence: _with(
        by_attribute((*sidecars.INFLUENCE, *sidecars.BAUJAT)),
        Field("weight", "share in the headline model; null where there is none", allowed=SHARE),
    ),
    run.ContrastAnalysis: (
        csvfiles.OUTCOME_CODE,
        Field("pairs", "the pairs of arms"),
        Field("results", "one pool a measure and model"),
        Field("published", "the paper's own estimates, in words"),
        Field("excluded", "arms that are not compared"),
    ),
    run.ArmPair: (
        csvfiles.STUDY,
        Field("slab", "name of the comparison in figures and tables"),
        Field("treatment", "count of the treatment arm"),
        Field("control", "count of the control arm"),
        Field("effects", "the study's own effect, by measure"),
        Field("weights", "its share in the pool, by measure", allowed=SHARE),
    ),
    evidence.Decision: _with(
        by_attribute(csvfiles.DECISIONS),
        Field("inputs", "the printed cells that went in"),
        Field("paths", f"places of these cells: {_PATH}"),
    ),
    evidence.Finding: _with(
        by_attribute(csvfiles.FINDINGS),
        Field("printed", "the printed places side by side"),
        Field("mark", "where it is in a file"),
        Field("path", f"what it is about: {_PATH}"),
        Field("record", "the study whose record that is"),
    ),
    evidence.Mark: (
        Field("file", "the file"),
        Field("line", "line, from 1; 0 where it is of the whole file"),
        Field("column", "character in the line, from 1; 0 where it is of the whole file"),
    ),
    run.StudySummary: (
        csvfiles.STUDY,
        _SLAB,
        Field("values", "what is printed of it, by characteristic"),
        Field("reference", "the document"),
        Field("blanks", "which values are empty although something is printed, and why"),
        Field("label", "name of the study"),
    ),
    run.Provenance: (
        Field("carmeta", "version of carmeta"),
        Field("versions", "version, by library"),
        Field("inputs", "SHA-256, by file read"),
        Field("config_path", "path of the configuration"),
    ),
    run.LineageNode: (
        Field("key", "study/cohort"),
        csvfiles.STUDY,
        Field("label", "name of the cohort"),
        Field("n", "its patients; null where not known", unit=PATIENTS),
        Field("pooled", "short names of the outcomes in whose pool it is"),
    ),
    run.LineageEdge: tuple(
        replace(field, name=name)
        for name, field in (
            ("a", sidecars.LINEAGE[0]), ("b", sidecars.LINEAGE[3]), ("kind", sidecars.LINEAGE[2]),
        )
    ),
    run.StudyBias: (
        csvfiles.STUDY,
        Field("slab", "name of the study in figures and tables"),
        Field("tool", "risk-of-bias tool; empty: not assessed"),
        Field("items", "its items"),
        Field("tool_label", "the tool in words"),
    ),
    run.BiasItem: (
        Field("item", "item of the tool"),
        Field("label", "what it asks"),
        Field("judgement", "answer; empty where it was not judged"),
        Field("support", "what the judgement rests on"),
        Field("place", "where that stands"),
        Field("answer", "the judgement in words"),
        Field("sign", "what it means for the study; null where it was not judged"),
    ),
}  # fmt: skip
