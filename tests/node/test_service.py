"""The façade as a whole: it opens and closes, remembers, and stays quick."""

import time
from pathlib import Path

import pytest

from p2plearn.errors import HomeLocked
from p2plearn.node.service.service import Service
from p2plearn.testing.authors import Author


async def test_what_was_said_is_there_when_the_home_is_opened_again(tmp_path: Path) -> None:
    async with Service.open(tmp_path) as service:
        shared = (await service.share(title="Note", text="text", topics=["x"]))["id"]
        status = await service.status()
    async with Service.open(tmp_path) as service:
        assert (await service.show(shared))["text"] == "text"
        assert await service.status() == status


async def test_a_home_is_open_once(tmp_path: Path) -> None:
    async with Service.open(tmp_path):
        with pytest.raises(HomeLocked):
            async with Service.open(tmp_path):
                pass
    async with Service.open(tmp_path):
        pass


async def test_an_error_closes_the_home(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="a bug"):
        await _fail(tmp_path)
    async with Service.open(tmp_path) as service:
        assert (await service.status())["records"] == 1


async def _fail(home: Path) -> None:
    async with Service.open(home) as service:
        await service.share(title="Note", text="text", topics=["x"])
        raise RuntimeError("a bug")


async def test_names_are_folded_once_for_any_number_of_people(tmp_path: Path) -> None:
    async with Service.open(tmp_path) as service:
        people = [Author(f"person {n}") for n in range(300)]
        await service._keeper.take([person.profile().raw for person in people], "peer")
        assert len(await service._lookup.names()) == 300
        started = time.perf_counter()
        for _ in range(1000):
            await service._lookup.names()
        assert time.perf_counter() - started < 1  # 300 profiles a thousand times would take ten
