"""The headline of a run on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carmeta.report import caveats, contents, contents_regression, numbers, words
from carmeta.report.text import plain

if TYPE_CHECKING:
    from rich.table import Table

    from carmeta.domain.analysis import Analysis


def headline(analysis: Analysis) -> Table:
    """Outcome, k, events/patients, estimate, prediction interval, tau2, I2, model beside it.

    All text reaches rich as literal text, never as markup.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(plain(analysis.title)),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        caption_justify="left",
        pad_edge=False,
    )
    if not analysis.outcomes:
        return _comparisons(analysis, table)
    level = numbers.level(analysis.outcomes[0].headline.level)
    table.add_column("Outcome", overflow="fold")
    for name in ("k", "Events/N", f"% ({level}% CI)", f"{level}% PI", words.TAU2, words.I2):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Beside it", justify="right", overflow="fold")
    notes: dict[str, None] = {}
    for outcome in analysis.outcomes:
        head = outcome.headline
        events, patients = contents.totals(outcome)
        label = words.short_name(outcome)
        beside = "; ".join(
            f"{words.model_short(item)} {contents.estimate(item).text}" for item in outcome.beside
        )
        said = (*caveats.of_outcome(outcome), *caveats.refits(outcome))
        for item in (*said, *contents_regression.sentences(outcome)):
            notes[f"{label}: {item}"] = None
        table.add_row(
            Text(plain(label)),
            str(len(outcome.rows)),
            f"{events}/{patients}",
            Text(contents.estimate(head).text, style="bold"),
            contents.prediction(head).text,
            numbers.variance(head.tau2),
            numbers.i_squared(head.i2),
            Text(beside),
        )
    table.caption = Text("\n".join(plain(note) for note in (*_how(analysis), *notes)))
    return table


def _how(analysis: Analysis) -> list[str]:
    """The models of the headline, and the interval of each with its degrees of freedom."""
    found: dict[str, dict[str, list[str]]] = {}
    for outcome in analysis.outcomes:
        head = outcome.headline
        if not words.is_exact(head):
            tests = found.setdefault(words.model_long(head), {})
            tests.setdefault(words.test_long(head), []).append(words.short_name(outcome))
    return [
        f"Estimate: {model}; CI by "
        + "; ".join(f"{test} ({', '.join(dict.fromkeys(names))})" for test, names in tests.items())
        for model, tests in found.items()
    ]


def _comparisons(analysis: Analysis, table: Table) -> Table:
    from rich.text import Text

    source = contents.contrasts(analysis)
    for column in source.columns:
        table.add_column(
            Text(column.header),
            justify="right" if column.align == "right" else "left",
            overflow="fold",
        )
    for cells in source.rows:
        table.add_row(*(Text(plain(item.text)) for item in cells))
    return table
