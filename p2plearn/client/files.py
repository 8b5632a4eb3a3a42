"""Files that people name: read with a clear word when they cannot be, written whole or not at all. Knows nothing of what is in them."""

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from p2plearn.errors import FileMissing, FileUnwritable, Refused
from p2plearn.paths import reason_of


@contextmanager
def reading(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """An ordinary file and its size in bytes. Raises FileMissing for anything else, a pipe or a device too."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise FileMissing(path=path, reason="it is a directory" if stat.S_ISDIR(found.st_mode) else "it is not an ordinary file")
        file = path.open("rb")
    except OSError as error:
        raise FileMissing(path=path, reason=reason_of(error)) from None
    except ValueError:
        raise FileMissing(path=path, reason="it is not a file name") from None
    with file:
        yield file, found.st_size


@contextmanager
def writing(path: Path, *, replace: bool) -> Iterator[BinaryIO]:
    """A file that appears at `path`, complete and on the disk, when the block ends well, and leaves nothing behind when it does not.

    Raises Refused when something is there that is no file, or `replace` is not set; FileUnwritable when the place cannot be written.
    """
    try:
        there = _is_there(path)
        if path.exists() and not path.is_file():
            what = "a directory" if path.is_dir() else "no ordinary file"
            raise Refused(reason=f"“{path}” is {what}, and nothing is written over it", remedy="Choose the name of a file.")
        if there and not replace:
            raise Refused(reason=f"There is a file “{path}” already", remedy="Choose another name, or add --force to replace it.")
        path = path.resolve()  # a link stays, and what it leads to is written
        draft = path.with_name(f".{secrets.token_hex(8)}.part")
        file = draft.open("xb")
    except OSError as error:
        raise FileUnwritable(path=path, reason=reason_of(error)) from None
    except ValueError:
        raise FileUnwritable(path=path, reason="it is not a file name") from None
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise FileUnwritable(path=path, reason=reason_of(error)) from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()


def _is_there(path: Path) -> bool:
    """Whether something has this name, a broken link too. Raises OSError or ValueError for what cannot be a name."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return True
