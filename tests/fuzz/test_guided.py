"""The coverage-guided run, two minutes for each decoder: part of `make fuzz` only, for it needs atheris and its time."""

import importlib.util
import os
import subprocess
import sys

import pytest

from tests.fuzz.decoders import DECODERS

SECONDS = 120


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("P2PLEARN_FULL"), reason="`make fuzz` runs it")
@pytest.mark.timeout(2 * SECONDS + 60)
@pytest.mark.parametrize("name", DECODERS)
def test_atheris_finds_nothing_but_the_peers_fault(name: str) -> None:
    command = [sys.executable, "-m", "tests.fuzz.guided", name, "--seconds", str(SECONDS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    print(done.stderr[-2000:])
    assert done.returncode == 0


@pytest.mark.skipif(importlib.util.find_spec("atheris") is not None, reason="atheris is installed")
def test_without_atheris_it_says_so() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.fuzz.guided", "record"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("atheris is not installed, or has no wheel for Python 3.")
