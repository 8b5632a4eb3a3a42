"""Other systems on the same work: the same texts, as many authors, two processes, the same meter.

docs/performance.md says what each of them does and leaves out. They live in a directory that `setup.sh` makes and PEERS_DIR names; one
that cannot run prints a line with `skipped`, and why.
"""

import os
from pathlib import Path

from bench import corpus
from bench.child import ChildFailed
from bench.meter import show
from bench.peers import hypercore, iroh_docs, ssb
from bench.peers.setting import Missing, Setting
from bench.shelf import EXTRA, Shelf

_PEERS = {"hypercore": hypercore.rows, "ssb": ssb.rows, "iroh-docs": iroh_docs.rows}


def run(shelf: Shelf, directory: Path) -> None:
    """Every row of every peer."""
    texts = directory / "corpus.bin"
    place = os.environ.get("PEERS_DIR")
    if place:
        corpus.write(texts, shelf.n + 2 * EXTRA)
    for system, rows in _PEERS.items():
        setting = Setting(Path(place) if place else None, directory / system, texts, shelf.n, shelf.authors)
        setting.directory.mkdir()
        try:
            for line in rows(setting):
                show(line | {"name": f"{system} {line['name']}"})
        except (Missing, ChildFailed) as error:
            show({"name": system, "n": shelf.n, "skipped": str(error)})
