"""The gallery of ``docs/gallery``: every kind of figure on made-up counts.

Run ``python -m tests.figures.gallery`` to write the SVG files and their index again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import NormalDist

from carmeta import pool
from carmeta.domain.analysis import LineageEdge, LineageNode, StudyBias
from carmeta.pipeline.diagnostics import diagnose
from carmeta.report import plots
from carmeta.report.bias_plot import bias_summary
from carmeta.report.bubble_plot import bubble
from carmeta.report.canvas import Drawing, save
from carmeta.report.curve_plot import Specification, specification_curve
from carmeta.report.figures_sensitivity import sensitivity_figures
from carmeta.report.forest import forest
from carmeta.report.forest_contrast import forest_contrast
from carmeta.report.forest_series import forest_series
from carmeta.report.lineage_plot import lineage
from tests.figures import synthetic
from tests.words import MYELOMA

FOLDER = Path(__file__).parents[2] / "docs" / "gallery"


def _of_sensitivity(stem: str) -> list[Drawing]:
    """One of the figures that a run draws of an outcome's diagnostics."""
    outcome = synthetic.outcome(9)
    outcome = replace(outcome, diagnostics=diagnose(outcome.rows))
    found = sensitivity_figures(synthetic.analysis(outcomes=(outcome,)))
    return [picture.drawing for picture in found if picture.stem == stem]


def _funnel() -> list[Drawing]:
    """Two arms: log odds ratios with their standard errors, and where 95% are expected."""
    contrast = synthetic.contrasts()
    z = NormalDist().inv_cdf(0.975)
    points = []
    for pair in contrast.pairs:
        own = pair.effects["OR"]
        se = (math.log(own.ci_ub) - math.log(own.ci_lb)) / (2 * z)
        points.append(plots.Point(pair.slab, math.log(own.estimate), se))
    centre, most = contrast.results[0].estimate, 1.1 * max(point.y for point in points)
    region = [(centre, 0.0), (centre - z * most, most), (centre + z * most, most)]
    title = "Overall response: effects and their standard errors"
    return [
        plots.effect_funnel(points, centre, title=title, effect="Log odds ratio", region=region)
    ]


def _curve() -> list[Drawing]:
    """Three models on two sets of cohorts and three choices of an ambiguous count."""
    counts = [row.count for row in synthetic.outcome(9).rows]
    models = {
        "GLMM": {"model": "GLMM"},
        "REML, HK": {"model": "IV"},
        "DL": {"model": "IV", "method": "DL", "test": "z"},
    }
    items = []
    for model, options in models.items():
        for cohorts in ("all", "infused"):
            used = [c for c in counts if cohorts == "all" or c.population == "infused"]
            for which, take in (("lowest", min), ("highest", max)):
                fit = pool([take(c.candidates) for c in used], [c.ni for c in used], **options)
                choices = {"Model": model, "Cohorts": cohorts, "Ambiguous counts": which}
                items.append(
                    Specification(
                        fit.back.estimate, fit.back.ci_lb, fit.back.ci_ub, choices,
                        primary=(model, cohorts, which) == ("GLMM", "all", "lowest"),
                    )
                )  # fmt: skip
    title = "Overall response: every defensible analysis"
    return [specification_curve(items, title=title, effect="Overall response, %")]


def _lineage() -> list[Drawing]:
    pooled = ("ORR", "CR")
    nodes = (
        LineageNode("cypress-1/update", "cypress-1", "CYPRESS-1 (62 patients)", 62, pooled),
        LineageNode("cypress-1/first", "cypress-1", "CYPRESS-1 (first 33 patients)", 33, ()),
        LineageNode("cypress-1/low", "cypress-1", "CYPRESS-1, 50×10⁶", 3, ()),
        LineageNode("cypress-1/high", "cypress-1", "CYPRESS-1, 150-800×10⁶", 30, ()),
        LineageNode("linden-2/all", "linden-2", "LINDEN-2 (A, B, C)", 17, pooled),
        LineageNode("linden-2/rj", "linden-2", "LINDEN-2, site A", 5, ()),
        LineageNode("linden-2/three", "linden-2", "LINDEN-2, three infusions", 8, ()),
        LineageNode("cited/all", "cited", "Cited in a review", None, ()),
    )
    edges = (
        LineageEdge("cypress-1/update", "cypress-1/first", "updates"),
        LineageEdge("cypress-1/first", "cypress-1/low", "partition"),
        LineageEdge("cypress-1/first", "cypress-1/high", "partition"),
        LineageEdge("linden-2/rj", "linden-2/all", "part_of"),
        LineageEdge("linden-2/three", "linden-2/all", "part_of"),
        LineageEdge("linden-2/rj", "linden-2/three", "part_of"),
        LineageEdge("cited/all", "cypress-1/update", "shares_patients_with"),
    )
    return [lineage(nodes, edges, title="Cohorts that share patients")]


def _bias() -> list[Drawing]:
    answers = {
        "jbi-case-series": ("yes", "no", "unclear", "not-applicable", ""),
        "rob-2": ("low", "some-concerns", "high"),
    }
    assessed = (("CYPRESS-1", "jbi-case-series"), ("LINDEN-2", "jbi-case-series"),
                ("Kapok-3", "rob-2"))  # fmt: skip
    studies = [
        StudyBias(
            slab.lower(), slab, tool,
            synthetic.judged(
                tool, [answers[tool][(2 * j + i) % len(answers[tool])] for j in range(12)]
            ),
            MYELOMA.bias_tools[tool].label,
        )
        for i, (slab, tool) in enumerate(assessed)
    ]  # fmt: skip
    return [bias_summary([*studies, StudyBias("elder", "ELDER", "", ())])]


def _signs() -> list[Drawing]:
    outcome = synthetic.outcome(9)
    return forest(outcome, preset="revman", bias=synthetic.bias(outcome))


FIGURES: dict[str, Callable[[], list[Drawing]]] = {
    "forest-k1": lambda: forest(synthetic.outcome(1)),
    "forest-k2": lambda: forest(synthetic.outcome(2)),
    "forest-k9": lambda: forest(synthetic.outcome(9)),
    "forest-k40": lambda: forest(synthetic.outcome(40)),
    "forest-k120": lambda: forest(synthetic.outcome(120)),
    "forest-jama": lambda: forest(synthetic.outcome(9), preset="jama"),
    "forest-bmj": lambda: forest(synthetic.outcome(9), preset="bmj"),
    "forest-revman": lambda: forest(synthetic.outcome(9), preset="revman"),
    "forest-risk-of-bias": _signs,
    "forest-single-column": lambda: forest(synthetic.outcome(9), width="single"),
    "forest-subgroups": lambda: forest(synthetic.outcome(4, subgroups=True)),
    "forest-rare": lambda: forest(synthetic.outcome(9, code="crs_ge3", rate=0.06)),
    "forest-all-zero": lambda: forest(
        synthetic.outcome(
            counts=[
                synthetic.count(slab, 0, n, outcome="nt_ge3", number=i)
                for i, (slab, n) in enumerate((("LINDEN-2", 17), ("Myrtle", 24), ("CYPRESS-2", 9)))
            ],
            code="nt_ge3",
        )
    ),
    "forest-cut-axis": lambda: forest(synthetic.outcome(9), axis=(0.5, 0.9), benchmark=0.6),
    "forest-long-labels": lambda: forest(synthetic.outcome(6, labels=synthetic.LONG)),
    "forest-scripts": lambda: forest(synthetic.outcome(7, labels=synthetic.SCRIPTS)),
    "forest-hostile": lambda: forest(synthetic.outcome(9, labels=synthetic.HOSTILE)),
    "forest-two-arms": lambda: forest_contrast(synthetic.contrast(), "OR"),
    "forest-two-arms-pooled": lambda: forest_contrast(synthetic.contrasts(), "OR"),
    "forest-risk-difference": lambda: forest_contrast(synthetic.contrast(), "RD"),
    "forest-leave-one-out": lambda: forest_series(synthetic.outcome(9)),
    "forest-models": lambda: forest_series(synthetic.outcome(9), "models"),
    "funnel": lambda: [plots.funnel(synthetic.outcome(9))],
    "funnel-k120": lambda: [plots.funnel(synthetic.outcome(120))],
    "funnel-two-arms": _funnel,
    "baujat": lambda: _of_sensitivity("baujat_orr"),
    "bubble": lambda: [bubble(*synthetic.regressed(9))],
    "bubble-k40": lambda: [bubble(*synthetic.regressed(40))],
    "bubble-single-column": lambda: [bubble(*synthetic.regressed(4), width="single")],
    "influence": lambda: _of_sensitivity("influence_orr"),
    "specification-curve": _curve,
    "lineage": _lineage,
    "risk-of-bias": _bias,
}


def pages(name: str) -> dict[str, bytes]:
    """The SVG files of one figure."""
    figures = FIGURES[name]()
    return {
        f"{name}{f'_{number}' if len(figures) > 1 else ''}.svg": save(figure, "svg")
        for number, figure in enumerate(figures, start=1)
    }


def index() -> str:
    """The page that shows them all."""
    lines = [
        "# Gallery",
        "",
        "Every kind of figure on made-up counts, all estimates fitted by carmeta. Written by",
        "`python -m tests.figures.gallery`;",
        "`tests/figures/` checks by measured text boxes that nothing overlaps, and that every",
        "drawn number is the number of the result.",
        "",
    ]
    for name, draw in FIGURES.items():
        figures = draw()
        lines += [f"## {figures[0].title_text or name}", "", f"`{name}`", ""]
        lines += [
            f"![{figure.alt.replace('[', '(').replace(']', ')')}]({file})\n"
            for file, figure in zip(pages(name), figures, strict=True)
        ]
    return "\n".join(lines)


def main() -> None:
    """Write the gallery."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in FIGURES:
        for file, content in pages(name).items():
            (FOLDER / file).write_bytes(content)
    (FOLDER / "README.md").write_text(index(), encoding="utf-8")


if __name__ == "__main__":
    main()
