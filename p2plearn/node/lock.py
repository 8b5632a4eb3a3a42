"""One process per home: an advisory lock on the file `lock`, let go by the system however the process ends. Holds the owner's number."""

import contextlib
import fcntl
import os
from collections.abc import Iterator

from p2plearn.errors import FileMissing, HomeLocked
from p2plearn.paths import Home, reason_of


@contextlib.contextmanager
def locked(home: Home) -> Iterator[None]:
    """Hold the home's lock. Raises HomeLocked at once when another process has it, FileMissing when the file cannot be made."""
    home.prepare()
    try:
        descriptor = os.open(home.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise FileMissing(path=home.lock, reason=reason_of(error)) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HomeLocked from None
        except OSError as error:
            raise FileMissing(path=home.lock, reason=f"this disk has no locks, {reason_of(error)}") from None
        with contextlib.suppress(OSError):  # the number is for people to read; a full disk has no room even for that
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
