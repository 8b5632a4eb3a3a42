"""What one might do next with the thing that `show` shows: the one step that fits who looks and how far it has come.

Takes the answer of `show` and the author key of who looks. Suggests; nothing is ever refused for its sake. What it says can be typed as it
stands: words in capitals are to be filled in, and nothing in it means something else to a shell.
"""

import re
from collections.abc import Iterator
from typing import Any

from p2plearn_cli.session import short

_HELP = {"hint", "step", "answer"}
_PLAIN = re.compile(r"[\w .-]+")  # a name in which a shell sees nothing but words
_ASKING = {"attempt", "question", "stuck"}


def onward(record: dict[str, Any], you: str) -> Iterator[str]:
    """One step, at times two; none for what was taken back."""
    if record["reason"] is not None:
        return
    mine = record["author"]["key"] == you
    id_ = short(record["id"])
    if record["kind"] == "request":
        yield from _asker(record, id_) if mine else _helper(record, id_, you)
    elif record["kind"] == "snippet":
        yield from _sharer(record, id_) if mine else _reader(record, id_, you)
    elif mine:
        yield f"p2plearn matches shows what fits, and p2plearn retract {id_} takes it back"
    else:
        yield f"p2plearn reply {id_} --type comment TEXT answers it"


def _asker(record: dict[str, Any], id_: str) -> Iterator[str]:
    you, thread = record["author"]["key"], _standing(record)
    helpful = [entry for entry in thread if entry["author"]["key"] != you and entry["type"] in _HELP]
    unproven = _unproven(thread)
    if record["state"] == "solved":
        thanked = any(entry["kind"] == "thanks" and entry["author"]["key"] == you for entry in thread)
        if not thanked and (helper := record["solved_by"] or (helpful[-1]["id"] if helpful else None)):
            yield f"p2plearn thanks {short(helper)} TEXT tells who helped what it meant to you"
        shared = [item for item in record["passed_on"] if item["author"] == you]
        if shared:
            yield f"p2plearn lineage {short(shared[0]['id'])} shows where it went, what you passed on"
        else:
            yield f"p2plearn share --from {id_} --title T --topic X TEXT passes on what you have learned"
    elif record["state"] == "withdrawn":
        return
    elif record["attempt_owed"]:
        yield f"p2plearn attempt {id_} TEXT shows how far you came yourself, which helpers wait for"
    elif record["state"] == "shown":
        by = f" --by {short(helpful[-1]['id'])}" if helpful else ""
        yield f"p2plearn solve {id_}{by} ends it, now that you have shown that you got it"
    elif unproven:
        yield f"p2plearn proof {short(unproven[-1]['id'])} TEXT answers the check"
    elif record["state"] == "checking":
        yield f"p2plearn show {id_} --watch shows what your proof shows, once it is looked at"
    elif helpful:
        yield f"p2plearn reply {short(helpful[-1]['id'])} --type stuck TEXT, if you do not follow"
        yield f"p2plearn solve {id_} --by {short(helpful[-1]['id'])}, once you have got it"
    else:
        yield f"p2plearn show {id_} --watch shows replies as they come"


def _helper(record: dict[str, Any], id_: str, you: str) -> Iterator[str]:
    thread = _standing(record)
    name = record["author"]["name"] if _PLAIN.fullmatch(record["author"]["name"]) else "whoever asked"
    waiting = _unjudged(thread, you)
    asked = [entry for entry in thread if entry["author"]["key"] == record["author"]["key"] and entry["type"] in _ASKING]
    if waiting:
        yield f"p2plearn verdict {short(waiting[-1]['id'])} RESULT TEXT says what it shows: shown, partly or not-yet"
        yield f"p2plearn verdict {short(waiting[-1]['id'])} not-yet --fix N:TEXT says what to mend at step N"
    elif record["state"] in {"solved", "shown"}:
        yield f"p2plearn encourage {id_} TEXT is a kind word to {name}"
    elif record["state"] == "withdrawn":
        return
    elif any(entry["kind"] == "decline" and entry["author"]["key"] == you for entry in thread):
        yield f"p2plearn show {id_} --watch shows what comes of it, since you have declined"
    elif record["attempt_owed"]:
        yield f"{name} wants to try first. Until then p2plearn encourage {id_} TEXT, or p2plearn reply {id_} --type question TEXT"
    elif asked and not any(entry["parent"] == asked[-1]["id"] for entry in thread):
        yield f"p2plearn reply {short(asked[-1]['id'])} --type hint TEXT helps {name} on from there"
    elif record["state"] == "checking":
        yield f"p2plearn show {id_} --watch shows the proof once it comes"
    elif any(entry["author"]["key"] == you and entry["type"] in _HELP for entry in thread):
        yield f"p2plearn check {id_} TEXT asks {name} to show that they got it"
    else:
        yield f"p2plearn reply {id_} --type hint TEXT helps without giving it away"


def _sharer(record: dict[str, Any], id_: str) -> Iterator[str]:
    said = {entry["id"] for entry in record["thread"]}
    waiting = [one for one in record["corrections"] if one["taken_up_by"] is None and one["about"] not in said]
    waiting = [one for one in waiting if one["author"]["key"] != record["author"]["key"]]  # nobody takes up a correction of their own
    if waiting:
        yield f"p2plearn revise {id_} --with {short(waiting[0]['id'])} TEXT takes the correction up"
    elif record["adoptions"]:
        yield f"p2plearn lineage {id_} shows where it went"
    else:
        yield f"p2plearn revise {id_} TEXT betters it"


def _reader(record: dict[str, Any], id_: str, you: str) -> Iterator[str]:
    stage = next((one["type"] for one in record["adoptions"] if one["author"]["key"] == you), None)
    if stage is None and record["adopters"] > len(record["adoptions"]):  # so many that one may not stand among those shown
        yield f"p2plearn lineage {id_} shows where it went"
    elif stage is None:
        yield f"p2plearn adopt {id_} --stage tried, once you tried it"
        yield f"p2plearn correct {id_} TEXT, if something is wrong"
    elif stage == "tried":
        yield f"p2plearn adopt {id_} --stage using --outcome OUTCOME, once it is part of what you do, OUTCOME being works, partly or no"
    elif stage == "using":
        yield f"p2plearn adopt {id_} --stage passed-on, once you showed it to somebody"
    else:
        yield f"p2plearn lineage {id_} shows where it went"


def _standing(record: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry for entry in record["thread"] if not entry["retracted"]]


def _unproven(thread: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Checks whose last proof is missing, or was not enough yet."""
    found = []
    for check in thread:
        if check["kind"] == "check":
            proofs = [entry for entry in thread if entry["kind"] == "proof" and entry["parent"] == check["id"]]
            if not proofs or _judged(thread, proofs[-1]["id"], check["author"]["key"]):
                found.append(check)
    return found


def _unjudged(thread: list[dict[str, Any]], you: str) -> list[dict[str, Any]]:
    """Proofs of checks that you set, still without your verdict."""
    checks = {entry["id"] for entry in thread if entry["kind"] == "check" and entry["author"]["key"] == you}
    proofs = [entry for entry in thread if entry["kind"] == "proof" and entry["parent"] in checks]
    return [proof for proof in proofs[-1:] if not _judged(thread, proof["id"], you)]


def _judged(thread: list[dict[str, Any]], work: str, by: str) -> bool:
    return any(entry["kind"] == "verdict" and entry["parent"] == work and entry["author"]["key"] == by for entry in thread)
