"""The gallery of ``docs/gallery``: every kind of figure on made-up data.

Run ``python -m tests.figures.gallery`` to write the SVG files and their index again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from carmeta.domain.analysis import BiasItem, LineageEdge, LineageNode, StudyBias
from carmeta.report import plots
from carmeta.report.bias_plot import bias_summary
from carmeta.report.canvas import Drawing, save
from carmeta.report.curve_plot import Specification, specification_curve
from carmeta.report.forest import forest
from carmeta.report.forest_contrast import forest_contrast
from carmeta.report.forest_series import forest_series
from carmeta.report.lineage_plot import lineage
from carmeta.vocabulary import BIAS_ITEMS
from tests.figures import synthetic

FOLDER = Path(__file__).parents[2] / "docs" / "gallery"


def _points() -> list[plots.Point]:
    rows = synthetic.outcome(9).rows
    return [
        plots.Point(row.count.slab, 5 * abs(math.sin(2.1 * i)), 0.8 * abs(math.cos(1.3 * i)))
        for i, row in enumerate(rows)
    ]


def _funnel() -> list[Drawing]:
    points = [
        plots.Point(row.count.slab, math.sin(2.1 * i), 0.2 + 0.5 * abs(math.cos(1.3 * i)))
        for i, row in enumerate(synthetic.outcome(9).rows)
    ]
    region = [(0.1, 0.0), (0.1 - 1.96 * 0.8, 0.8), (0.1 + 1.96 * 0.8, 0.8)]
    title = "Overall response: effects and their standard errors"
    return [plots.effect_funnel(points, 0.1, title=title, effect="Log odds ratio", region=region)]


def _bubble() -> list[Drawing]:
    rows = synthetic.outcome(9).rows
    points = [
        plots.Point(row.count.slab, 3 + 0.7 * i, row.proportion, row.weight)
        for i, row in enumerate(rows)
    ]
    x = tuple(3 + 0.1 * i for i in range(57))
    fit, low, high = (
        tuple(start + slope * (value - 3) for value in x)
        for start, slope in ((0.6, 0.03), (0.5, 0.025), (0.7, 0.035))
    )
    return [
        plots.bubble(
            points, plots.Curve(x, fit, low, high), title="Overall response by prior lines",
            x="Median number of prior lines", y="Overall response, % of patients",
        )
    ]  # fmt: skip


def _influence() -> list[Drawing]:
    measures = (
        ("Studentised residual", (-0.9, 0.9)), ("DFFITS", ()), ("Cook's distance", (0.8,)),
        ("Covariance ratio", ()), ("τ² without", ()), ("Q without", ()), ("Hat value", (0.9,)),
    )  # fmt: skip
    diagnostics = [
        plots.Diagnostic(title, tuple(math.sin(i * j + 1.0) for i in range(9)), limits)
        for j, (title, limits) in enumerate(measures, start=1)
    ]
    return [plots.influence(synthetic.SHORT, diagnostics, title="Overall response: influence")]


def _curve() -> list[Drawing]:
    items = [
        Specification(
            mean, mean - 0.15, mean + 0.1,
            {"Model": model, "Population": population, "Counts": counts, "Overlap": overlap},
            primary=(model, population, counts, overlap) == ("GLMM", "infused", "nearest", "most"),
        )
        for i, model in enumerate(("GLMM", "REML, HK", "DL"))
        for j, population in enumerate(("infused", "intention to treat"))
        for m, counts in enumerate(("lowest", "nearest", "highest"))
        for n, overlap in enumerate(("most", "latest"))
        for mean in (0.72 + 0.013 * i - 0.03 * j + 0.01 * m + 0.005 * n,)
    ]  # fmt: skip
    title = "Overall response: every defensible analysis"
    return [specification_curve(items, title=title, effect="Overall response, %")]


def _lineage() -> list[Drawing]:
    pooled = ("orr", "cr")
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
            tuple(
                BiasItem(key, label, answers[tool][(2 * j + i) % len(answers[tool])], "", "")
                for j, (key, label) in enumerate(BIAS_ITEMS[tool].items())
            ),
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
    "baujat": lambda: [plots.baujat(_points(), title="Overall response: Baujat plot")],
    "bubble": _bubble,
    "influence": _influence,
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
        "Every kind of figure on made-up data. Written by `python -m tests.figures.gallery`;",
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
