from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from carmeta.errors import OutputError
from carmeta.outputs import exchange, write_file, write_run

FILES = {"a.csv": b"1\n", "figures/b.svg": b"<svg/>"}
ABOUT = {"name": "x", "inputs": {"studies/a.yaml": "00"}}


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write(folder: Path, files: dict[str, bytes] | None = None, **options: object) -> None:
    root = options.pop("root", folder.parent)
    write_run(folder, FILES if files is None else files, root=root, manifest=ABOUT, **options)


def test_a_run_and_its_manifest(tmp_path: Path) -> None:
    write(tmp_path / "outputs" / "x")
    found = tree(tmp_path / "outputs")
    assert set(found) == {"x/a.csv", "x/figures/b.svg", "x/manifest.json"}
    manifest = json.loads(found["x/manifest.json"])
    assert manifest["inputs"] == ABOUT["inputs"]
    assert manifest["outputs"]["a.csv"] == {
        "bytes": 2, "sha256": hashlib.sha256(b"1\n").hexdigest(),
    }  # fmt: skip
    assert list(manifest) == sorted(manifest)


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "x")
    first = tree(tmp_path / "x")
    write(tmp_path / "x", dict(reversed(FILES.items())))
    assert tree(tmp_path / "x") == first


def test_a_run_replaces_the_whole_folder(tmp_path: Path) -> None:
    write(tmp_path / "x")
    write(tmp_path / "x", {"c.md": b"c"})
    assert set(tree(tmp_path)) == {"x/c.md", "x/manifest.json"}


@pytest.mark.parametrize(
    "name",
    ["", "/etc/passwd", "../a", "a/../b", "a/./b", "a//b", "a\\b", "C:x", ".hidden", "a/.b", "a.",
     "a ", "a\0b", "a\nb", "manifest.json", "Manifest.JSON", "x" * 300],
)  # fmt: skip
def test_names_that_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError):
        write(tmp_path / "x", {name: b""})
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("names", [("A.csv", "a.csv"), ("a", "a/b"), ("a/b", "a/b/c")])
def test_names_that_clash(tmp_path: Path, names: tuple[str, str]) -> None:
    with pytest.raises(OutputError):
        write(tmp_path / "x", dict.fromkeys(names, b""))


def test_a_folder_outside_is_written_only_on_demand(tmp_path: Path) -> None:
    root = tmp_path / "outputs"
    for folder in (tmp_path / "x", root / ".." / "x", root):
        with pytest.raises(OutputError, match="lies outside"):
            write(folder, root=root)
    write(tmp_path / "x", root=root, allow_outside=True)
    assert "a.csv" in tree(tmp_path / "x")


def test_links_do_not_lead_out(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "outputs", tmp_path / "elsewhere"
    root.mkdir()
    elsewhere.mkdir()
    (root / "x").symlink_to(elsewhere)
    (root / "sub").symlink_to(elsewhere)
    with pytest.raises(OutputError, match="symbolic link"):
        write(root / "x", root=root)
    with pytest.raises(OutputError, match="lies outside"):
        write(root / "sub" / "y", root=root)
    assert tree(elsewhere) == {}


def test_a_folder_that_is_no_run_is_not_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    folder.mkdir()
    write(folder)  # empty: fine
    (folder / "thesis.docx").write_text("years of work")
    with pytest.raises(OutputError, match=r"no run wrote: thesis\.docx"):
        write(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(OutputError, match="not a run"):
        write(folder)
    (folder / "manifest.json").write_text("[]")
    with pytest.raises(OutputError, match="not a run"):
        write(folder)
    assert (folder / "thesis.docx").read_text() == "years of work"
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file"):
        write(tmp_path / "file")


@pytest.mark.parametrize(
    "name", [".ssh/id_rsa", ".git/HEAD", "sub/.mine.txt", ".notes.md", "figures/.x", ".DS_Store"]
)
@pytest.mark.parametrize("run_before", [False, True])
def test_hidden_files_are_files(tmp_path: Path, name: str, run_before: bool) -> None:
    folder = tmp_path / "x"
    if run_before:
        write(folder)
    mine = folder / name
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_text("K")
    before = tree(tmp_path)
    with pytest.raises(OutputError, match=re.escape(name)) as caught:
        write(folder)
    assert caught.value.exit_code == 2
    assert tree(tmp_path) == before


def test_what_is_no_file_is_not_removed(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    write(folder)
    for make in (
        lambda path: path.mkdir(),
        lambda path: path.symlink_to(tmp_path),
        lambda path: path.symlink_to(tmp_path / "nowhere"),
    ):
        make(folder / "mine")
        with pytest.raises(OutputError, match="mine"):
            write(folder)
        assert os.path.lexists(folder / "mine")
        (folder / "mine").unlink() if (folder / "mine").is_symlink() else (folder / "mine").rmdir()
    (folder / "a.csv").unlink()
    (folder / "a.csv").symlink_to(tmp_path / "precious")
    with pytest.raises(OutputError, match=r"a\.csv"):
        write(folder)


@pytest.mark.parametrize(
    "manifest",
    [
        {"name": "An extension", "manifest_version": 3, "outputs": {"a.csv": {}}},
        {"carmeta": "1", "format": 1, "outputs": ["a.csv"]},
        {"carmeta": "1", "format": 1, "outputs": {"a.csv": "hash"}},
        {"carmeta": "1", "format": 2, "outputs": {}},
        {"outputs": {"a.csv": {"bytes": 1, "sha256": "0"}}},
    ],
)
def test_a_manifest_of_somebody_else(tmp_path: Path, manifest: object) -> None:
    folder = tmp_path / "x"
    folder.mkdir()
    (folder / "a.csv").write_text("1")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    before = tree(tmp_path)
    with pytest.raises(OutputError, match=r"not a run of carmeta|another version"):
        write(folder)
    assert tree(tmp_path) == before


def test_a_folder_that_cannot_be_read_is_not_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "x"
    (folder / "secret").mkdir(parents=True)
    (folder / "secret" / "thesis").write_text("years of work")
    before = tree(tmp_path)
    scandir = os.scandir

    def closed(path: object = ".") -> object:
        if Path(str(path)).name == "secret":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)  # type: ignore[call-overload]  # handed on

    monkeypatch.setattr(os, "scandir", closed)
    with pytest.raises(OutputError, match="Permission denied"):
        write(folder)
    monkeypatch.undo()
    assert tree(tmp_path) == before


def test_only_what_a_run_left_is_swept_away(tmp_path: Path) -> None:
    for name in (".x.writing-notes", ".x.writing-7", ".x.previous"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "thesis").write_text("years of work")
    before = tree(tmp_path)
    write(tmp_path / "x")
    write(tmp_path / "x", {"c.md": b"c"})
    assert {name: data for name, data in tree(tmp_path).items() if name[:2] != "x/"} == before


def test_a_file_that_appears_while_a_run_is_written_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "x"
    write(folder)
    at_once = exchange._exchange

    def late(one: Path, other: Path) -> bool:
        monkeypatch.undo()
        (other / "thesis").write_text("years of work")
        return at_once(one, other)

    monkeypatch.setattr(exchange, "_exchange", late)
    before = tree(tmp_path)
    with pytest.raises(OutputError, match="thesis came into it"):
        write(folder, {"c.md": b"c"})
    assert tree(tmp_path) == {**before, "x/thesis": b"years of work"}


def test_files_that_are_kept_out_of_version_control_may_be_absent(tmp_path: Path) -> None:
    write(tmp_path / "x", {"a.csv": b"1", "a.png": b"2"})
    (tmp_path / "x" / "a.png").unlink()
    write(tmp_path / "x")
    assert "figures/b.svg" in tree(tmp_path / "x")


def test_a_disk_that_cannot_be_written_leaves_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "x")
    before = tree(tmp_path)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        write(tmp_path / "x", {"new.md": b"new"})
    monkeypatch.undo()
    assert tree(tmp_path) == before


def test_folders_that_cannot_be_exchanged_are_swapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "_exchange", lambda one, other: False)
    write(tmp_path / "x")
    write(tmp_path / "x", {"c.md": b"c"})
    assert set(tree(tmp_path)) == {"x/c.md", "x/manifest.json"}


def test_a_swap_that_was_killed_half_way_is_healed(tmp_path: Path) -> None:
    write(tmp_path / "x")
    before = tree(tmp_path / "x")
    (tmp_path / "x").rename(tmp_path / ".x.previous")
    (tmp_path / ".x.writing-1").mkdir()
    (tmp_path / ".x.writing-1" / "manifest.json").write_bytes(before["manifest.json"])
    (tmp_path / ".x.writing-1" / "a.csv").write_text("half")
    (tmp_path / ".x.writing-2").mkdir()
    (tmp_path / ".x.writing-2" / "manifest.json").write_text("")
    with pytest.raises(OutputError):
        write(tmp_path / "x", {"../a": b""})
    exchange.recover(tmp_path / "x")
    assert tree(tmp_path / "x") == before
    write(tmp_path / "x", {"c.md": b"c"})
    assert set(tree(tmp_path)) == {"x/c.md", "x/manifest.json"}


def test_writers_wait_for_each_other(tmp_path: Path) -> None:
    failures: list[OutputError] = []

    def many(name: str) -> None:
        try:
            for _ in range(15):
                write(tmp_path / "x", {f"{name}-{i}.md": name.encode() for i in range(4)})
        except OutputError as error:
            failures.append(error)

    threads = [threading.Thread(target=many, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    names = set(tree(tmp_path / "x")) - {"manifest.json"}
    assert names in ({f"one-{i}.md" for i in range(4)}, {f"two-{i}.md" for i in range(4)})


def test_a_lock_that_is_never_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "_LOCK_SECONDS", 0.1)
    with exchange.locked(tmp_path), pytest.raises(OutputError, match="another run is writing"):
        write(tmp_path / "x")


SCRIPT = """
import sys
from pathlib import Path
from carmeta.outputs import exchange, write_file, write_run
folder = Path(sys.argv[1])
number = 0
while True:
    number += 1
    files = {f"{i}.txt": str(number).encode() * 1000 for i in range(30)}
    write_run(folder, files, root=folder.parent, manifest={"number": number})
    print(number, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs kill -9")
def test_a_killed_run_leaves_a_whole_one(tmp_path: Path) -> None:
    for trial in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(tmp_path / "x")], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()  # one run is there
        time.sleep(0.011 * trial)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        found = tree(tmp_path / "x")
        manifest = json.loads(found.pop("manifest.json"))
        assert set(found) == set(manifest["outputs"])
        assert {hashlib.sha256(data).hexdigest() for data in found.values()} == {
            entry["sha256"] for entry in manifest["outputs"].values()
        }
    write(tmp_path / "x", {"c.md": b"c"}, allow_outside=True)
    assert set(tree(tmp_path)) == {"x/c.md", "x/manifest.json"}


def test_one_file_is_written_whole_and_replaces_nothing_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "forest.svg"
    write_file(target, b"one")
    with pytest.raises(OutputError, match="exists already"):
        write_file(target, b"two")
    write_file(target, b"three", force=True)
    assert tree(tmp_path) == {"forest.svg": b"three"}

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        write_file(target, b"four", force=True)
    monkeypatch.undo()
    assert tree(tmp_path) == {"forest.svg": b"three"}
    (tmp_path / "folder.svg").mkdir()
    (tmp_path / "link.svg").symlink_to(target)
    for name in ("folder.svg", "link.svg", "nowhere/x.svg"):
        with pytest.raises(OutputError):
            write_file(tmp_path / name, b"five", force=True)
    assert target.read_bytes() == b"three"
