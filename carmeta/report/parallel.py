"""Drawing on more than one core without forking.

A forked child of a process with threads (BLAS has some) may hang, and ``spawn`` runs the
caller's main script again. Helpers are therefore fresh interpreters that read jobs from a
pipe. They cost their imports (0.5 s), which overlap with whatever the caller does meanwhile,
so start them early. The order of the results does not depend on who drew what.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from carmeta.report.jobs import Work


class Helpers:
    """``jobs - 1`` helper processes; the caller itself is the last worker.

    A context manager: leaving it ends the processes. With ``jobs=1`` there are none.
    """

    def __init__(self, jobs: int = 2) -> None:
        self._processes = [_start() for _ in range(max(0, jobs - 1))] if sys.executable else []
        self._queue: queue.SimpleQueue[tuple[int, Work]] = queue.SimpleQueue()
        self._results: dict[int, dict[str, bytes]] = {}
        self._errors: dict[int, BaseException] = {}
        self._threads: list[threading.Thread] = []
        self._given = 0
        self._on_done: Callable[[Work], None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._processes:
            with contextlib.suppress(OSError):
                if process.stdin is not None:
                    process.stdin.close()
            if kind is not None:
                process.kill()
        for thread in self._threads:
            thread.join()
        for process in self._processes:
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def submit(self, jobs: Sequence[Work], on_done: Callable[[Work], None] | None = None) -> None:
        """Hand out jobs; helpers begin at once, the caller joins in :meth:`collect`."""
        self._on_done = on_done
        for job in jobs:
            self._queue.put((self._given, job))
            self._given += 1
        if not self._threads:
            self._threads = [
                threading.Thread(target=self._serve, args=(process,), daemon=True)
                for process in self._processes
            ]
            for thread in self._threads:
                thread.start()

    def collect(self) -> list[dict[str, bytes]]:
        """Work off what is left, wait for the helpers, and return results in job order.

        Raises the error of the first job (in order) that failed.
        """
        self._drain()
        for thread in self._threads:
            thread.join()
        self._threads = []
        self._drain()  # what a helper that died gave back
        if self._errors:
            raise self._errors[min(self._errors)]
        return [self._results[number] for number in range(self._given)]

    def _drain(self) -> None:
        while True:
            try:
                number, job = self._queue.get_nowait()
            except queue.Empty:
                return
            try:
                self._done(number, job, job.run())
            except Exception as error:  # noqa: BLE001  # raised by collect(), in job order
                self._errors[number] = error

    def _serve(self, process: subprocess.Popen[bytes]) -> None:
        while True:
            try:
                number, job = self._queue.get_nowait()
            except queue.Empty:
                return
            try:
                ok, value = _ask(process, job)
            except (OSError, EOFError, pickle.PickleError):
                self._queue.put((number, job))  # the helper died: the caller does it
                return
            if ok:
                self._done(number, job, value)
            else:
                self._errors[number] = value

    def _done(self, number: int, job: Work, value: dict[str, bytes]) -> None:
        self._results[number] = value
        if self._on_done is not None:
            self._on_done(job)


def _start() -> subprocess.Popen[bytes]:
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "carmeta.report.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )


def _ask(process: subprocess.Popen[bytes], job: Work) -> tuple[bool, Any]:
    if process.stdin is None or process.stdout is None:
        raise EOFError
    pickle.dump(job, process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
    process.stdin.flush()
    ok, value = pickle.load(process.stdout)
    return ok, value
