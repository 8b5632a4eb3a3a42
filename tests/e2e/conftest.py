"""Real processes take longer: the full numbers are run by the long jobs, a tenth of them with the other tests."""

import os

import pytest

FULL = bool(os.environ.get("P2PLEARN_FULL"))


@pytest.fixture
def scale() -> float:
    """1 in the long jobs, 0.1 else."""
    return 1.0 if FULL else 0.1
