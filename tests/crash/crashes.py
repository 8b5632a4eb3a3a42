"""kill −9 at random moments, and what is true afterwards: nothing acknowledged is lost or there twice, the home is soon ready again."""

import json
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import trio

from p2plearn.node.service.service import Service
from p2plearn.protocol.records import parse
from tests.node.rebuilt import assert_like_rebuilt

READY_WITHIN = 2.0  # seconds
_LONGEST = 1.5  # seconds of writing before the kill


class Victim:
    """One home that is killed again and again. Every kill is drawn from `seed` and its number."""

    def __init__(self, home: Path, seed: int) -> None:
        self.home = home
        self.seed = seed
        self.held: set[str] = set()  # acknowledged
        self.gone: set[str] = set()  # acknowledged as forgotten
        self.unsure: set[str] = set()  # being forgotten when the kill came: either will do

    def crash(self, number: int) -> None:
        """Write, kill, look."""
        chance = random.Random(f"{self.seed} {number}")
        if chance.random() < 0.25:
            self._kill_command(chance)
        else:
            self._kill_writer(chance)
        trio.run(self._look)

    def check_indexes(self) -> None:
        """At the end: everything derived is what the records give from scratch."""

        async def look() -> None:
            async with Service.open(self.home) as service:
                assert not service._keeper.store.problem()
                assert_like_rebuilt(service._keeper.store)

        trio.run(look)

    def _kill_writer(self, chance: random.Random) -> None:
        command = [sys.executable, "-m", "tests.crash.writer", str(self.home), str(chance.randrange(2**32))]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            killer = threading.Timer(chance.random() * _LONGEST, process.kill)
            killer.start()
            for line in process.stdout:
                if line.endswith("\n"):
                    self._note(*line.split())
            assert process.wait() == -9, "the writer ended by itself"

    def _kill_command(self, chance: random.Random) -> None:
        """A command of a person; it has said so when it printed the id."""
        arguments = ["share", "--json", "--title", "By command", "--topic", "crash", "text"]
        command = [sys.executable, "-m", "p2plearn_cli", "--home", str(self.home), *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            threading.Timer(chance.random() * _LONGEST, process.kill).start()
            answer = process.stdout.read()
            if answer.endswith("\n"):
                self._note("held", json.loads(answer)["id"])

    def _note(self, word: str, *ids: str) -> None:
        match word:
            case "held":
                self.held.update(ids)
            case "forgetting":
                self.unsure.update(ids)
            case "forgotten":
                self.gone.update(ids)

    async def _look(self) -> None:
        started = time.perf_counter()
        async with Service.open(self.home) as service:
            status = await service.status()
            assert time.perf_counter() - started < READY_WITHIN
            store = service._keeper.store
            records = [parse(raw) for raw in store.everything()]
            ids = {record.id.hex() for record in records}
            assert len(ids) == len(records) == status["records"], "a record is there twice"
            assert not (lost := self.held - self.unsure - ids), f"acknowledged and lost: {sorted(lost)}"
            assert not (back := self.gone & ids), f"forgotten and there: {sorted(back)}"
            own = [record.seq for record in records if record.author == service._keeper.author]
            assert len(own) == len(set(own)), "a seq was used twice"
            taken = await service._keeper.take([record.raw for record in records[-50:]], "peer")
            assert (taken.known, taken.new) == (len(records[-50:]), [])


def run(home: Path, seed: int, moments: int) -> int:
    """Kill `moments` times; how many acknowledged records came through it all. Raises AssertionError with the seed printed before."""
    print(f"seed {seed}", flush=True)
    victim = Victim(home, seed)
    for number in range(moments):
        print(f"moment {number}", flush=True)
        victim.crash(number)
    victim.check_indexes()
    return len(victim.held)
