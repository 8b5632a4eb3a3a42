"""What this home's author answered to the three questions: no record, and nobody else's business.

Knows the tables, not the store around them.
"""

import json
import sqlite3

from p2plearn import limits
from p2plearn.learning.compass import Answered


def keep(db: sqlite3.Connection, answer: Answered) -> None:
    """Add an answer; the oldest make room."""
    facts = None if answer.facts is None else json.dumps(dict(answer.facts))
    db.execute("INSERT INTO answers (question, text, at, shared, action, facts) VALUES (?, ?, ?, ?, ?, ?)", (*answer[:5], facts))
    db.execute("DELETE FROM answers WHERE n NOT IN (SELECT n FROM answers ORDER BY n DESC LIMIT ?)", (limits.MAX_ANSWERS,))


def answers(db: sqlite3.Connection) -> list[Answered]:
    """All of them, the newest first."""
    rows = db.execute("SELECT question, text, at, shared, action, facts FROM answers ORDER BY n DESC")
    return [
        Answered(question, text, at, shared, action, json.loads(facts) if facts else None)
        for question, text, at, shared, action, facts in rows
    ]
