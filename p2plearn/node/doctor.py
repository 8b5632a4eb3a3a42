"""What `doctor` looks at in a home: each check says what it found and, when it is not well, what to do. Changes nothing."""

import stat
import time
from collections.abc import Callable
from typing import Any

from p2plearn import config, limits
from p2plearn.errors import P2plearnError
from p2plearn.node.blocks import BlockStore
from p2plearn.node.store import Store
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
        "attachments": lambda: (True, f"The attachments here take {blocks.total()} bytes.", ""),
        "clock": _clock,
    }
    found = []
    for name, check in checks.items():
        ok, message, remedy = check()
        found.append({"name": name, "ok": ok, "message": message, "remedy": "" if ok else remedy})
    return found


def _home(home: Home) -> _Finding:
    private = not stat.S_IMODE(home.root.stat().st_mode) & 0o077
    return (
        private,
        f"Only you {'can' if private else 'should be able to, but others can,'} enter {home.root}.",
        f"Run: chmod 700 '{home.root}'",
    )


def _keys(home: Home) -> _Finding:
    loose = [path.name for path in (home.author_key, home.peer_key) if stat.S_IMODE(path.stat().st_mode) & 0o077]
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
    well = store.has_room_for_peers()
    return well, f"{free} MiB are free on the disk.", "Free some space: as it is, nothing is taken from others."


def _clock() -> _Finding:
    well = time.time() > _EARLIEST
    return (
        well,
        f"The clock says {time.strftime('%Y-%m-%d %H:%M')}.",
        "Set the clock: what you say is dated by it. Nothing is lost if you do not.",
    )
