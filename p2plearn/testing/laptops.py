"""Laptops for tests and demonstrations that need real ones: a home each, the program as a person runs it, killed when it must be.

Everything goes through the command line and its JSON, so what is tested is what people use. Only processes started here are ever ended.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_START = 30.0  # seconds that a node may take until it is ready, on a machine that does much else
_COMMAND = 60.0


class CommandFailed(Exception):
    """A command ended with another exit code than 0. `code` is it, `error` the object it printed."""

    def __init__(self, arguments: tuple[str, ...], code: int, error: dict[str, Any], stderr: str) -> None:
        self.code = code
        self.error = error
        super().__init__(f"p2plearn {' '.join(arguments)} → exit {code}: {error or stderr}")


class Laptop:
    """One home, and at most one node process for it."""

    def __init__(self, home: Path, host: str = "127.0.0.1", within: tuple[str, ...] = ()) -> None:
        """`host`: the IPv4 address the node listens on. `within`: words before the command, as `ip netns exec NAME`."""
        self.home = home
        self._host = host
        self._within = within
        self.ready: dict[str, Any] = {}
        self._process: subprocess.Popen[str] | None = None
        home.parent.mkdir(parents=True, exist_ok=True)

    def __repr__(self) -> str:
        state = "up" if self._process and self._process.poll() is None else "down"
        return f"<Laptop {self.home.name} {state}>"

    @property
    def pid(self) -> int:
        """The process id of the node that is up."""
        assert self._process is not None, f"{self} is not up"
        return self._process.pid

    @property
    def address(self) -> str:
        """Where others reach this laptop's node."""
        return str(self.ready["addresses"][0])

    def up(self, *options: str, port: int = 0) -> dict[str, Any]:
        """Start the node on its one address and wait until it says it is ready; that event. Raises CommandFailed."""
        log = self.home.with_suffix(".log").open("a")
        listen = ("--no-mdns", "--listen", f"/ip4/{self._host}/tcp/{port}")
        command = [*self._within, *_program(), "--home", str(self.home), "--json", "up", *listen, *options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=_environment())  # noqa: S603  # our own program
        log.close()
        assert self._process.stdout is not None
        line = self._process.stdout.readline()  # ends with the process at the latest
        event = json.loads(line) if line else {}
        if event.get("event") != "ready":
            raise CommandFailed(("up", *options), self.wait(), event.get("error", {}), self.log())
        self.ready = event
        return self.ready

    def log(self) -> str:
        """What the node said on stderr so far."""
        path = self.home.with_suffix(".log")
        return path.read_text() if path.exists() else ""

    def run(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """One command, whatever comes of it."""
        command = [*_program(), "--home", str(self.home), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=_COMMAND, env=_environment(), input=stdin, check=False)  # noqa: S603  # our own program

    def cli(self, *arguments: str, stdin: str | None = None) -> dict[str, Any]:
        """The JSON that one command prints. Raises CommandFailed."""
        done = self.run("--json", *arguments, stdin=stdin)
        answer: dict[str, Any] = json.loads(done.stdout) if done.stdout.strip() else {}
        if done.returncode:
            raise CommandFailed(arguments, done.returncode, answer.get("error", {}), done.stderr)
        return answer

    def kill(self) -> None:
        """End the node at once, as a power cut does."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """End the node as a person does; its exit code."""
        return self._end(signal.SIGTERM)

    def wait(self) -> int:
        """Wait until the node has ended by itself; its exit code."""
        return self._end(None)

    def _end(self, number: signal.Signals | None) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        if number is not None:
            process.send_signal(number)
        code = process.wait(timeout=_START)
        assert process.stdout is not None
        process.stdout.close()
        return code


@contextmanager
def laptops(directory: Path, *names: str) -> Iterator[list[Laptop]]:
    """Laptops, none of them up yet; all of them ended afterwards."""
    found = [Laptop(directory / name) for name in names]
    try:
        yield found
    finally:
        for laptop in found:
            laptop.kill()


def eventually(condition: Callable[[], Any], within: float = 20.0, every: float = 0.05) -> Any:
    """What `condition` gives once it is true. Raises AssertionError when it takes longer than `within` seconds."""
    deadline = time.monotonic() + within
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"still not so after {within} s; the last look gave {value!r}")
        time.sleep(every)
    return value


def same_set(*found: Laptop) -> bool:
    """Whether all hold the same records of the commons."""
    return len({laptop.cli("status")["fingerprint"] for laptop in found}) == 1


def _program() -> list[str]:
    return [sys.executable, "-m", "p2plearn_cli"]


def _environment() -> dict[str, str]:
    """This environment without settings of the person who runs the tests."""
    return {key: value for key, value in os.environ.items() if not key.startswith("P2PLEARN_")} | {"NO_COLOR": "1"}
