"""A home whose processes are killed at random moments keeps its word. `make crash` kills 200 times, `make test` 20."""

import os
import random
from pathlib import Path

import pytest

from tests.crash.crashes import run

MOMENTS = 200 if os.environ.get("P2PLEARN_FULL") else 20


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.timeout(30 + 10 * MOMENTS)
def test_nothing_acknowledged_is_lost_and_none_is_there_twice(tmp_path: Path) -> None:
    seed = int(os.environ.get("P2PLEARN_SEED", random.randrange(2**32)))  # `P2PLEARN_SEED=… make crash` has a run again
    assert run(tmp_path / "home", seed, MOMENTS) > 0
