"""What a snippet was made from, one from the other. Knows nothing of who took it up."""

from collections.abc import Mapping

from p2plearn import limits
from p2plearn.learning.conversation import Conversation
from p2plearn.protocol.kinds import VARIANTS, Snippet


def made_from(conversation: Conversation) -> list[bytes]:
    """The ids of what a snippet forks, adapts or translates, in the order in which it names them."""
    return [ref.target for ref in conversation.root.refs if ref.relation in VARIANTS] if isinstance(conversation.body, Snippet) else []


def upstream(conversation: Conversation, held: Mapping[bytes, Conversation]) -> list[Conversation]:
    """The conversation, then that of what it was made from, and so on, as far as `held` has them (by root id), MAX_UPSTREAM in all."""
    chain: list[Conversation] = []
    current: Conversation | None = conversation
    while current is not None and len(chain) < limits.MAX_UPSTREAM:
        chain.append(current)
        sources = (held[source] for source in made_from(current) if source in held)
        current = next((source for source in sources if isinstance(source.body, Snippet)), None)
    return chain
