"""Risk of bias as a table of signs: one row a study, one column an item of the tool."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from carmeta.report import canvas as cv
from carmeta.report import chart
from carmeta.report.bias_signs import look, used
from carmeta.report.forest_spec import WIDTHS, Width
from carmeta.report.text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carmeta.domain.analysis import StudyBias

_ROW: Final = 17.0
_RADIUS: Final = 6.2


def bias_summary(
    studies: Sequence[StudyBias], *, title: str = "Risk of bias", width: Width = "double"
) -> cv.Drawing:
    """Signs for every study and item, tool by tool; studies without judgement say so.

    Raises ValueError where no study was assessed.
    """
    if not any(study.tool and study.items for study in studies):
        raise ValueError("no study has a risk-of-bias judgement")
    with cv.settings():
        return _draw(studies, title, WIDTHS[width])


def _draw(studies: Sequence[StudyBias], title: str, width: float) -> cv.Drawing:
    size = chart.SIZE
    tools = list(dict.fromkeys(study.tool for study in studies if study.tool and study.items))
    labels = {study.study: _label(study, width) for study in studies}
    label_width = max(cv.text_width(line, size) for lines in labels.values() for line in lines)
    left = chart.MARGIN + label_width + 14
    height = 26.0
    blocks = []
    for tool in tools:
        members = [study for study in studies if study.tool == tool and study.items]
        legend = _legend(members, width)
        blocks.append((tool, members, legend, height))
        height += 34 + sum(_height(labels[study.study]) for study in members)
        height += len(legend) * chart.SMALL * 1.25 + 10
    rest = [study for study in studies if not (study.tool and study.items)]
    missing = (
        cv.wrap(
            "Not assessed: " + ", ".join(plain(study.slab) for study in rest) + ".",
            width - 2 * chart.MARGIN,
            chart.SMALL,
        )
        if rest
        else []
    )
    canvas = cv.Canvas(width, math.ceil(height + len(missing) * chart.SMALL * 1.25 + 6))
    head = cv.wrap(plain(title), width - 16, size + 1, True, 1)[0]
    canvas.text(chart.MARGIN, 16, head, size=size + 1, bold=True)
    for tool, members, legend, top in blocks:
        _block(canvas, members[0].tool_label or tool, members, legend, labels, left, top)
    y = height
    for line in missing:
        y += chart.SMALL * 1.25
        canvas.text(chart.MARGIN, y - 2, line, size=chart.SMALL, colour="#333333")
    canvas.figure.alt = _alt(title, studies)
    canvas.figure.title_text = title
    return canvas.figure


def _label(study: StudyBias, width: float) -> list[str]:
    return cv.wrap(plain(study.slab), width * 0.3, chart.SIZE, most=3)


def _height(lines: Sequence[str]) -> float:
    return _ROW + (len(lines) - 1) * chart.SIZE * 1.2


def _legend(members: Sequence[StudyBias], width: float) -> list[str]:
    """Numbered items and the signs in use, broken into lines."""
    items = "  ".join(
        f"{number}\u00a0{plain(item.label).replace(' ', chr(160))};"
        for number, item in enumerate(members[0].items, start=1)
    ).rstrip(";")
    room = width - 2 * chart.MARGIN
    return [
        *cv.wrap(items + ".", room, chart.SMALL),
        *cv.wrap("; ".join(used(members)) + ".", room, chart.SMALL),
    ]


def _block(
    canvas: cv.Canvas,
    tool: str,
    members: Sequence[StudyBias],
    legend: Sequence[str],
    labels: dict[str, list[str]],
    left: float,
    top: float,
) -> None:
    size, small = chart.SIZE, chart.SMALL
    canvas.text(chart.MARGIN, top + size, tool, size=size, bold=True)
    number_of = len(members[0].items)
    step = min(26.0, (canvas.width - left - chart.MARGIN) / number_of)
    y = top + size + 13
    for number in range(number_of):
        canvas.text(
            left + (number + 0.5) * step, y, str(number + 1), size=size, bold=True, align="center"
        )
    y += 5
    for study in members:
        middle = y + _ROW / 2
        for line_number, line in enumerate(labels[study.study]):
            canvas.text(
                chart.MARGIN, middle + 0.35 * size + line_number * size * 1.2, line, size=size
            )
        for number, item in enumerate(study.items):
            mark, colour = look(item.sign)
            x = left + (number + 0.5) * step
            canvas.circle(
                x,
                middle,
                min(_RADIUS, step * 0.45),
                fill=colour,
                edge=cv.RULE,
                width=0.5,
                gid=f"bias:{study.study}:{item.item}",
            )
            canvas.text(x, middle + 0.33 * size, mark, size=size, align="center", bold=True)
        y += _height(labels[study.study])
    y += 4
    for line in legend:
        y += small * 1.25
        canvas.text(chart.MARGIN, y - 1, line, size=small, colour="#333333")


def _alt(title: str, studies: Sequence[StudyBias]) -> str:
    texts = []
    for study in studies:
        if not (study.tool and study.items):
            texts.append(f"{plain(study.slab)}: not assessed")
            continue
        counted: dict[str, int] = {}
        for item in study.items:
            counted[item.answer] = counted.get(item.answer, 0) + 1
        summary = ", ".join(f"{number} {word}" for word, number in counted.items())
        texts.append(f"{plain(study.slab)} ({study.tool_label or study.tool}): {summary}")
    return f"{title}. {'; '.join(texts)}."
