"""Stores as earlier formats had them, made out of one of today: what came later is taken out again."""

import re
import sqlite3

from p2plearn.node.store import schema


def make_format_2(database: sqlite3.Connection) -> None:
    """Without the tables that came with formats 3 and 4."""
    make_format_3(database)
    _drop(database, schema._SINCE_3)
    database.execute("PRAGMA user_version = 2")


def make_format_3(database: sqlite3.Connection) -> None:
    """Without the tables that came with format 4."""
    _drop(database, schema._SINCE_4)
    database.execute("PRAGMA user_version = 3")


def _drop(database: sqlite3.Connection, made: str) -> None:
    for table in re.findall(r"CREATE TABLE (\w+)", made):  # the list that grows is the one to be undone
        database.execute(f"DROP TABLE {table}")  # a name out of our own text
