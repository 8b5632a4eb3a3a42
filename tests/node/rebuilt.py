"""What an index should hold: what a store gives that has the same records and has never seen anything else."""

import tempfile
from pathlib import Path

from p2plearn.ledger.receipts import Receipt
from p2plearn.node.store import applied as store_applied
from p2plearn.node.store import closed as store_closed
from p2plearn.node.store import counting as store_counting
from p2plearn.node.store import receipts as store_receipts
from p2plearn.node.store import waiting as store_waiting
from p2plearn.node.store import words as store_words
from p2plearn.node.store.originals import SALT
from p2plearn.node.store.store import Store
from p2plearn.protocol.records import parse

_VOCABULARY = "CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab('main', 'words3', 'instance')"


def words_in(store: Store) -> list[tuple[str, bytes]]:
    """(word, record id) of the full-text index."""
    with store.reading() as db:
        if not store_applied.last(db, "words3"):
            return []
        db.execute("DROP TABLE IF EXISTS temp.vocabulary")
        db.execute(_VOCABULARY)
        return sorted(db.execute("SELECT term, id FROM temp.vocabulary LEFT JOIN records ON n = doc"))


def closed_in(store: Store) -> set[bytes]:
    """The ids of the requests in the index of closed ones."""
    with store.reading() as db:
        return {row[0] for row in db.execute("SELECT id FROM closed LEFT JOIN records ON n = request")}


def receipts_in(store: Store) -> list[Receipt]:
    """All receipts that are counted."""
    with store.reading() as db:
        return sorted(store_receipts.all_receipts(db))


def salt_alike(store: Store, other: Store) -> None:
    """Let the other store keep the same sketches of the same words."""
    with store.reading() as db, other.writing() as theirs:
        theirs.execute("INSERT OR REPLACE INTO applied VALUES (?, ?)", (SALT, store_applied.last(db, SALT)))


def index(store: Store) -> None:
    """Bring the indexes up to the records."""
    with store.writing() as db:
        while portion := store_words.gather(db):
            store_words.index(db, portion)
            store_words.tidy(db)
        while store_closed.is_behind(db):
            store_closed.index_some(db)
        while scan := store_waiting.scan(db):
            store_waiting.mark(db, scan)
        while folds := store_counting.gather(db):
            store_counting.put_in(db, folds)


def assert_like_rebuilt(store: Store) -> None:
    """The indexes, heads and bytes by author are those of a store into which the same records came one after the other."""
    with tempfile.TemporaryDirectory() as directory:
        scratch = Store(Path(directory))
        salt_alike(store, scratch)
        scratch.commit([parse(raw) for raw in store.everything()], 0)
        index(store)
        index(scratch)
        assert words_in(store) == words_in(scratch)
        assert closed_in(store) == closed_in(scratch)
        assert receipts_in(store) == receipts_in(scratch)
        assert store.replica().heads == scratch.replica().heads
        assert store.replica().fingerprint() == scratch.replica().fingerprint()
        with store.reading() as db, scratch.reading() as other:
            bytes_by_author = "SELECT key, bytes FROM authors WHERE bytes > 0 ORDER BY key"
            assert db.execute(bytes_by_author).fetchall() == other.execute(bytes_by_author).fetchall()
        scratch.close()
