"""What programs use to reach a person's node: the CLI, the tests, the demo.

A running node is asked over its socket; without one the store is opened here, under its lock. Either way the same calls give the same
answers. Must stay quick to import: neither libp2p nor trio nor the node before they are needed.
"""

from p2plearn.client.client import Client, Progress
from p2plearn.paths import find_home

__all__ = ["Client", "Progress", "find_home"]
