"""Who shares patients with whom: cohorts as a tree of parts, other shared patients as arrows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from carmeta.report import canvas as cv
from carmeta.report import chart, numbers
from carmeta.report.forest_spec import WIDTHS, Width
from carmeta.report.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from carmeta.domain.analysis import LineageEdge, LineageNode

_DASHES: Final[dict[str, tuple[float, ...] | None]] = {
    "updates": None,
    "shares_patients_with": (1, 2),
    "part_of": (4, 2),  # where a cohort is part of several
}
_WORDS: Final = {
    "updates": "updates (later report of the same patients and more)",
    "shares_patients_with": "shares patients with",
    "part_of": "is also part of",
}
_INDENT: Final = 13.0
_LANE: Final = 7.0
_GAP: Final = 4.0


@dataclass(frozen=True, slots=True)
class _Placed:
    node: LineageNode
    depth: int
    parent: str
    lines: tuple[str, ...]
    top: float
    height: float

    @property
    def middle(self) -> float:
        return self.top + self.height / 2


def lineage(
    nodes: Sequence[LineageNode],
    edges: Sequence[LineageEdge],
    *,
    title: str,
    names: Mapping[str, str] | None = None,
    width: Width = "double",
) -> cv.Drawing:
    """Cohorts by study; parts are indented below the cohort they belong to.

    ``names`` maps the id of a study to its label.

    Studies with a single cohort and no relation are left out. Declared disjointness is not
    drawn: it is the absence of a line. Raises ValueError for an edge to an unknown cohort, or
    where no study has more than one cohort.
    """
    known = {node.key for node in nodes}
    for edge in edges:
        if edge.a not in known or edge.b not in known:
            raise ValueError(f"relation of {edge.a!r} and {edge.b!r}: no such cohort")
    parents = _parents(edges)
    others = _others(edges, parents)
    related = {key for edge in others for key in (edge.a, edge.b)} | set(parents)
    related |= {parent for found in parents.values() for parent in found}
    shown = [node for node in nodes if node.key in related]
    if not shown:
        raise ValueError("no cohort shares patients with another")
    with cv.settings():
        return _draw(shown, parents, others, title, names or {}, WIDTHS[width])


def _parents(edges: Iterable[LineageEdge]) -> dict[str, list[str]]:
    """Child to the cohorts it is a part of, in the order of the records."""
    found: dict[str, list[str]] = {}
    for edge in edges:
        whole_first = edge.kind in ("partition", "cover")
        pair = (edge.b, edge.a) if whole_first else (edge.a, edge.b)
        if not whole_first and edge.kind != "part_of":
            continue
        child, parent = pair
        listed = found.setdefault(child, [])
        if parent not in listed:
            listed.append(parent)
    return found


def _others(edges: Iterable[LineageEdge], parents: dict[str, list[str]]) -> list[_Edge]:
    """What the tree cannot show: updates, shared patients, further parents."""
    found: dict[_Edge, None] = {}
    for edge in edges:
        if edge.kind == "updates":
            found[_Edge(edge.a, edge.b, edge.kind)] = None
        elif edge.kind == "shares_patients_with":
            first, second = sorted((edge.a, edge.b))
            found[_Edge(first, second, edge.kind)] = None
    for child, several in parents.items():
        for parent in several[1:]:
            found[_Edge(child, parent, "part_of")] = None
    return list(found)


@dataclass(frozen=True, slots=True)
class _Edge:
    a: str
    b: str
    kind: str


def _order(
    nodes: Sequence[LineageNode], parents: dict[str, list[str]]
) -> list[tuple[LineageNode, int]]:
    """Depth-first: each cohort before its parts; a cycle ends where it began."""
    children: dict[str, list[LineageNode]] = {}
    shown = {node.key for node in nodes}
    roots: list[LineageNode] = []
    for node in nodes:
        first = next((p for p in parents.get(node.key, ()) if p in shown), "")
        (children.setdefault(first, []) if first else roots).append(node)
    out: list[tuple[LineageNode, int]] = []
    seen: set[str] = set()

    def walk(node: LineageNode, depth: int) -> None:
        if node.key in seen:
            return
        seen.add(node.key)
        out.append((node, depth))
        for child in children.get(node.key, ()):
            walk(child, depth + 1)

    for node in (*roots, *nodes):
        walk(node, 0)
    return out


def _draw(
    nodes: Sequence[LineageNode],
    parents: dict[str, list[str]],
    others: Sequence[_Edge],
    title: str,
    names: Mapping[str, str],
    width: float,
) -> cv.Drawing:
    size, small = chart.SIZE, chart.SMALL
    placed, headings, bottom = _place(nodes, parents, width)
    widest = max(
        chart.MARGIN + 8 + item.depth * _INDENT + 12 + _text_width(item) for item in placed.values()
    )
    lanes = _lanes(others, placed)
    used = [kind for kind in _DASHES if any(edge.kind == kind for edge in others)]
    canvas = cv.Canvas(width, math.ceil(bottom + 10 + small * 1.5 * (len(used) + 1)))
    head = cv.wrap(plain(title), width - 16, size + 1, True, 1)[0]
    canvas.text(chart.MARGIN, 16, head, size=size + 1, bold=True)
    for y, study in headings:
        text = cv.wrap(plain(names.get(study, study)), width - 16, size, True, 1)[0]
        canvas.text(chart.MARGIN, y, text, size=size, bold=True)
    for item in placed.values():
        _branch(canvas, item, placed)
    for item in placed.values():
        _box(canvas, item)
    right_of = {
        key: chart.MARGIN + 8 + item.depth * _INDENT + 12 + _text_width(item)
        for key, item in placed.items()
    }
    room = width - chart.MARGIN - widest - 10
    step = min(_LANE, room / max(1, max(lanes.values(), default=0) + 1))
    for edge, lane in lanes.items():
        _link(canvas, edge, placed, right_of, widest + 8 + lane * step)
    y = bottom + 4
    for kind in used:
        y += small * 1.5
        canvas.line(
            [chart.MARGIN + 8, chart.MARGIN + 30], [y - 2.5] * 2, dashes=_DASHES[kind], width=0.8
        )
        canvas.text(chart.MARGIN + 35, y, _WORDS[kind], size=small)
    y += small * 1.5
    note = "Indented: part of the cohort above. Filled and bold: pooled."
    canvas.text(chart.MARGIN + 8, y, note, size=small, colour="#333333")
    canvas.figure.alt = _alt(title, nodes, others)
    canvas.figure.title_text = title
    return canvas.figure


def _alt(title: str, nodes: Sequence[LineageNode], others: Sequence[_Edge]) -> str:
    studies = len({node.study for node in nodes})
    pooled = [plain(node.label) for node in nodes if node.pooled]
    return (
        f"{title}: {len(nodes)} cohorts of {studies} studies; pooled are "
        f"{', '.join(pooled) or 'none'}; {len(others)} relations beyond parts and wholes."
    )


def _place(
    nodes: Sequence[LineageNode], parents: dict[str, list[str]], width: float
) -> tuple[dict[str, _Placed], list[tuple[float, str]], float]:
    size, small = chart.SIZE, chart.SMALL
    y = 24.0
    placed: dict[str, _Placed] = {}
    headings: list[tuple[float, str]] = []
    shown = {node.key for node in nodes}
    for study in dict.fromkeys(node.study for node in nodes):
        y += 6 + size * 1.5
        headings.append((y - 4, study))
        members = [node for node in nodes if node.study == study]
        for node, depth in _order(members, parents):
            patients = f", n = {numbers.count(node.n)}" if node.n else ""
            label = plain(node.label) + patients
            lines = cv.wrap(label, width * 0.6 - depth * _INDENT, size, bool(node.pooled), 3)
            height = len(lines) * size * 1.2 + 4 + (small * 1.2 if node.pooled else 0)
            parent = next((p for p in parents.get(node.key, ()) if p in shown), "")
            placed[node.key] = _Placed(node, depth, parent, tuple(lines), y, height)
            y += height + _GAP
    return placed, headings, y


def _pooled_text(node: LineageNode) -> str:
    return "pooled: " + ", ".join(node.pooled)


def _text_width(item: _Placed) -> float:
    bold = bool(item.node.pooled)
    texts = [cv.text_width(line, chart.SIZE, bold) for line in item.lines]
    if item.node.pooled:
        texts.append(cv.text_width(_pooled_text(item.node), chart.SMALL))
    return max(texts)


def _box(canvas: cv.Canvas, item: _Placed) -> None:
    size, small = chart.SIZE, chart.SMALL
    left = chart.MARGIN + 8 + item.depth * _INDENT
    right = left + 12 + _text_width(item)
    top, bottom = item.top, item.top + item.height
    pooled = bool(item.node.pooled)
    canvas.polygon(
        [(left, top), (right, top), (right, bottom), (left, bottom)],
        fill="#dcebf5" if pooled else cv.WHITE,
        edge=cv.BLUE if pooled else cv.RULE,
        width=1.1 if pooled else 0.6,
        gid=f"box:{item.node.key}",
    )
    y = top + 2 + size * 0.95
    for line in item.lines:
        canvas.text(left + 6, y, line, size=size, bold=pooled)
        y += size * 1.2
    if pooled:
        canvas.text(left + 6, y - 0.5, _pooled_text(item.node), size=small, colour="#333333")


def _branch(canvas: cv.Canvas, item: _Placed, placed: dict[str, _Placed]) -> None:
    """The elbow from a part up to its whole."""
    above = placed.get(item.parent)
    if above is None or above.node.study != item.node.study:
        return
    x = chart.MARGIN + 8 + above.depth * _INDENT + 5
    left = chart.MARGIN + 8 + item.depth * _INDENT
    start = above.top + above.height
    canvas.line([x, x, left], [start, item.middle, item.middle], width=0.6, colour=cv.RULE)


def _lanes(edges: Sequence[_Edge], placed: dict[str, _Placed]) -> dict[_Edge, int]:
    """A lane for each arrow, so that arrows that run beside each other do not meet."""
    taken: list[list[tuple[float, float]]] = []
    lanes: dict[_Edge, int] = {}

    def span(edge: _Edge) -> tuple[float, float]:
        ends = sorted((placed[edge.a].middle, placed[edge.b].middle))
        return ends[0] - 6, ends[1] + 6

    for edge in sorted(edges, key=lambda edge: (span(edge)[1] - span(edge)[0], edge.a, edge.b)):
        low, high = span(edge)
        free = (
            number
            for number, spans in enumerate(taken)
            if all(high < other[0] or low > other[1] for other in spans)
        )
        lane = next(free, len(taken))
        if lane == len(taken):
            taken.append([])
        taken[lane].append((low, high))
        lanes[edge] = lane
    return lanes


def _link(
    canvas: cv.Canvas,
    edge: _Edge,
    placed: dict[str, _Placed],
    right_of: dict[str, float],
    lane: float,
) -> None:
    """A bracket from a to b with an arrow head at b."""
    down = placed[edge.b].middle > placed[edge.a].middle
    start = placed[edge.a].middle + (2.5 if down else -2.5)
    end = placed[edge.b].middle + (-2.5 if down else 2.5)
    tip = right_of[edge.b]
    canvas.line(
        [right_of[edge.a], lane, lane, tip + 4],
        [start, start, end, end],
        width=0.7,
        dashes=_DASHES[edge.kind],
        gid=f"link:{edge.a}:{edge.b}",
    )
    canvas.polygon([(tip, end), (tip + 4, end - 2), (tip + 4, end + 2)], fill=cv.BLACK)
