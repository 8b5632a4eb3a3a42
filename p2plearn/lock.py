"""One process per home: an advisory lock on the file `lock`, let go by the system however the process ends. Holds the owner's number."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator

from p2plearn import limits
from p2plearn.errors import FileUnwritable, HomeLocked
from p2plearn.paths import Home, reason_of


class Patience:
    """How long somebody waits in vain: LOCK_TIMEOUT since the lock last changed hands. A crowd that takes turns may need more."""

    PAUSE = 0.005  # seconds between two tries, which is what a crowd of commands loses between one and the next

    def __init__(self, home: Home) -> None:
        self._home = home
        self._owner = self._read_owner()
        self._since = time.monotonic()

    @property
    def over(self) -> bool:
        """Whether the same process has had the lock for too long; to be asked after each try."""
        owner, now = self._read_owner(), time.monotonic()
        if owner != self._owner:
            self._owner, self._since = owner, now
        return now - self._since >= limits.LOCK_TIMEOUT

    def _read_owner(self) -> bytes:
        try:
            return self._home.lock.read_bytes()
        except OSError:
            return b""


@contextlib.contextmanager
def locked(home: Home) -> Iterator[None]:
    """Hold the home's lock. Raises HomeLocked at once when another process has it, FileUnwritable when the file cannot be made."""
    home.prepare()
    try:
        descriptor = os.open(home.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise FileUnwritable(path=home.lock, reason=reason_of(error)) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HomeLocked from None
        except OSError as error:
            raise FileUnwritable(path=home.lock, reason=f"this disk has no locks, {reason_of(error)}") from None
        with contextlib.suppress(OSError):  # the number is for people to read; a full disk has no room even for that
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
