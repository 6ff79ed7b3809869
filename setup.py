"""The example review in a wheel is the repository's own: it is put there when it is built."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent


class WithExample(build_py):
    """Modules and data as ever, and the review as `carmeta/example`."""

    def run(self) -> None:
        """Build; an editable install finds the review where it is."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib, "carmeta", "example")
        shutil.rmtree(target, ignore_errors=True)  # of an earlier build
        paths = [HERE / "review.yaml"]
        for folder in ("studies", "configs"):
            (target / folder).mkdir(parents=True)
            paths += sorted((HERE / folder).glob("[!.]*.yaml"))
        for path in paths:
            shutil.copyfile(path, target / path.relative_to(HERE))


setup(cmdclass={"build_py": WithExample})
