"""A café whose access point dies: two laptops in network namespaces of their own, the cable between them pulled and plugged in again."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2plearn.testing.laptops import Laptop, eventually, same_set

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("ip") is None,
    reason="network namespaces need root and the ip command; the in-memory café tests partitions too",
)


class Cable:
    """A virtual cable between two namespaces; `pull` and `plug` it."""

    def __init__(self, tag: str) -> None:
        self.names = (f"p2p{tag}a", f"p2p{tag}b")
        self.hosts = ("10.77.0.1", "10.77.0.2")
        for name in self.names:
            _ip("netns", "add", name)
        _ip("link", "add", self.names[0], "netns", self.names[0], "type", "veth", "peer", "name", self.names[1], "netns", self.names[1])
        for name, host in zip(self.names, self.hosts, strict=True):
            _ip("-n", name, "addr", "add", f"{host}/24", "dev", name)
            _ip("-n", name, "link", "set", name, "up")
            _ip("-n", name, "link", "set", "lo", "up")

    def pull(self) -> None:
        _ip("-n", self.names[0], "link", "set", self.names[0], "down")

    def plug(self) -> None:
        _ip("-n", self.names[0], "link", "set", self.names[0], "up")

    def remove(self) -> None:
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], check=False)


@pytest.fixture
def cable() -> Iterator[Cable]:
    """Made for one test, and gone afterwards."""
    made = Cable(str(os.getpid()))
    yield made
    made.remove()


def test_both_sides_go_on_and_are_equal_again_soon_after(tmp_path: Path, cable: Cable) -> None:
    ada, ben = (
        Laptop(tmp_path / name, host, ("ip", "netns", "exec", space))
        for name, host, space in zip(("ada", "ben"), cable.hosts, cable.names, strict=True)
    )
    try:
        ada.up()
        ben.up("--connect", ada.address)
        eventually(lambda: ada.cli("peers")["peers"])
        cable.pull()
        for number in range(5):
            ada.cli("share", "--title", f"A{number}", "--topic", "x", "said on one side")
            ben.cli("share", "--title", f"B{number}", "--topic", "x", "said on the other")
        eventually(lambda: not ada.cli("peers")["peers"], within=30)
        assert not same_set(ada, ben)
        cable.plug()
        eventually(lambda: same_set(ada, ben), within=60)
        assert ada.cli("status")["records"] == 10
    finally:
        ada.kill()
        ben.kill()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
