"""The methods section of the report, from the resolved configuration and the fits."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from carmeta.domain.analysis import LEAST_TO_LEAVE_ONE_OUT
from carmeta.domain.measures import MEASURES
from carmeta.report import contents_regression, numbers, words
from carmeta.vocabulary import OVERLAP_WORDS

if TYPE_CHECKING:
    from carmeta.domain.analysis import Analysis
    from carmeta.domain.result import Pooled

REFERENCES: Final[dict[str, str]] = {
    "exact": "Clopper CJ, Pearson ES. The use of confidence or fiducial limits illustrated in "
    "the case of the binomial. Biometrika 1934;26:404-13.",
    "glmm": "Stijnen T, Hamza TH, Ozdemir P. Random effects meta-analysis of event outcome in "
    "the framework of the generalized linear mixed model with applications in sparse data. "
    "Stat Med 2010;29:3046-67.",
    "glmm-proportions": "Lin L, Chu H. Meta-analysis of proportions using generalized linear "
    "mixed models. Epidemiology 2020;31:713-7.",
    "freeman-tukey": "Schwarzer G, Chemaitelly H, Abu-Raddad LJ, R\u00fccker G. Seriously "
    "misleading results using inverse of Freeman-Tukey double arcsine transformation in "
    "meta-analysis of single proportions. Res Synth Methods 2019;10:476-83.",
    "knha": "Knapp G, Hartung J. Improved tests for a random effects meta-regression with a "
    "single covariate. Stat Med 2003;22:2693-710.",
    "reml": "Viechtbauer W. Bias and efficiency of meta-analytic variance estimators in the "
    "random-effects model. J Educ Behav Stat 2005;30:261-93.",
    "q-profile": "Viechtbauer W. Confidence intervals for the amount of heterogeneity in "
    "meta-analysis. Stat Med 2007;26:37-52.",
    "prediction-V": "Veroniki AA, Jackson D, Bender R, et al. Methods to calculate uncertainty in "
    "the estimated overall effect size from a random-effects meta-analysis. Res Synth Methods "
    "2019;10:23-43.",
    "prediction-HTS": "Higgins JPT, Thompson SG, Spiegelhalter DJ. A re-evaluation of "
    "random-effects meta-analysis. J R Stat Soc Ser A 2009;172:137-59.",
    "prediction-bootstrap": "Nagashima K, Noma H, Furukawa TA. Prediction intervals for "
    "random-effects meta-analysis: a confidence distribution approach. Stat Methods Med Res "
    "2019;28:1689-702.",
    "bayes": "R\u00f6ver C. Bayesian random-effects meta-analysis using the bayesmeta R package. "
    "J Stat Softw 2020;93(6):1-51.",
    "i2": "Higgins JPT, Thompson SG. Quantifying heterogeneity in a meta-analysis. "
    "Stat Med 2002;21:1539-58.",
    "regression": "Thompson SG, Higgins JPT. How should meta-regression analyses be undertaken "
    "and interpreted? Stat Med 2002;21:1559-73.",
    "grim": "Brown NJL, Heathers JAJ. The GRIM test: a simple technique detects numerous "
    "anomalies in the reporting of results in psychology. Soc Psychol Personal Sci "
    "2017;8:363-9.",
}
_ASKED: Final = {"leave_one_out": "leaving out one study at a time", "influence": "influence"}
_SEVERAL: Final = {
    "nearest": "the count nearest to the printed percentage",
    "lowest": "the lowest of them",
    "highest": "the highest of them",
}


class Methods:
    """Paragraphs with numbered references to the statistical literature."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.config = analysis.config
        self.cited: list[str] = []
        fits = [fit for o in analysis.outcomes for fit in (o.headline, *o.beside)]
        self.fits = [fit for fit in fits if not words.is_exact(fit)]
        self.paragraphs: list[tuple[str, str]] = [
            (name, content)
            for name, content in (
                ("Evidence", self._evidence()),
                ("Counts", self._counts()),
                ("Synthesis", self._synthesis()),
                ("Comparisons", self._comparisons()),
                ("Heterogeneity and prediction", self._heterogeneity()),
                (contents_regression.HEADING, self._regression()),
                ("Exceptions", self._exceptions()),
                ("Sensitivity analyses", self._sensitivity()),
                ("Software", self._software()),
            )
            if content
        ]

    def references(self) -> list[str]:
        """The cited literature in the order of its numbers."""
        return [REFERENCES[key] for key in self.cited]

    def _cite(self, *keys: str) -> str:
        for key in keys:
            if key not in self.cited:
                self.cited.append(key)
        return "[M" + ", M".join(str(self.cited.index(key) + 1) for key in keys) + "]"

    def _section(self, name: str) -> Mapping[str, Any]:
        found = self.config.get(name)
        return found if isinstance(found, Mapping) else {}

    def _evidence(self) -> str:
        include = self._section("include")
        roles = [self.analysis.words.role(str(role)) for role in _items(include.get("roles"))]
        text = [
            "Study records hold what the source papers print, with the place of every cell; "
            + "nothing in a record is computed.",
        ]
        if roles:
            text.append(f"Eligible were {_and(roles)}.")
        if "instances" in _items(include.get("units")):
            text.append(
                "Treatment instances, of which one patient can have several, were admitted."
            )
        policy = self._section("overlap").get("policy")
        if policy:
            text.append(
                "Where reports share patients, one set of cohorts without shared patients was "
                f"used for each outcome: {OVERLAP_WORDS[policy]}."
            )
            if policy != "earliest":
                text.append("An update stood for what it updates wherever it gave a count.")
        order = [
            self.analysis.words.population(str(item))
            for item in _items(self._section("populations").get("order"))
        ]
        if order:
            text.append(
                f"Denominators were taken in this order of preference: {', '.join(order)}; a "
                "numerator was only ever divided by the denominator of its own population."
            )
        return " ".join(text)

    def _counts(self) -> str:
        derived = {row.count.derivation for o in self.analysis.outcomes for row in o.rows}
        if not derived:
            return ""
        text = []
        if "summed" in derived:
            text.append(
                "Response categories were summed to the nested outcomes (for instance complete "
                "response or better), and grades to grade 3 or higher where a patient stands in "
                "one grade only."
            )
        if "patients" in derived:
            text.append("Where individual patients are printed, they were counted.")
        if derived & {"percent", "percent-several"}:
            cite = self._cite("grim")
            text.append(
                "Where a paper prints only a percentage, every number of patients that gives it "
                f"after rounding was enumerated {cite}."
            )
        if "percent-several" in derived:
            rule = self._section("counts").get("several")
            used = _SEVERAL.get(str(rule), "one of them")
            text.append(
                f"Where several numbers fit, {used} entered the primary analysis, and the range "
                "of the pooled estimate over all of them is reported."
            )
        return " ".join(text)

    def _synthesis(self) -> str:
        if not self.fits:
            return ""
        text = []
        seen: list[tuple[str, ...]] = []
        for fit in self.fits:
            key = (fit.model, fit.measure, fit.method, fit.test)
            if key in seen:
                continue
            text.append(self._model(fit, first=not seen))
            seen.append(key)
        text.append(
            "The back-transformed estimate is that of the median study. Study-level confidence "
            f"intervals are exact {self._cite('exact')}."
        )
        return " ".join(text)

    def _model(self, fit: Pooled, *, first: bool) -> str:
        lead = "Proportions were pooled by a" if first else "Beside it stands a"
        level = numbers.level(fit.level)
        if fit.model == "GLMM":
            interval = {
                "t": "Wald t interval with k \u2212 1 degrees of freedom",
                "z": "Wald interval",
                "profile": "profile-likelihood interval",
            }.get(fit.test, fit.test)
            cite = self._cite("glmm", "glmm-proportions")
            return (
                f"{lead} binomial-normal random-intercept logistic model {cite}, fitted by "
                "maximum likelihood with adaptive Gauss-Hermite quadrature; the "
                f"{level}% confidence interval of the mean is a {interval}."
            )
        if fit.model == "IV":
            cite = self._cite("reml") if fit.method == "REML" else ""
            text = (
                f"{lead}n inverse-variance model of the {words.measure(fit.measure)}"
                f" with {words.TAU2} by {fit.method_words} {cite}"
            ).rstrip()
            if fit.test in ("knha", "adhoc"):
                text += f", with the Hartung-Knapp interval {self._cite('knha')}"
                if fit.test == "adhoc":
                    text += " whose variance factor is not allowed below 1 (ad hoc correction)"
            if fit.measure == "PFT":
                text += (
                    "; the Freeman-Tukey transformation can mislead and serves only to "
                    f"reproduce earlier work {self._cite('freeman-tukey')}"
                )
            return text + "."
        if fit.model == "BB":
            return f"{lead} beta-binomial model, fitted by maximum likelihood, for rare events."
        if fit.bayes is not None:
            centre = fit.bayes.mu_prior
            return (
                f"{lead} {words.model_long(fit)} with a {fit.bayes.likelihood} likelihood on the "
                f"{MEASURES[fit.measure].short} scale {self._cite('bayes')}, a "
                f"{fit.bayes.tau_prior} prior of scale {fit.bayes.tau_scale:g} for the sd "
                f"between studies and a {centre} prior for the mean, integrated on a "
                f"deterministic grid; the {level}% interval of the mean is an equal-tailed "
                "credible interval."
            )
        return f"{lead} {words.model_long(fit)}."

    def _comparisons(self) -> str:
        results = [item for contrast in self.analysis.contrasts for item in contrast.results]
        if not results:
            return ""
        measures = list(dict.fromkeys(words.measure(item.measure) for item in results))
        text = f"Two arms were compared by {_and(measures)}; "
        models = [
            f"{words.model_long(item)} (CI by {words.test_long(item)})"
            for contrast in self.analysis.contrasts
            for item in contrast.results
            if item.k > 1
        ]
        if models:
            text += f"several studies were pooled by {_and(list(dict.fromkeys(models)))}; "
        return text + (
            "with a single study nothing is pooled "
            "and the study's own interval is shown beside what the paper published."
        )

    def _heterogeneity(self) -> str:
        if not self.fits:
            return ""
        head = self.fits[0]
        limits: dict[str, dict[str, None]] = {}
        for fit in self.fits:
            if how := words.tau2_ci_method(fit):
                kind = "confidence" if fit.bayes is None else "credible"
                limits.setdefault(kind, {})[how] = None
        text = [f"Heterogeneity is described by {words.TAU2}"]
        if limits:
            text[0] += " with " + _and(
                [f"a {kind} interval by {_and([*how])}" for kind, how in limits.items()]
            )
        if "Q-profile" in limits.get("confidence", ()):
            text[0] += f" {self._cite('q-profile')}"
        text[0] += (
            f", by {words.I2} ({words.i2_definition(head)}) {self._cite('i2')}, and by a "
            f"{numbers.level(head.level)}% prediction interval for the proportion in a new study "
            f"({words.pi_long(head)}) {self._cite(_predicted_by(head))}."
        )
        tests = [test for o in self.analysis.outcomes for test in o.subgroup_tests]
        tests = [test for test in tests if test.name != "none"]
        if tests:
            names = _and(list(dict.fromkeys(test.moderator for test in tests)))
            shared = _and(sorted({test.tau2 for test in tests}))
            text.append(
                f"Subgroups by {names} were compared by mixed-effects meta-regression with "
                f"{shared} {words.TAU2}; a subgroup of one study is shown without a pool."
            )
        return " ".join(text)

    def _regression(self) -> str:
        fits = [fit for o in self.analysis.outcomes for fit in o.regressions]
        if not fits:
            return ""
        first = fits[0]
        how = (
            "the binomial-normal model with the moderator as a fixed effect"
            if first.model == "GLMM"
            else f"mixed-effects meta-regression of the logits, {words.TAU2} by {first.method}"
        )
        named = _and(list(dict.fromkeys(contents_regression.axis(fit) for fit in fits)))
        return (
            f"Each outcome was regressed on one moderator at a time ({named}) by {how} "
            f"{self._cite('regression')}; cohorts without a value were left out. "
            f"R\u00b2 is the share of {words.TAU2} that the moderator accounts for. "
            f"{contents_regression.CAUTION}"
        )

    def _exceptions(self) -> str:
        found: list[str] = []
        for outcome in self.analysis.outcomes:
            label = outcome.term.label
            if outcome.part_label:
                label += f" ({outcome.part_label})"
            sentences = words.fallback_sentences(outcome.headline)
            found += [f"{label}: {item}" for item in sentences]
        return " ".join(found)

    def _sensitivity(self) -> str:
        kinds = list(
            dict.fromkeys(item.kind for o in self.analysis.outcomes for item in o.sensitivity)
        )
        listed = "; ".join(dict.fromkeys(words.variation(kind) for kind in kinds))
        text = [f"The primary model was refitted with: {listed}."] if kinds else []
        return " ".join((*text, *self._too_few()))

    def _too_few(self) -> Iterator[str]:
        """Refits that were asked for and that an outcome has too few cohorts for."""
        few = [
            o for o in self.analysis.outcomes if not o.part and len(o.rows) < LEAST_TO_LEAVE_ONE_OUT
        ]
        asked = self._section("sensitivity")
        names = [name for key, name in _ASKED.items() if asked.get(key)]
        if few and names:
            listed = _and([o.term.label for o in few])
            text = f"{_and(names)} {'need' if len(names) > 1 else 'needs'} three cohorts"
            yield f"{text[0].upper()}{text[1:]}: not done for {listed}."

    def _software(self) -> str:
        provenance = self.analysis.provenance
        versions = ", ".join(f"{name} {version}" for name, version in provenance.versions.items())
        text = f"carmeta {provenance.carmeta}" + (f" ({versions})" if versions else "")
        second = self.analysis.second_opinion
        return (
            f"All computations: {text}. "
            + (f"{second}. " if second else "")
            + "The script reproduce.R beside this report recomputes "
            "the estimates with the R package metafor."
        )


def _predicted_by(fit: Pooled) -> str:
    """The key of the reference for a prediction interval."""
    return "bayes" if fit.bayes is not None else f"prediction-{fit.pi_method}"


def _items(value: Any) -> Sequence[str]:
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else []


def _and(items: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(part for part in (", ".join(items[:-1]), *items[-1:]) if part)


def answer(analysis: Analysis) -> list[str]:
    """One sentence an outcome: what was found, with its uncertainty."""
    sentences = []
    for outcome in analysis.outcomes:
        head = outcome.headline
        back = head.back
        label = outcome.term.label
        if outcome.part_label:
            label += f" ({outcome.part_label})"
        if math.isnan(back.estimate):
            continue
        text = (
            f"{label}: {numbers.percent(back.estimate)} "
            f"({numbers.level(head.level)}% CI {_bare(back.ci_lb, back.ci_ub)}) in "
            f"{_cohorts(len(outcome.rows))}"
        )
        if not math.isnan(back.pi_lb):
            text += (
                f"; a new cohort is expected between {numbers.percent(back.pi_lb)} and "
                f"{numbers.percent(back.pi_ub)} ({numbers.level(head.level)}% prediction interval)"
            )
        sentences.append(text + ".")
        sentences += [f"{label}. {text}" for text in words.subgroup_tests(outcome)]
        sentences += words.thresholds(outcome, label)
    return sentences


def _bare(low: float, high: float) -> str:
    return numbers.bare_interval(low, high, numbers.PERCENT)


def _cohorts(number: int) -> str:
    return "one cohort" if number == 1 else f"{number} cohorts"
