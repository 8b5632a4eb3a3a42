"""Lines of the feed and of the list of requests: originals only, and the order in which a node shows them.

Clocks in cafés are wrong, so a claimed time can move a record back in the feed but never ahead of when it came here.
Must not know who is looking.
"""

from p2plearn import limits
from p2plearn.learning.conversation import Conversation
from p2plearn.learning.notation import Json, Names, iso_time
from p2plearn.protocol.records import Record


def is_ahead(claimed: int, arrival: int) -> bool:
    """Whether a record claims to be from more than a day after it came (both ms since 1970)."""
    return claimed > arrival + limits.FUTURE_TOLERANCE_MS


def feed_key(record: Record, arrival: int) -> tuple[bool, int, bytes]:
    """Sorts ascending into the order of the feed: newest first by the earlier of claimed time and arrival, implausible ones last."""
    return (is_ahead(record.time, arrival), -min(record.time, arrival), record.id)


def item_json(conversation: Conversation, names: Names, arrival: int | None = None) -> Json:
    """The contract's item, with the author's key alone.

    "attempt_owed" marks a request whose asker promised work that has not come; `arrival` (ms since 1970) lets a claim from the future be
    marked "ahead".
    """
    root = conversation.root
    item: Json = {
        "id": root.id.hex(),
        "kind": root.kind,
        "author": root.author.hex(),
        "name": names.get(root.author, ""),
        "at": iso_time(root.time),
        "title": conversation.title,
        "topics": list(root.topics),
        "state": conversation.state,
    }
    if conversation.attempt_owed:
        item["attempt_owed"] = True
    if arrival is not None and is_ahead(root.time, arrival):
        item["ahead"] = True
    return item
