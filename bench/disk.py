"""What a store takes on the disk, as multiples of the texts in it. No process may have it open."""

import sqlite3
from contextlib import closing

from p2plearn.paths import Home

_INDEX = "words"  # the full-text index: this table and its shadows words_…


def shares(home: Home, payload: int) -> dict[str, float | dict[str, float] | None]:
    """`disk`: the whole file; `disk_without_index`: all but the full-text index; `disk_tables`: the largest parts, free pages among them.

    The last two are None where SQLite was built without DBSTAT.
    """
    whole = round(home.store.stat().st_size / payload, 3)
    sizes = _sizes(home)
    if sizes is None:
        return {"disk": whole, "disk_without_index": None, "disk_tables": None}
    index = sum(size for name, size in sizes.items() if name.startswith(_INDEX))
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:6]
    return {
        "disk": whole,
        "disk_without_index": round(whole - index / payload, 3),
        "disk_tables": {name: round(size / payload, 3) for name, size in largest},
    }


def _sizes(home: Home) -> dict[str, int] | None:
    """Bytes of the pages of each table and index, and of those that wait to be used again."""
    with closing(sqlite3.connect(f"file:{home.store}?mode=ro", uri=True)) as db:
        ((free,),) = db.execute("SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size")
        try:
            return {"(free)": free} | dict(db.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"))
        except sqlite3.OperationalError:
            return None
