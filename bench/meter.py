"""What a measure costs: wall time, CPU of processes, bytes on the loopback interface, memory. Linux only.

For honest wire bytes the whole benchmark runs in a network namespace of its own, where the counter is ours alone.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
    """(bytes, packets) sent over the loopback interface so far."""
    for line in Path("/proc/net/dev").read_text().splitlines():
        name, _, counters = line.partition(":")
        if name.strip() == "lo":
            fields = counters.split()
            return int(fields[8]), int(fields[9])
    return 0, 0


def cpu_seconds(pid: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def peak_memory(pid: int) -> int:
    """The largest resident size of a process so far, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) // 1024
    return 0


class Meter:
    """Measures from its making until `line`."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids
        self._cpu = [cpu_seconds(pid) for pid in pids]
        self._wire = loopback()
        self._began = time.perf_counter()

    def line(self, name: str, n: int, payload: int, **more: Any) -> dict[str, Any]:
        """One measure, printed as a JSON line. `payload`: bytes of the records that moved."""
        wall = time.perf_counter() - self._began
        sent, packets = (after - before for after, before in zip(loopback(), self._wire, strict=True))
        measure = {
            "name": name,
            "n": n,
            "wall": round(wall, 3),
            "rec_s": round(n / wall, 1),
            "cpu": [round(cpu_seconds(pid) - before, 2) for pid, before in zip(self._pids, self._cpu, strict=True)],
            "wire": sent,
            "payload": payload,
            "ratio": round(sent / payload, 3) if payload else None,
            "pkts": packets,
            "rss": [peak_memory(pid) for pid in self._pids],
            **more,
        }
        print(json.dumps(measure), flush=True)
        return measure
