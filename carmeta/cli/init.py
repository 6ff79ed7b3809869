"""`carmeta init`: a review from nothing, or the one that comes with carmeta."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from carmeta.cli import asking, terminal
from carmeta.cli.layout import CONFIGS, PRIMARY, REVIEW, STUDIES
from carmeta.cli.schema import SCHEMAS, write_schemas
from carmeta.errors import ConfigError, OutputError

if TYPE_CHECKING:
    from carmeta.domain.words import Vocabulary

_FOLDERS: Final = (STUDIES, CONFIGS)
_PACKAGE: Final = Path(__file__).parents[1]
# Where the example is: put there when the wheel was built, or at the root of a checkout.
HOMES: Final = (_PACKAGE / "example", _PACKAGE.parent)


def init(
    folder: Annotated[Path, typer.Argument(help="The folder of the review.")] = Path(),
    title: Annotated[str | None, typer.Option("--title", help="What it is called.")] = None,
    pack: Annotated[
        list[str] | None,
        typer.Option("--pack", metavar="NAME,...", help="Packs of words: see `carmeta packs`."),
    ] = None,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes",
            "-y",
            help="Ask nothing: without --title the folder's name, without --pack no pack.",
        ),
    ] = False,
    example: Annotated[
        bool, typer.Option("--example", help="The review that comes with carmeta, complete.")
    ] = False,
) -> int:
    """Begin a review.

    Written are review.yaml, studies/, configs/primary.yaml, and the schemas for editors in
    .schema/. Asked for is what the options do not say. Nothing is ever replaced: where one of
    these is there already, nothing is written.
    """
    _check_free(folder)
    if not example:
        called, packs = _answers(folder, title, pack, yes=yes)
        _put(folder, lambda place: _begin(place, called, packs))
    elif title is not None or pack:
        raise ConfigError("--example has a title and packs of its own")
    else:
        _put(folder, _copy_example)
    terminal.say(f"{', '.join(_targets())} written in {folder}")
    if not example:
        terminal.say("next: `carmeta new study ID`, `carmeta validate`, `carmeta pool`")
    return 0


def _targets() -> tuple[str, ...]:
    return (*map(str, (REVIEW, *_FOLDERS)), SCHEMAS)


def _check_free(folder: Path) -> None:
    """Raise OutputError where something would be replaced, or no folder can be."""
    there = [name for name in _targets() if os.path.lexists(folder / name)]
    if there:
        hint = "nothing is written; `carmeta init FOLDER` begins one elsewhere"
        raise OutputError(f"{folder}: {', '.join(there)} there already", hint=hint)
    if os.path.lexists(folder) and not folder.is_dir():
        raise OutputError(f"{folder}: is not a folder")


# -- what is asked ----------------------------------------------------------------------------


def _answers(
    folder: Path, title: str | None, pack: Sequence[str] | None, *, yes: bool
) -> tuple[str, list[str]]:
    """Title and packs: as given, or else as answered."""
    missing = [name for name, given in (("--title", title), ("--pack", pack)) if not given]
    if missing and not yes and not asking.can_ask():
        raise ConfigError(
            f"{' and '.join(missing)} not given, and there is no terminal to ask at",
            hint="give --title and --pack, or --yes for what they are by default",
        )
    name = folder.resolve().name
    if title is not None:
        called = _title(title)
    elif yes:
        called = _title(name or "Review")
    else:
        called = asking.ask("Title of the review", _title)
    if pack:
        return called, _packs(",".join(pack))
    if yes:
        return called, []
    _show_packs()
    return called, asking.ask("Packs, with commas between them", _packs, default="")


def _title(given: str) -> str:
    return asking.text(given, "the title")


def _packs(given: str) -> list[str]:
    """The packs of a list with commas; ConfigError if one is not there."""
    from carmeta.records import read_pack

    names = [name.strip() for name in given.split(",")]
    chosen = list(dict.fromkeys(name for name in names if name))
    for name in chosen:
        read_pack(name)
    return chosen


def _show_packs() -> None:
    from carmeta.records import pack_names, read_pack
    from carmeta.records.words import BASE

    labels = {name: read_pack(name).data["label"] for name in pack_names() if name != BASE}
    width = max(map(len, labels))
    terminal.tell(
        "Packs of words; `carmeta packs NAME` shows those of one. More can be added later."
    )
    for name, label in labels.items():
        terminal.tell(f"  {name:{width}}  {label}")


# -- what is written --------------------------------------------------------------------------


def _begin(place: Path, title: str, packs: Sequence[str]) -> None:
    """A review without records; ConfigError where its packs do not go together."""
    from carmeta.domain.words import Vocabulary
    from carmeta.records.fresh import PRODUCTS, config_text, review_text

    _text(place / REVIEW, review_text(title, packs, Vocabulary()))
    words = _usable(place)
    _text(place / REVIEW, review_text(title, packs, words))
    _text(place / PRIMARY, config_text(title, words))
    if words.allowed("product attributes"):
        _text(place / STUDIES / "_products.yaml", PRODUCTS)
    write_schemas(place, words)


def _text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _usable(root: Path) -> Vocabulary:
    from carmeta.records import load_words

    found = load_words(root)
    if found.words is None:
        told = [
            replace(item, mark=replace(item.mark, file=Path(item.mark.file).name))
            for item in found.diagnostics
        ]
        hint = f"begin with one; then add the other in {REVIEW} and declare there what differs"
        raise ConfigError("these packs do not go together", hint=hint, diagnostics=told)
    return found.words


def _copy_example(place: Path) -> None:
    """The files of the example, as they are."""
    home = next((home for home in HOMES if (home / REVIEW).is_file()), None)
    if home is None:
        hint = "a wheel of carmeta has one, and a checkout of its repository"
        raise ConfigError("this installation has no example", hint=hint)
    paths = [home / REVIEW]
    for name in _FOLDERS:
        paths += sorted((home / name).glob("[!.]*.yaml"))
    for path in paths:
        shutil.copyfile(path, place / path.relative_to(home))
    write_schemas(place, _usable(place))


def _put(folder: Path, fill: Callable[[Path], None]) -> None:
    """Move what ``fill`` writes into a new place to the folder: all of it, or nothing."""
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    done: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".carmeta-init-", dir=folder) as place:
            for name in _FOLDERS:
                (Path(place) / name).mkdir()
            fill(Path(place))
            for target in _targets():
                (Path(place) / target).rename(folder / target)
                done.append(folder / target)
    except BaseException as error:
        _undo(done, made)
        if isinstance(error, OSError):
            reason = error.strerror or type(error).__name__
            raise OutputError(f"{folder}: cannot be written: {reason}") from error
        raise


def _undo(done: Sequence[Path], made: Sequence[Path]) -> None:
    with contextlib.suppress(OSError):  # the first error is the one to tell
        for path in done:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        for folder in made:
            folder.rmdir()
