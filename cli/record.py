"""How one thing looks with all that was said about it: the answer of `show`, for people."""

from collections.abc import Iterator
from typing import Any

from p2plearn_cli import output
from p2plearn_cli.items import state_mark
from p2plearn_cli.output import ago, paint, text_lines
from p2plearn_cli.session import key_line, next_step

_FIELDS = (("goal", "Goal"), ("tried", "Tried"), ("level", "Knows already"), ("want", "Wants"))


def record_lines(record: dict[str, Any]) -> Iterator[str]:
    """Head, text, what belongs to it, and the conversation."""
    yield paint(record["title"] or record["kind"], "bold") + state_mark(record)
    about = ", ".join(word for word in (*record["topics"], record["language"], record["licence"]) if word)
    yield f"{paint(record['kind'])} by {_author(record)}, {ago(record['at'])}{', ' + paint(about) if about else ''}"
    yield key_line(record["id"])
    yield ""
    if record["reason"] is not None:
        yield from _taken_back(record)
    else:
        yield from text_lines(record["text"])
    yield from _request_lines(record)
    yield from _attachment_lines(record["attachments"])
    if len(record["history"]) > 1:
        yield paint(f"Revised {output.plural(len(record['history']) - 1, 'time')}.", "dim")
    for variant in record["variants"]:
        yield f"There is a {paint(variant['relation'])} by {_name(variant['name'], variant['author'])}: {paint(variant['title'], 'bold')}"
        yield key_line(variant["id"])
    for entry in record["thread"]:
        yield from _entry_lines(entry)
    if record["reason"] is None:
        yield next_step(f"p2plearn reply {record['id'][:8]} --type comment TEXT")


def _request_lines(record: dict[str, Any]) -> Iterator[str]:
    if record.get("to"):
        yield f"{paint('Asked above all', 'bold')}: {paint(record['to'], 'cyan')}"
    for key, label in _FIELDS:
        if record.get(key):
            first, *rest = text_lines(record[key])
            yield f"{paint(label, 'bold')}: {first}"
            yield from (f"  {line}" for line in rest)
    if record.get("attempt_owed"):
        yield paint("Helpers are asked to wait for an attempt.", "yellow")


def _attachment_lines(attachments: list[dict[str, Any]]) -> Iterator[str]:
    for item in attachments:
        alt = f": {paint(item['alt'])}" if item["alt"] else ""
        yield f"Attached {paint(item['name'] or 'file', 'bold')}, {output.size(item['size'])}{alt}"
        yield key_line(item["cid"])
        away = "" if item.get("here", True) else " fetches it from others and"
        yield paint(f"  p2plearn attachment {item['cid']} FILE{away} saves it", "dim")


def _entry_lines(entry: dict[str, Any]) -> Iterator[str]:
    step = f" {entry['step']}" if entry["step"] else ""
    yield ""
    yield f"{paint(entry['type'] or entry['kind'], 'yellow')}{step} by {_author(entry)}, {ago(entry['at'])}"
    yield key_line(entry["id"])
    lines = _taken_back(entry) if entry["retracted"] else text_lines(entry["text"])
    if entry.get("muted"):
        lines = [paint(f"You muted {entry['author']['name'] or 'the author'}.", "dim")]
    yield from (f"  {line}" for line in lines if line)
    yield from (f"  {line}" for line in _attachment_lines(entry["attachments"]))


def _taken_back(said: dict[str, Any]) -> list[str]:
    return [paint("Taken back by its author" + (f": {said['reason']}" if said["reason"] else "."), "dim")]


def _author(record: dict[str, Any]) -> str:
    return _name(record["author"]["name"], record["author"]["key"])


def _name(name: str, key: str) -> str:
    return paint(name or key, "bold")
