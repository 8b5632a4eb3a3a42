"""Where time comes from, so that tests can say what time it is. Knows nothing of any other module."""

import time
from typing import Protocol


class Clock(Protocol):
    """A source of the two kinds of time a node needs."""

    def now_ms(self) -> int:
        """Wall-clock time, ms since 1970. May be wrong by years and may jump."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""


class SystemClock:
    """The machine's own clocks."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()
