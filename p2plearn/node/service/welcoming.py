"""The façade's first screen: what is of use to one person, with peers and without any.

Must not know how it is printed.
"""

from functools import partial

from p2plearn.learning.items import item_json
from p2plearn.learning.matching import match_json
from p2plearn.node.service.mine import Mine
from p2plearn.node.service.parts import Answer
from p2plearn.node.service.personal import Personal
from p2plearn.node.service.willing import Willing
from p2plearn.node.store import authored as store_authored
from p2plearn.protocol.kinds import Snippet

_FEW = 5  # of each sort


class Welcoming(Willing, Mine, Personal):
    """Where a day begins."""

    async def home(self) -> Answer:
        """What is new for me, who could meet me, who is stuck, my notes, the questions I have not answered, and what one could do next."""
        status, names = await self.status(), await self._lookup.names()
        mine = await self._keeper.read(partial(store_authored.newest_by, author=self._keeper.author, kinds=[Snippet.kind], limit=_FEW))
        notes = await self._conversations(await self._keeper.in_thread(self._keeper.store.get, mine))
        inbox = await self.inbox(limit=_FEW)
        waiting = [item for item in (await self.requests(open=True, limit=_FEW * 2))["items"] if item["author"] != status["author"]]
        fitting = await self._newest_matches(_FEW, {bytes.fromhex(item["id"]) for item in inbox["items"]})
        found = {
            "name": names.get(self._keeper.author, ""),
            "author": status["author"],
            "running": status["running"],
            "peers": status["peers"],
            "records": status["records"],
            "inbox": inbox["items"],
            "unread": inbox["unread"],
            "more": inbox["more"],
            "matches": [match_json(match, names) for match in fitting],
            "requests": waiting[:_FEW],
            "notes": [item_json(conversation, names, root.arrived) for root, conversation in notes if conversation.reason is None],
            "questions": await self._unanswered(),
        }
        return found | {"next": _next(found)}


def _next(found: Answer) -> list[str]:
    """A few things one could do now, the nearest first."""
    steps = []
    if not found["name"]:
        steps.append("p2plearn profile --name NAME says who you are")
    if not found["running"]:
        steps.append("p2plearn up starts your node, and finds the people near you")
    elif not found["peers"]:
        steps.append("p2plearn connect MULTIADDR reaches a laptop that is not found by itself, and p2plearn status shows your own address")
    if not found["peers"]:
        steps.append("p2plearn import FILE takes in what somebody gave you on a stick")
    if not found["notes"]:
        steps.append("p2plearn share --title T --topic X TEXT keeps what you know, for you and whoever comes by")
    return [*steps, "p2plearn ask --title T --topic X TEXT asks for help"]
