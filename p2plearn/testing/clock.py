"""A clock that stands still until a test turns it."""

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z


class FakeClock:
    """A `p2plearn.clock.Clock`. Both times advance together; `jump` moves the wall clock alone, as somebody who sets it does."""

    def __init__(self, now_ms: int = START_MS) -> None:
        self._now_ms = now_ms
        self._monotonic = 0.0

    def __repr__(self) -> str:
        return f"FakeClock({self._now_ms})"

    def now_ms(self) -> int:
        """Wall-clock time, ms since 1970."""
        return self._now_ms

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now_ms += round(seconds * 1000)
        self._monotonic += seconds

    def jump(self, now_ms: int) -> None:
        """Somebody set the wall clock."""
        self._now_ms = now_ms
