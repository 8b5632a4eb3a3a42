"""Stores as earlier formats had them, made out of one of today: what came later is taken out again."""

import re
import sqlite3

from p2plearn.node.store import schema


def make_format_2(database: sqlite3.Connection) -> None:
    """Without the tables that came with format 3."""
    for table in re.findall(r"CREATE TABLE (\w+)", schema._SINCE_3):  # the list that grows is the one to be undone
        database.execute(f"DROP TABLE {table}")  # a name out of our own text
    database.execute("PRAGMA user_version = 2")
