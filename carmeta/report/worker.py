"""A helper process that draws figures, mostly: reads jobs from stdin, writes results to stdout.

Started by :mod:`carmeta.report.parallel`; not for use by hand.
"""

from __future__ import annotations

import os
import pickle
import sys
from typing import Any


def main() -> None:
    """Serve until stdin ends. A job is `carmeta.report.jobs.Work`; the answer (ok, value)."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not get between the answers

    answer: tuple[bool, Any]
    while True:
        try:
            job = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer = (True, job.run())
        except Exception as error:  # noqa: BLE001  # raised by the caller
            answer = (False, error)
        pickle.dump(answer, answers, protocol=pickle.HIGHEST_PROTOCOL)
        answers.flush()


if __name__ == "__main__":
    main()
