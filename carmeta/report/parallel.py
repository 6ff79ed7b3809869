"""Drawing, and what else takes time, on more than one core.

Helpers are fresh interpreters: a forked child of a process with threads (BLAS has some) may
hang. They cost their imports (0.5 s), which overlap with whatever the caller does meanwhile.
A fresh interpreter imports the caller's main script again, which only harms a script without
``if __name__ == "__main__"``; such a caller asks for one job. The order of the results does
not depend on who did what.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from carmeta.report.jobs import Work

    Made = dict[str, bytes]


class Helpers:
    """``jobs - 1`` helper processes; the caller itself is the last worker.

    A context manager: leaving it ends the processes. With ``jobs=1`` there are none.
    """

    def __init__(self, jobs: int = 2) -> None:
        self._count = max(0, jobs - 1) if sys.executable else 0
        self._pool: ProcessPoolExecutor | None = None
        if self._count:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._count, context, initializer=_ready)
        self._queue: queue.SimpleQueue[tuple[int, Work]] = queue.SimpleQueue()
        self._results: dict[int, Made] = {}
        self._errors: dict[int, Exception] = {}
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
        if kind is not None:  # nobody wants the rest
            while not self._queue.empty():
                self._queue.get_nowait()
        if self._pool is not None:
            self._join()
            self._pool.shutdown()

    def submit(self, jobs: Sequence[Work], on_done: Callable[[Work], None] | None = None) -> None:
        """Hand out jobs; helpers begin at once, the caller joins in :meth:`collect`."""
        self._on_done = on_done
        for job in jobs:
            self._queue.put((self._given, job))
            self._given += 1
        if self._pool is not None and not self._threads:
            self._threads = [
                threading.Thread(target=self._serve, args=(self._helped,), daemon=True)
                for _ in range(self._count)
            ]
            for thread in self._threads:
                thread.start()

    def collect(self) -> list[Made]:
        """Work off what is left, wait for the helpers, and return results in job order.

        Raises the error of the first job (in order) that failed.
        """
        self._serve(_run)
        self._join()
        self._serve(_run)  # what a helper that died gave back
        if self._errors:
            raise self._errors[min(self._errors)]
        return [self._results[number] for number in range(self._given)]

    def _serve(self, do: Callable[[Work], Made]) -> None:
        while True:
            try:
                number, job = self._queue.get_nowait()
            except queue.Empty:
                return
            try:
                self._results[number] = do(job)
            except BrokenProcessPool:  # the helper died: the caller does it
                self._queue.put((number, job))
                return
            except Exception as error:  # noqa: BLE001  # raised by collect(), in job order
                self._errors[number] = error
            else:
                if self._on_done is not None:
                    self._on_done(job)

    def _helped(self, job: Work) -> Made:
        assert self._pool is not None
        return self._pool.submit(_run, job).result()

    def _join(self) -> None:
        for thread in self._threads:
            thread.join()
        self._threads = []


def _run(job: Work) -> Made:
    return job.run()


def _ready() -> None:
    """In a helper: an interrupt is the caller's to handle, and its end is the helper's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_caller, daemon=True).start()


def _end_with_caller() -> None:
    caller = multiprocessing.parent_process()
    if caller is not None:
        caller.join()
    os._exit(1)
