"""What a peer is measured with, and what its rows share."""

import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from bench import corpus
from bench.child import Child
from bench.meter import Line, cpu_seconds, peak_memory, quantiles
from bench.shelf import EXTRA


class Missing(Exception):
    """This peer is not installed here."""


@dataclass(frozen=True, slots=True)
class Setting:
    """`place`: where the peers are installed; `texts`: the file with n + 2 · EXTRA texts; `directory`: for this peer's data."""

    place: Path | None
    directory: Path
    texts: Path
    n: int
    authors: int

    @property
    def payload(self) -> int:
        """Bytes of the first n texts."""
        return corpus.payload(0, self.n)

    @property
    def payload_new(self) -> int:
        """Bytes of the 2 · EXTRA texts behind them."""
        return corpus.payload(self.n, self.n + 2 * EXTRA)

    def node(self, program: str, library: str) -> Child:
        """A program in JavaScript that needs `library`. Raises Missing."""
        place = self._installed(f"node_modules/{library}")
        return self._start(["node", str(Path(__file__).with_name(program))], place)

    def python(self, program: str, environment: str) -> Child:
        """A program in Python with an environment of its own. Raises Missing."""
        place = self._installed(f"{environment}/bin/python")
        return self._start([str(place / environment / "bin/python"), str(Path(__file__).with_name(program))], place)

    def _installed(self, what: str) -> Path:
        if self.place is None:
            raise Missing("PEERS_DIR names no directory; see bench/peers/setup.sh")
        if not (self.place / what).exists():
            raise Missing(f"{what} is not in PEERS_DIR; see bench/peers/setup.sh")
        return self.place

    def _start(self, command: list[str], place: Path) -> Child:
        env = os.environ | {"PEERS_DIR": str(place), "CORPUS": str(self.texts), "AUTHORS": str(self.authors)}
        try:
            return Child(command, self.directory.with_suffix(".log"), env)
        except FileNotFoundError as error:
            raise Missing(f"there is no {error.filename} here") from None


def live(sender: Child, receiver: Child, count: int, n: int) -> Line:
    """The row `live`: so many records, one after another, from said on one side to stored on the other; n were there before."""
    receiver.ask("live")
    took = []
    for i in range(count):
        said = sender.ask("publish", i)["at"]
        took.append(receiver.read()["at"] - said)
    return quantiles("live", took, of=n)


def started(n: int, began: float, child: Child) -> Line:
    """The row `start` of a program spawned at `began` (perf_counter) that is ready now with n records."""
    wall = round(time.perf_counter() - began, 3)
    return {"name": "start", "n": n, "wall": wall, "cpu": [round(cpu_seconds(child.pid), 2)], "rss": [peak_memory(child.pid)], "info": {}}


def taken(directory: Path, payload: int) -> float:
    """What a directory takes on the disk, as a multiple of the texts in it. Room set aside or left out in a file does not count."""
    found = [path.lstat() for path in directory.rglob("*")]
    return round(sum(min(each.st_size, each.st_blocks * 512) for each in found) / payload, 3)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
