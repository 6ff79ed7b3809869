from __future__ import annotations

import time

import pytest

from carmeta.errors import OutputError
from carmeta.report.forest import forest_spec
from carmeta.report.jobs import Job
from carmeta.report.parallel import Helpers
from tests.figures import synthetic


def job(stem: str, label: str = "A") -> Job:
    return Job(stem, forest_spec(synthetic.outcome(2, labels=(label, "B"))), ("svg",))


def test_results_come_in_the_order_of_the_jobs() -> None:
    with Helpers(2) as helpers:
        helpers.submit([job(f"f{number}") for number in range(5)])
        results = helpers.collect()
    assert [list(result) for result in results] == [[f"f{number}.svg"] for number in range(5)]


def test_a_helper_that_died_is_replaced_by_the_caller() -> None:
    with Helpers(2) as helpers:
        assert helpers._pool is not None
        helpers.submit([job("a"), job("b")])
        while not helpers._pool._processes:  # it starts with its first job
            time.sleep(0.01)
        (process,) = helpers._pool._processes.values()
        process.kill()
        assert len(helpers.collect()) == 2


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_first_error_is_raised(jobs: int) -> None:
    with Helpers(jobs) as helpers:
        helpers.submit([job("a"), job("b", "日"), job("c")])
        with pytest.raises(OutputError, match="U\\+65E5"):
            helpers.collect()


def test_nothing_to_do() -> None:
    with Helpers(2) as helpers:
        assert helpers.collect() == []
