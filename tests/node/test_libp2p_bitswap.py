"""Bitswap between real processes: with libp2p's own in both directions, and under attack."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from p2plearn import limits

PEER = [sys.executable, str(Path(__file__).with_name("bitswap_peer.py"))]
SIZE = 3 * limits.MiB + 5

pytestmark = [pytest.mark.processes, pytest.mark.network, pytest.mark.slow]


class Server:
    """A process that serves one file."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.about = self.line()

    def line(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def state(self) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write("state\n")
        self.process.stdin.flush()
        return self.line()

    def file(self) -> list[str]:
        return [self.about["address"], self.about["cid"], str(SIZE)]


@contextmanager
def serving(kind: str) -> Iterator[Server]:
    with subprocess.Popen([*PEER, "serve", kind, str(SIZE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Server(process)
        finally:
            process.kill()


def run(*arguments: str) -> list[Any]:
    done = subprocess.run([*PEER, *arguments], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def ours() -> Iterator[Server]:
    with serving("ours") as server:
        yield server


@pytest.fixture(scope="module")
def libp2ps() -> Iterator[Server]:
    with serving("stock") as server:
        yield server


@pytest.mark.parametrize("server, client", [("ours", "ours"), ("ours", "stock"), ("libp2ps", "ours")])
def test_a_file_travels_between_ours_and_libp2ps_own(server: str, client: str, request: pytest.FixtureRequest) -> None:
    (result,) = run("fetch", client, *request.getfixturevalue(server).file())
    assert result["same"]
    assert result["blamed"] == []
    print(f"{server} to {client}: {SIZE / 1e6 / result['seconds']:.1f} MB/s")


def test_attacks_cost_no_memory_and_honest_peers_are_served(ours: Server) -> None:
    before = ours.state()
    attacks = run("attack", *ours.file())
    assert len(attacks) == 6
    after = ours.state()
    assert after["memory"] - before["memory"] < 40, "MiB at the peak; libp2p's own exchange takes 100 for the unasked blocks alone"
    assert {reason.split()[1] for reason in after["blamed"]} == {"encoding", "limit", "unasked"}
    (result,) = run("fetch", "ours", *ours.file())
    assert result["same"]
    assert "serving=0" in ours.state()["state"]
