"""Two who helped, one who only asked and a newcomer want much of one busy node at once: real processes, and ranks from real records."""

import os
import socket
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import trio

from p2plearn.client import Client
from p2plearn.clock import SystemClock
from p2plearn.limits import MiB
from p2plearn.node.service.service import open_keeper
from p2plearn.paths import Home
from p2plearn.testing.authors import Author
from p2plearn.testing.laptops import Laptop, eventually, laptops

SLOW_LINE = (sys.executable, str(Path(__file__).with_name("slow_line.py")))
NAMES = ("busy", "ruben", "ida", "leecher", "newcomer")
RECORDS, FILE = 1_800, 24 * MiB

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.network]


@pytest.fixture
def found(tmp_path: Path) -> Iterator[list[Laptop]]:
    with laptops(tmp_path, *NAMES) as made:
        yield made


def test_what_a_busy_node_gives_follows_the_rank(found: list[Laptop], tmp_path: Path) -> None:
    busy, ruben, ida, leecher, newcomer = found
    busy.up()
    for helper in (ruben, ida):
        is_helped(busy, helper)
    is_helped(leecher, busy)
    busy.stop()
    film = much_to_fetch(busy, tmp_path)

    with laptops(tmp_path, "busy") as (slow,), ThreadPoolExecutor(len(NAMES)) as together:
        slow._within = SLOW_LINE
        slow.up(port=a_free_port())  # where those who were here before do not look for it
        assert {person["author"] for person in Client(slow.home).call("rank")["ranking"] if person["score"] > 0} == {
            author(ruben),
            author(ida),
        }
        guests = [ruben, ida, leecher, newcomer]
        list(together.map(Laptop.up, guests))
        list(together.map(lambda guest: Client(guest.home).call("connect", address=slow.address), guests))
        follows_the_rank(guests, records, RECORDS)
        eventually(lambda: all(holds(guest, film["snippet"]) for guest in guests), within=60)
        fetching = [together.submit(guest.run, "attachment", film["cid"], str(tmp_path / f"{guest.home.name}.film")) for guest in guests]
        follows_the_rank(guests, blocks, FILE)
        assert all(one.result().returncode == 0 for one in fetching), "nobody is refused"


def is_helped(asker: Laptop, helper: Laptop) -> None:
    """A question, an answer that came in time, and who it was that helped. One of the two is up already."""
    guest, host = (helper, asker) if asker.ready else (asker, helper)
    guest.up("--connect", host.address)
    asked = asker.cli("ask", "--title", "Why?", "--topic", "x", "Tell me.")["id"]
    eventually(lambda: holds(helper, asked))
    answer = helper.cli("reply", asked, "--type", "answer", "Because.")["id"]
    eventually(lambda: holds(asker, answer))
    asker.cli("solve", asked, "--by", answer, "Now I see.")
    guest.stop()


def much_to_fetch(laptop: Laptop, directory: Path) -> dict[str, str]:
    """Fill a laptop that is down with records of others, and a film."""
    raws = [who.share(f"{n}", os.urandom(200).hex()).raw for who in map(Author, "abcdef") for n in range(RECORDS // 6)]

    async def fill() -> None:
        async with open_keeper(Home(laptop.home), SystemClock()) as (keeper, _):
            await keeper.take(raws, None)

    trio.run(fill)
    file = directory / "film.mp4"
    file.write_bytes(os.urandom(FILE))
    shared = laptop.cli("share", "--title", "Film", "--topic", "x", "--attach", f"{file}=a film", "See there.")
    return {"snippet": shared["id"], "cid": laptop.cli("show", shared["id"])["attachments"][0]["cid"]}


def follows_the_rank(guests: list[Laptop], progress: Callable[[Laptop], int], whole: int) -> None:
    """Of what they got while all of them still waited for more."""

    def so_far() -> list[int]:
        return [progress(guest) for guest in guests]

    before = eventually(lambda: min(now := so_far()) > 0.05 * whole and now, within=60, every=0.01)
    after = eventually(lambda: max(now := so_far()) > 0.75 * whole and now, within=60, every=0.01)
    assert max(after) < whole
    got = [late - early for late, early in zip(after, before, strict=True)]
    ruben, ida, leecher, newcomer = (each / sum(got) for each in got)
    print(f"{progress.__name__}: {ruben:.2f} {ida:.2f} to those who helped, {leecher:.2f} {newcomer:.2f} to the others")
    assert min(ruben, ida) > 1.4 * max(leecher, newcomer)
    assert leecher + newcomer >= 0.15


def records(guest: Laptop) -> int:
    return int(Client(guest.home).call("status")["records"])


def blocks(guest: Laptop) -> int:
    """Bytes of files that are here so far."""
    return sum(path.stat().st_size for path in (guest.home / "blocks").rglob("*") if path.is_file() and "incoming" not in path.parts)


def holds(laptop: Laptop, record_id: str) -> bool:
    return laptop.run("show", record_id).returncode == 0


def author(laptop: Laptop) -> str:
    return str(laptop.cli("status")["author"])


def a_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
