"""The benchmarks are no part of the wheel: they are found in the tree, behind everything that is installed."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))
