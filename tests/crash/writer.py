"""`python -m tests.crash.writer HOME SEED`: writes to a home until somebody kills it, and says what it may be held to.

A line on stdout is written when, and only when, the thing it names is acknowledged. Peers' batches come in while this home's author speaks,
the indexes fill and things are forgotten, all at once.
"""

import random
import sys
from pathlib import Path

import trio

from p2plearn.node import upkeep
from p2plearn.node.service.service import Service
from p2plearn.testing.authors import Author


async def main(home: Path, chance: random.Random) -> None:
    async with Service.open(home) as service, trio.open_nursery() as nursery:
        await service.status()
        say("ready")
        nursery.start_soon(speak, service, chance)
        nursery.start_soon(take, service, chance)
        nursery.start_soon(forget, service, chance)
        nursery.start_soon(upkeep.index, service._keeper)
        nursery.start_soon(upkeep.check_signatures, service._keeper)


async def speak(service: Service, chance: random.Random) -> None:
    while True:
        text = " ".join(f"word{chance.randrange(500)}" for _ in range(chance.randrange(1, 200)))
        if chance.random() < 0.5:
            asked = (await service.ask(title="Why?", text=text, topics=["crash"]))["id"]
            say("held", asked)
            say("held", (await service.solve(asked))["id"])
        else:
            say("held", (await service.share(title="So", text=text, topics=["crash"]))["id"])


async def take(service: Service, chance: random.Random) -> None:
    """Batches of a stranger, in any order, some of it twice."""
    stranger = Author(f"stranger {chance.random()}")
    while True:
        batch = [stranger.share(f"number {stranger.seq}", "text " * chance.randrange(300)) for _ in range(chance.randrange(1, 60))]
        taken = await service._keeper.take([record.raw for record in chance.choices(batch, k=len(batch) + 5)], "peer")
        say("held", *(record.id.hex() for record in taken.new))


async def forget(service: Service, chance: random.Random) -> None:
    while True:
        await trio.sleep(chance.random() * 0.05)
        recent = (await service.feed(limit=20))["items"]
        if recent:
            target = chance.choice(recent)["id"]
            say("forgetting", target)
            await service.forget(target)
            say("forgotten", target)


def say(*words: str) -> None:
    """One write for one line: a killed process leaves whole lines, or none."""
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]), random.Random(int(sys.argv[2])))
