"""Records and homes for measures, made fast: signed on all cores, kept in files, put into a store without a node.

Signing a hundred thousand records takes longer than most measures; with a directory that stays (`--cache DIR`) it happens once.
Stores are made anew in each run, so that they are always those of the program that is measured.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeVar

import trio

from bench import corpus
from p2plearn import identity
from p2plearn.clock import SystemClock
from p2plearn.node.service.service import open_keeper
from p2plearn.paths import Home
from p2plearn.protocol.records import parse
from p2plearn.testing.authors import Author

EXTRA = 100  # new records on each side, beyond the first n
_BATCH = 500
_TOPICS = 20

T = TypeVar("T")


class Shelf:
    """`n` records by `authors` people in turn, and EXTRA more for either side by half of the people each: a chain grows in one place."""

    def __init__(self, directory: Path, n: int, authors: int) -> None:
        self.n, self.authors = n, authors
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._store: Path | None = None

    def records(self) -> list[bytes]:
        """The raw bytes of the first n, in order."""
        return list(islice(self._read(), self.n))

    def fresh(self, side: int) -> list[bytes]:
        """The raw bytes of what is new on side 0 or 1."""
        first = self.n + side * EXTRA
        return list(islice(self._read(), first, first + EXTRA))

    def payload(self) -> int:
        """Bytes of the first n texts."""
        return corpus.payload(0, self.n)

    def home(self, path: Path, *, side: int | None = None) -> Home:
        """A new home at `path` that holds the first n, indexed, and what is new on `side`."""
        if self._store is None:
            template = empty_home(path.parent / f"{path.name}-template")
            fill(template, self.records())
            self._store = template.store
        home = empty_home(path)
        shutil.copyfile(self._store, home.store)
        if side is not None:
            fill(home, self.fresh(side))
        return home

    def kept(self, name: str, make: Callable[[], Iterable[bytes]]) -> Iterator[bytes]:
        """The raw records in the file of that name, made now where there is none."""
        path = self._directory / f"{name}.bin"
        if not path.exists():
            draft = path.with_suffix(".draft")
            with draft.open("wb") as file:
                for raw in make():
                    file.write(len(raw).to_bytes(4, "little") + raw)
            draft.replace(path)
        with path.open("rb") as file:
            while size := file.read(4):
                yield file.read(int.from_bytes(size, "little"))

    def _read(self) -> Iterator[bytes]:
        return self.kept(f"records-{self.n}-{self.authors}", self._make)

    def _make(self) -> list[bytes]:
        numbers: dict[int, list[int]] = {}
        for i in range(self.n + 2 * EXTRA):
            numbers.setdefault(self._author(i), []).append(i)
        with ProcessPoolExecutor(os.cpu_count()) as pool:
            chains = pool.map(_chain, numbers, numbers.values(), chunksize=1 + len(numbers) // 32)
            signed = {i: raw for chain, raws in zip(numbers.values(), chains, strict=True) for i, raw in zip(chain, raws, strict=True)}
        return [raw for _, raw in sorted(signed.items())]

    def _author(self, i: int) -> int:
        if i < self.n or self.authors == 1:
            return i % self.authors
        side = (i - self.n) // EXTRA
        return (i * 2 + side) % (self.authors // 2 * 2)


def _chain(author: int, numbers: Sequence[int]) -> list[bytes]:
    """One person's records about these texts."""
    person = Author(f"author {author}")
    return [person.share(f"Text {i}", corpus.text(i), topics=(f"topic {i % _TOPICS}",)).raw for i in numbers]


def empty_home(path: Path) -> Home:
    """A home with keys and nothing else."""
    path.mkdir(parents=True, exist_ok=True)
    home = Home(path)
    identity.load_or_create(home)
    return home


def fill(home: Home, raws: Iterable[bytes]) -> None:
    """Put good records into the store of a home that no node has open, and index them."""

    async def main() -> None:
        clock = SystemClock()
        async with open_keeper(home, clock) as (keeper, _):
            for batch in batches(raws):
                keeper.store.commit([parse(raw) for raw in batch], clock.now_ms())
            await keeper.index_all()

    trio.run(main)


def batches(items: Iterable[T], size: int = _BATCH) -> Iterator[list[T]]:
    """`items` in lists of `size`."""
    waiting = iter(items)
    while batch := list(islice(waiting, size)):
        yield batch
