from __future__ import annotations

import base64
from pathlib import Path

import pytest

from carmeta.diff import compare_runs


def runs(tmp_path: Path, name: str, a: str | bytes, b: str | bytes) -> list[str]:
    for folder, data in (("a", a), ("b", b)):
        (tmp_path / folder).mkdir(exist_ok=True)
        raw = data.encode() if isinstance(data, str) else data
        (tmp_path / folder / name).write_bytes(raw)
    return compare_runs(tmp_path / "a", tmp_path / "b")


SAME = [
    ("a.csv", "x,0.123456789012\n", "x,0.123456789013\n"),
    ("a.csv", "x,0.0\n", "x,1e-13\n"),
    ("a.csv", "x,1.234567890\n", "x,1.234567891\n"),  # a unit of the tenth digit
    ("a.csv", "x,0.00000001\n", "x,0.00000002\n"),  # a difference, with eight decimals
    ("a.json", '{"a": [{"dffits": 0.00000001}]}', '{"a": [{"dffits": 0.00000002}]}'),
    ("a.json", '{"a": 0.1, "b": [1, null]}', '{"b":[1,null],"a":0.10000000000000002}'),
    ("a.html", "<dt>python</dt><dd>3.11</dd>", "<dt>python</dt><dd>3.13.1</dd>"),
    ("a.html", "<dt><bdi>python</bdi></dt><dd><bdi>3.11</bdi></dd>",
     "<dt><bdi>python</bdi></dt><dd><bdi>3.13</bdi></dd>"),
    ("a.json", '{"versions": {"python": "3.11"}}', '{"versions": {"python": "3.13"}}'),
    ("manifest.json", '{"outputs": {"a.pdf": {"sha256": "0"}}}', '{"outputs": {"a.pdf": 1}}'),
    ("a.svg", '<g id="m0123456789" d="M 1.000001 2"/>', '<g id="mabcdefabcd" d="M 1.000002 2"/>'),
    ("a.png", b"\x89PNG1", b"\x89PNG2"),
]  # fmt: skip
DIFFERENT = [
    ("a.csv", "x,0.1234567\n", "x,0.1234568\n"),
    ("a.csv", "x,0.12345678\n", "x,0.12345680\n"),
    ("a.csv", "x,1.234567890\n", "x,1.234567892\n"),
    ("a.json", '{"estimate": 0.12345678}', '{"estimate": 0.12345679}'),
    ("a.json", '{"dffits": 0.1234567}', '{"dffits": 0.1234568}'),
    ("a.csv", "x,12\n", "x,13\n"),
    ("a.csv", "x,12\n", "y,12\n"),
    ("a.csv", "x,12\n", "x,12\nx,13\n"),
    ("a.csv", "x,1.0\n", "x,NaN\n"),
    ("a.csv", "x,1e999\n", "x,2e999\n"),
    ("a.json", '{"a": 1}', '{"a": 2}'),
    ("a.json", '{"a": 1}', '{"a": true}'),
    ("a.json", '{"a": null}', '{"a": 0.0}'),
    ("a.json", '{"a": "1.0"}', '{"a": "1.00"}'),
    ("a.json", '{"a": 1}', '{"b": 1}'),
    ("a.json", '{"a": [1]}', '{"a": [1, 2]}'),
    ("a.json", '{"versions": {"numpy": "1"}}', '{"versions": {"numpy": "2"}}'),
    ("a.json", "{", "{}"),
    ("manifest.json", '{"outputs": {"a": 1}}', '{"outputs": {"b": 1}}'),
    ("manifest.json", '{"inputs": {"a": "0"}}', '{"inputs": {"a": "1"}}'),
    ("a.svg", '<path d="M 1.0001 2"/>', '<path d="M 1.0002 2"/>'),
    ("a.svg", "<text>12 (3%)</text>", "<text>13 (3%)</text>"),
    ("a.md", "| 12.3% |", "| 12.4% |"),
    ("a.html", "<p>12.3%</p>", "<p>12.4%</p>"),
    ("a.txt", b"\xff", b"\xfe"),
]


@pytest.mark.parametrize(("name", "a", "b"), SAME)
def test_what_is_the_same(tmp_path: Path, name: str, a: str | bytes, b: str | bytes) -> None:
    assert runs(tmp_path, name, a, b) == []


@pytest.mark.parametrize(("name", "a", "b"), DIFFERENT)
def test_what_differs(tmp_path: Path, name: str, a: str | bytes, b: str | bytes) -> None:
    differences = runs(tmp_path, name, a, b)
    assert differences
    assert all(line.startswith(f"{name}: ") for line in differences)


def test_pictures_in_a_page_are_compared_as_pictures(tmp_path: Path) -> None:
    def page(svg: str) -> str:
        data = base64.b64encode(svg.encode()).decode()
        return f'<img src="data:image/svg+xml;base64,{data}">'

    left, near, far = (page(f'<path d="M 1.{tail}"/>') for tail in ("000001", "000002", "100000"))
    assert runs(tmp_path, "a.html", left, near) == []
    assert runs(tmp_path, "a.html", left, far)


def test_files_of_one_run_only(tmp_path: Path) -> None:
    runs(tmp_path, "a.csv", "1", "1")
    (tmp_path / "a" / "b.csv").write_text("")
    (tmp_path / "b" / "c.csv").write_text("")
    assert [line.split(":")[0] for line in compare_runs(tmp_path / "a", tmp_path / "b")] == [
        "b.csv", "c.csv",
    ]  # fmt: skip


def test_a_long_list_is_cut(tmp_path: Path) -> None:
    a, b = "\n".join("x" * 1 for _ in range(50)), "\n".join("y" for _ in range(50))
    assert runs(tmp_path, "a.csv", a, b)[-1] == "a.csv: ... and 30 more"


def test_a_run_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError):
        compare_runs(tmp_path / "a", tmp_path / "b")
