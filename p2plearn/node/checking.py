"""Checking many signatures: in threads, or, in a running node, in processes of their own.

libsodium lets go of Python's lock for each check, and must get it back from whoever computes meanwhile: with a busy event loop that takes
longer than the check. A process has a lock of its own. One that fails costs nothing but time: threads do its part.

Knows records, and nothing of where they come from.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from functools import partial

import structlog
import trio

from p2plearn import limits
from p2plearn.node.checker import COUNT
from p2plearn.protocol.admission import is_signed
from p2plearn.protocol.records import Record

_log = structlog.get_logger(__name__)

_CORES = min(os.cpu_count() or 1, limits.CHECK_CORES)


class Checking:
    """What a keeper has its signatures checked by. Threads, until `run` is running."""

    def __init__(self) -> None:
        self._helpers: list[_Helper] = []
        self._last = 0.0

    def __repr__(self) -> str:
        return f"<Checking with {sum(helper.is_up for helper in self._helpers)} helpers>"

    async def run(self) -> None:
        """For as long as a node runs: processes are started when there is much to check, and ended when there was nothing for a while."""
        self._helpers = [_Helper() for _ in range(_CORES)]
        try:
            while True:
                await trio.sleep(limits.CHECKER_IDLE)
                if trio.current_time() > self._last + limits.CHECKER_IDLE:
                    await self._end_all(self._helpers)
        finally:
            helpers, self._helpers = self._helpers, []
            with trio.CancelScope(shield=True):
                await self._end_all(helpers)

    async def check(self, records: Sequence[Record]) -> list[bool]:
        """Whether each signature holds, in order; on all cores."""
        part = -(-len(records) // _CORES) or 1
        parts = [records[first : first + part] for first in range(0, len(records), part)]
        found: list[list[bool]] = [[] for _ in parts]

        async def one(number: int) -> None:
            found[number] = await self._check(number, parts[number])

        self._last = trio.current_time()
        async with trio.open_nursery() as nursery:
            for number in range(len(parts)):
                nursery.start_soon(one, number)
        return [holds for part_found in found for holds in part_found]

    async def _check(self, number: int, records: Sequence[Record]) -> list[bool]:
        if len(records) > limits.CHECK_FEW and number < len(self._helpers):
            try:
                return await self._helpers[number].check(records)
            except (OSError, trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError, EOFError) as error:
                _log.warning("a process that checks signatures is gone; threads go on", reason=str(error))
        return await trio.to_thread.run_sync(lambda: list(map(is_signed, records)))

    async def _end_all(self, helpers: Sequence["_Helper"]) -> None:
        for helper in helpers:
            await helper.end()


class _Helper:
    """One process, started when it is needed. It answers one request at a time."""

    def __init__(self) -> None:
        self._process: trio.Process | None = None
        self._turn = trio.Lock()

    @property
    def is_up(self) -> bool:
        return self._process is not None

    async def check(self, records: Sequence[Record]) -> list[bool]:
        """Raises OSError, EOFError, trio.BrokenResourceError, trio.ClosedResourceError or trio.TooSlowError: then it is ended."""
        async with self._turn:
            done = False
            try:
                with trio.fail_after(limits.CHECKER_TIMEOUT):
                    answer = await self._ask(records)
                done = True
            finally:
                if not done:  # also when somebody gave up waiting: the next answer would be to this request
                    await self._end()
        return [bool(byte) for byte in answer]

    async def end(self) -> None:
        """End it when it has answered."""
        async with self._turn:
            await self._end()

    async def _ask(self, records: Sequence[Record]) -> bytes:
        if self._process is None:
            command = [sys.executable, "-P", "-m", "p2plearn.node.checker"]  # not what lies in the current directory
            start = partial(trio.lowlevel.open_process, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self._process = await start(command)
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None
        assert answers is not None
        asked = [record.author + record.raw for record in records]
        await requests.send_all(b"".join([COUNT.pack(len(asked)), *(COUNT.pack(len(one)) for one in asked), *asked]))
        answer = b""
        while len(answer) < len(asked):
            more = await answers.receive_some()
            if not more:
                raise EOFError("it ended in the middle")
            answer += more
        return answer

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with trio.CancelScope(shield=True):
                process.kill()
                await process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with trio.CancelScope() as now:
                        now.cancel()
                        await stream.aclose()
