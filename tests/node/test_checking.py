"""Signatures checked in processes of their own: the same answers as threads give, whatever becomes of the processes."""

import io
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from p2plearn import limits
from p2plearn.node.checker import COUNT, serve
from p2plearn.node.checking import Checking
from p2plearn.protocol.records import Record, parse
from p2plearn.testing.authors import Author

GOOD = [Author("ada").share(f"{n}", "text") for n in range(60)]
BAD = [parse(bytes(64) + record.raw[64:]) for record in GOOD[::7]]
MIXED = [*GOOD[:30], *BAD, *GOOD[30:]]
EXPECTED = [record.raw[:64] != bytes(64) for record in MIXED]


@asynccontextmanager
async def running() -> AsyncIterator[Checking]:
    checking = Checking()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(checking.run)
        await trio.testing.wait_all_tasks_blocked()
        yield checking
        nursery.cancel_scope.cancel()


def processes(checking: Checking) -> list[int]:
    return [helper._process.pid for helper in checking._helpers if helper._process is not None]


async def test_without_processes_threads_check() -> None:
    checking = Checking()
    assert await checking.check(MIXED) == EXPECTED
    assert await checking.check([]) == []
    assert repr(checking) == "<Checking with 0 helpers>"


async def test_with_much_to_check_processes_do_it_and_they_end_with_the_node() -> None:
    async with running() as checking:
        assert await checking.check(MIXED[:5]) == EXPECTED[:5]
        assert not processes(checking)
        assert await checking.check(MIXED) == EXPECTED
        started = processes(checking)
        assert started
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(checking.check, MIXED)
        assert processes(checking) == started
    for pid in started:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_process_that_is_gone_costs_nothing_but_time() -> None:
    async with running() as checking:
        await checking.check(MIXED)
        for pid in processes(checking):
            os.kill(pid, signal.SIGKILL)
        assert await checking.check(MIXED) == EXPECTED
        assert await checking.check(MIXED) == EXPECTED
        assert processes(checking)  # others took their place


async def test_one_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as checking:
        await checking.check(MIXED)
        silent = processes(checking)
        for pid in silent:
            os.kill(pid, signal.SIGSTOP)
        monkeypatch.setattr(limits, "CHECKER_TIMEOUT", 0.2)
        assert await checking.check(MIXED) == EXPECTED
        assert not set(silent) & set(processes(checking))


async def test_whoever_gives_up_waiting_leaves_no_answer_behind() -> None:
    async with running() as checking:
        await checking.check(GOOD)
        with trio.CancelScope() as scope:
            scope.cancel()
            await checking.check(MIXED)
        assert await checking.check(MIXED) == EXPECTED


async def test_processes_end_when_there_is_nothing_to_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHECKER_IDLE", 0.1)
    async with running() as checking:
        await checking.check(MIXED)
        with trio.fail_after(10):
            while processes(checking):  # noqa: ASYNC110  # what ends them has no event
                await trio.sleep(0.05)
        assert await checking.check(MIXED) == EXPECTED


@given(st.lists(st.sampled_from(MIXED), max_size=9))
def test_the_program_answers_in_order(records: list[Record]) -> None:
    asked = [record.author + record.raw for record in records]
    request = b"".join([COUNT.pack(len(asked)), *(COUNT.pack(len(one)) for one in asked), *asked])
    answers = io.BytesIO()
    serve(io.BytesIO(request * 2 + b"\0\0"), answers)
    assert list(answers.getvalue()) == [record.raw[:64] != bytes(64) for record in records] * 2
