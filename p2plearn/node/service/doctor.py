"""What `doctor` looks at in a home: each check says what it found and, when it is not well, what to do.

Changes nothing, but that blocks of attachments which the disk has spoiled are dropped when they are met, here as everywhere.
"""

import contextlib
import os
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from p2plearn import config, identity, limits
from p2plearn.errors import FileMissing, FileUnwritable, P2plearnError
from p2plearn.lock import locked
from p2plearn.node.store import quota as store_quota
from p2plearn.node.store.blocks import BlockStore
from p2plearn.node.store.store import Store
from p2plearn.paths import Home, reason_of

_EARLIEST = 1_750_000_000  # mid 2025, before this program was made: an earlier clock is wrong for certain
_Finding = tuple[bool, str, str]


def examine(home: Home, store: Store, blocks: BlockStore) -> list[dict[str, Any]]:
    """[{"name", "ok", "message", "remedy"}]; remedy is empty where all is well."""
    return _found(
        home=lambda: _home(home),
        keys=lambda: _keys(home),
        settings=lambda: _settings(home),
        store=lambda: _store(store),
        disk=lambda: _disk(home, store),
        quota=lambda: _quota(home, store),
        attachments=lambda: _attachments(blocks),
        signatures=lambda: _signatures(store),
        clock=_clock,
    )


def look_over(home: Home) -> list[dict[str, Any]]:
    """The same of a home that cannot be opened, part by part, making nothing. Raises HomeLocked while another process has it."""
    with contextlib.ExitStack() as opened:
        with contextlib.suppress(FileMissing, FileUnwritable):  # a disk that cannot be written has no lock, and nobody who writes
            opened.enter_context(locked(home))
        return _found(
            home=lambda: _home(home),
            keys=lambda: _keys(home),
            settings=lambda: _settings(home),
            store=lambda: _closed_store(home),
            disk=lambda: _disk(home, None),
            clock=_clock,
        )


def _found(**checks: Callable[[], _Finding]) -> list[dict[str, Any]]:
    found = []
    for name, check in checks.items():
        try:
            ok, message, remedy = check()
        except P2plearnError as error:
            ok, message, remedy = False, error.message, error.hint
        except OSError as error:
            ok, message, remedy = False, f"This cannot be looked at: {reason_of(error)}.", "The disk may be failing: make a backup."
        found.append({"name": name, "ok": ok, "message": message, "remedy": "" if ok else remedy})
    return found


def _home(home: Home) -> _Finding:
    private = not _open_to_others(home.root)
    who = "can" if private else "should be able to, but others can,"
    return private, f"Only you {who} enter {home.root}.", f"Run: chmod 700 '{home.root}'"


def _keys(home: Home) -> _Finding:
    files = (home.author_key, home.peer_key)
    gone = [path.name for path in files if not path.exists()]
    if gone:
        return (
            False,
            f"Your {' and '.join(gone)} is no longer there.",
            f"Put it back into '{home.keys}' from a backup.",
        )
    loose = [path.name for path in files if _open_to_others(path)]
    message = f"Others can read your {' and '.join(loose)}." if loose else "Your keys are there, and only you can read them."
    for path in files:
        identity.read(path)
    return not loose, message, f"Run: chmod 600 '{home.keys}'/*"


def _settings(home: Home) -> _Finding:
    try:
        config.load(home)
    except P2plearnError as error:
        return False, error.message, error.hint
    return True, "The settings can be read.", ""


def _store(store: Store) -> _Finding:
    problem = store.problem()
    message = f"The store is damaged: {problem}." if problem else "The store is whole."
    return not problem, message, "Export what can be read with `p2plearn export`, move store.db away, and import it again."


def _signatures(store: Store) -> _Finding:
    waiting = store.unverified()
    later = f"{waiting} records wait for the check of their signature, which a running node does when it has time."
    return True, later if waiting else "Every signature here was checked.", ""


def _closed_store(home: Home) -> _Finding:
    if not home.store.exists():
        return True, "Nothing is stored here yet.", ""
    if not os.access(home.root, os.W_OK):
        return False, "The store cannot be opened where nothing can be written.", "See what is said of the disk."
    with contextlib.closing(Store(home.root)) as store:
        return _store(store)


def _disk(home: Home, store: Store | None) -> _Finding:
    if not os.access(home.root, os.W_OK):
        return (
            False,
            f"Nothing can be written to {home.root}.",
            "Make the disk, or the directory, one that can be written.",
        )
    free = shutil.disk_usage(home.root).free if store is None else store.free_space()
    enough = free >= limits.MIN_FREE_FOR_PEERS if store is None else store.has_room_for_peers()
    return enough, f"{free // limits.MiB} MiB are free on the disk.", "Free some space: as it is, nothing is taken from others."


def _quota(home: Home, store: Store) -> _Finding:
    try:
        quota = int(str(config.get(home, "quota")))
    except P2plearnError:
        quota = limits.DEFAULT_QUOTA  # the settings have a check of their own
    with store.reading() as db:
        used = store_quota.usage(db, quota, ()).total
    message = f"What is here takes {used // limits.MiB} of the {quota // limits.MiB} MiB that the quota allows."
    return (
        used < quota * limits.QUOTA_BINDS_AT,
        message,
        "Raise it with `p2plearn config set quota`: strangers' records are being turned away.",
    )


def _attachments(blocks: BlockStore) -> _Finding:
    spoiled = sum(blocks.get(name) is None for name in list(blocks))
    message = (
        f"{spoiled} blocks of attachments were spoiled." if spoiled else f"The attachments here are whole and take {blocks.total()} bytes."
    )
    return not spoiled, message, "The disk may be failing: make a backup. The files are fetched anew when somebody who has them is near."


def _clock() -> _Finding:
    message = f"The clock says {time.strftime('%Y-%m-%d %H:%M')}."
    return time.time() > _EARLIEST, message, "Set the clock: what you say is dated by it. Nothing is lost if you do not."


def _open_to_others(path: Path) -> bool:
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
