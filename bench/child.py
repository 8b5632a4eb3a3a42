"""A program that is asked by lines on its standard input and answers each with one line of JSON: our nodes, and the peers."""

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

Answer: TypeAlias = dict[str, Any]

_STOP = 10.0  # seconds that a program may take to end
_TAIL = 300  # bytes of its last words that an error shows


class ChildFailed(Exception):
    """The program ended, was silent for too long, or answered with an error."""


class Child:
    """One such program, for as long as the block runs. What it says on stderr goes to `log`."""

    def __init__(self, command: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None, keep: Sequence[int] = ()) -> None:
        """`keep`: file descriptors that it inherits."""
        self._log = log
        self._waiting = b""
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=env, pass_fds=keep
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def ask(self, *words: object, patience: float = 600.0) -> Answer:
        """Send one command and wait for the answer. Raises ChildFailed."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(" ".join(map(str, words)).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise ChildFailed(self._last_words()) from None
        return self.read(patience)

    def read(self, patience: float = 600.0) -> Answer:
        """The next line of JSON; others are passed over. Raises ChildFailed."""
        deadline = time.monotonic() + patience
        while True:
            line, found, rest = self._waiting.partition(b"\n")
            if not found:
                self._waiting += self._more(deadline)
                continue
            self._waiting = rest
            if line.startswith(b"{"):
                answer: Answer = json.loads(line)
                if "error" in answer:
                    raise ChildFailed(answer["error"])
                return answer

    def stop(self) -> None:
        """End it: as it likes, or at once when it takes too long."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(b"quit\n")
            self._process.stdin.close()
        try:
            self._process.wait(_STOP)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
        self._process.stdout.close()

    def _more(self, deadline: float) -> bytes:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise ChildFailed("it was silent for too long")
        data = os.read(descriptor, 1 << 16)
        if not data:
            raise ChildFailed(self._last_words())
        return data

    def _last_words(self) -> str:
        return "it ended: " + self._log.read_bytes()[-_TAIL:].decode(errors="replace").strip().replace("\n", " | ")
