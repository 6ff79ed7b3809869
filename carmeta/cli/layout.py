"""Where the files of a review lie, from its folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from carmeta.vocabulary import REVIEW as REVIEW_FILE

REVIEW: Final = Path(REVIEW_FILE)
STUDIES: Final = Path("studies")
CONFIGS: Final = Path("configs")
PRIMARY: Final = CONFIGS / "primary.yaml"


def parts(root: Path, wanted: Sequence[Path] = (REVIEW, STUDIES, CONFIGS)) -> list[Path]:
    """Those parts of a review that are in ``root``."""
    return [root / part for part in wanted if (root / part).exists()]


def existing(named: Sequence[Path], usual: Sequence[Path]) -> Sequence[Path]:
    """The paths that were named, or those of the usual ones that are there.

    Raises:
        ConfigError: One that was named is not there, or none of the usual ones is.
    """
    from carmeta.errors import ConfigError
    from carmeta.sourcefile import suggest

    absent = [path for path in named if not path.exists()]
    if absent:
        beside = sorted(other.as_posix() for other in absent[0].parent.glob("*.yaml"))
        raise ConfigError(
            f"there is no file or folder {', '.join(map(str, absent))}",
            hint=suggest(absent[0].as_posix(), beside),
        )
    found = named or parts(Path(), usual)
    if not found:
        folders = " or ".join(str(path) for path in usual if not path.suffix)
        raise ConfigError(
            f"there is no folder {folders} here",
            hint="name the files or folders, or go to the folder that holds the review",
        )
    return found
