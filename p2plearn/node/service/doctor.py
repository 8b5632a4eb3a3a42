"""What `doctor` looks at in a home: each check says what it found and, when it is not well, what to do.

Changes nothing, but that blocks of attachments which the disk has spoiled are dropped when they are met, here as everywhere.
"""

import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from p2plearn import config, limits
from p2plearn.errors import P2plearnError
from p2plearn.node.store import quota as store_quota
from p2plearn.node.store.blocks import BlockStore
from p2plearn.node.store.store import Store
from p2plearn.paths import Home

_EARLIEST = 1_750_000_000  # mid 2025, before this program was made: an earlier clock is wrong for certain
_Finding = tuple[bool, str, str]


def examine(home: Home, store: Store, blocks: BlockStore) -> list[dict[str, Any]]:
    """[{"name", "ok", "message", "remedy"}]; remedy is empty where all is well."""
    checks: dict[str, Callable[[], _Finding]] = {
        "home": lambda: _home(home),
        "keys": lambda: _keys(home),
        "settings": lambda: _settings(home),
        "store": lambda: _store(store),
        "disk": lambda: _disk(store),
        "quota": lambda: _quota(home, store),
        "attachments": lambda: _attachments(blocks),
        "clock": _clock,
    }
    found = []
    for name, check in checks.items():
        ok, message, remedy = check()
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
            f"Put it back into '{home.keys}' from a backup before this node stops.",
        )
    loose = [path.name for path in files if _open_to_others(path)]
    message = f"Others can read your {' and '.join(loose)}." if loose else "Your keys are there, and only you can read them."
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


def _disk(store: Store) -> _Finding:
    free = store.free_space() // limits.MiB
    return store.has_room_for_peers(), f"{free} MiB are free on the disk.", "Free some space: as it is, nothing is taken from others."


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
