"""What a measure costs: wall time, CPU of processes, bytes on the loopback interface, memory. Linux only.

For honest wire bytes the whole benchmark runs in a network namespace of its own, where the counter is ours alone.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

Line: TypeAlias = dict[str, Any]
Wire: TypeAlias = Callable[[], tuple[int, int]]

_TICK = os.sysconf("SC_CLK_TCK")
_INSIDE = "P2PLEARN_BENCH_NAMESPACE"


def in_own_namespace() -> None:
    """Start this program again in a fresh network namespace, if that is allowed here; returns within it, or at once where it is not."""
    if os.environ.get(_INSIDE) or os.geteuid() != 0:
        return
    command = ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$0" "$@"', sys.executable, "-m", "bench", *sys.argv[1:]]
    done = subprocess.run(command, env=os.environ | {_INSIDE: "1"}, check=False)
    sys.exit(done.returncode)


def loopback() -> tuple[int, int]:
    """(bytes, packets) sent over the loopback interface so far, both directions, headers included."""
    for line in Path("/proc/net/dev").read_text().splitlines():
        name, _, counters = line.partition(":")
        if name.strip() == "lo":
            fields = counters.split()
            return int(fields[8]), int(fields[9])
    return 0, 0


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and of those that it started."""
    return sum(int(time) for family in _family(pid) for time in family[11:15]) / _TICK


def peak_memory(pid: int | str) -> int:
    """The largest resident size of a process (or of “self”) and of those that it started, as far as they are there, in MiB."""
    return sum(_resident(f"/proc/{family[-1]}/status") for family in _family(pid)) // 1024


def _family(pid: int | str) -> list[list[str]]:
    """The fields of /proc/PID/stat behind the name, and the pid last, of a process and its children."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            number, _, rest = place.joinpath("stat").read_text().partition(" (")
        except OSError:  # it has ended meanwhile
            continue
        fields = [*rest.rpartition(")")[2].split(), number]
        if number == str(os.getpid() if pid == "self" else pid) or fields[1] == str(pid):
            found.append(fields)
    return found


def _resident(status: str) -> int:
    """The largest resident size in KiB."""
    with contextlib.suppress(OSError):
        for line in Path(status).read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1])
    return 0


class Meter:
    """Measures from its making until `stop`. `pids`: sender, receiver; `wire` tells bytes and packets (or writes) so far."""

    def __init__(self, pids: Sequence[int], wire: Wire = loopback) -> None:
        self._pids = pids
        self._read_wire = wire
        self._cpu = self.cpu()
        self._wire = wire()
        self._stopped: tuple[float, list[float]] | None = None
        self._began = time.perf_counter()

    def stop(self) -> None:
        """Time and CPU count until now. Bytes go on counting until `line`: what belongs to a measure may still be under way."""
        self._stopped = self.since(), self.cpu_since()

    def cpu(self) -> list[float]:
        """CPU seconds of the processes so far."""
        return [cpu_seconds(pid) for pid in self._pids]

    def since(self) -> float:
        """Seconds since it was made."""
        return time.perf_counter() - self._began

    def cpu_since(self) -> list[float]:
        """CPU seconds of the processes since it was made."""
        return [round(now - before, 2) for now, before in zip(self.cpu(), self._cpu, strict=True)]

    def line(self, name: str, n: int, payload: int, **info: Any) -> Line:
        """One measure as a line: `n` records with `payload` bytes of text moved."""
        if self._stopped is None:
            self.stop()
        assert self._stopped is not None
        wall, cpu = self._stopped
        sent, packets = (after - before for after, before in zip(self._read_wire(), self._wire, strict=True))
        return {
            "name": name,
            "n": n,
            "wall": round(wall, 3),
            "rec_s": round(n / wall, 1),
            "cpu": cpu,
            "wire": sent,
            "payload": payload,
            "ratio": round(sent / payload, 3) if payload else None,
            "pkts": packets,
            "rss": [peak_memory(pid) for pid in self._pids],
            "info": info,
        }


def show(line: Line) -> Line:
    """Print a measure as one line of JSON."""
    print(json.dumps(line), flush=True)
    return line


def quantiles(name: str, seconds: Sequence[float], **more: Any) -> Line:
    """A line about how long something took each time: median and 99th percentile, in milliseconds."""
    ms = sorted(second * 1000 for second in seconds)
    p50, p99 = (round(ms[int(len(ms) * part)], 2) if ms else None for part in (0.5, 0.99))
    return {"name": name, "n": len(ms), "p50": p50, "p99": p99, **more}
