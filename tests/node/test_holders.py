"""Who is known to hold what is here: noted when two nodes agree, told by `show`, and never more than was found."""

import sqlite3
from pathlib import Path

from p2plearn.node.store.store import Store
from p2plearn.testing.authors import Author
from tests.node.formats import make_format_2


def test_a_store_of_format_2_is_brought_up_to_date_with_all_that_is_in_it(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    record = Author("ada").share("from before")
    for home in (old, new):
        home.mkdir()
        store = Store(home)
        store.commit([record], 0)
        store.close()
    database = sqlite3.connect(old / "store.db")
    make_format_2(database)
    database.close()
    assert tables(old) != tables(new)
    store = Store(old)
    assert list(store.everything()) == [record.raw]
    store.close()
    assert tables(old) == tables(new)


def tables(home: Path) -> list[tuple[str, str]]:
    """The format and the statements that make a store."""
    database = sqlite3.connect(home / "store.db")
    found = database.execute("SELECT 'format', user_version FROM pragma_user_version").fetchall()
    found += database.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    database.close()
    return found
