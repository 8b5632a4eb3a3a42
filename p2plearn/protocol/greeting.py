"""The hello: who speaks, proved for this connection, and what both sides hold by their own rules. Must not know what follows."""

from typing import NamedTuple

from p2plearn.errors import PeerFault
from p2plearn.protocol.events import Me
from p2plearn.protocol.messages import Hello
from p2plearn.protocol.replica import Replica
from p2plearn.protocol.scope import NO_FILTER, Filter, Scope
from p2plearn.protocol.signing import HELLO_DOMAIN, verify


class Greeted(NamedTuple):
    """What a hello tells: the salt and the scope of this session, and the fingerprint of what the other side holds of it, if said."""

    salt: bytes
    scope: Scope
    fingerprint: bytes | None


def hello(me: Me, replica: Replica) -> Hello:
    """Ours; `replica` is of what this node holds by its own rules, so of one filter at the most."""
    held = next(iter(replica.scope.filters), NO_FILTER)
    return Hello(replica.scope.space, *held, me.author, me.proof, me.nonce, replica.fingerprint())


def greet(theirs: Hello, me: Me, ours: Scope, peer: bytes, *, initiator: bool) -> Greeted | None:
    """Read the other side's; None when it is about another space. `peer`: its peer id as text. Raises PeerFault("proof")."""
    if theirs.space != ours.space:
        return None
    if not verify(theirs.author, theirs.proof, HELLO_DOMAIN, peer):
        raise PeerFault("proof", "the author did not sign for this peer id")
    held = Filter(theirs.topics, theirs.people)
    their_scope = Scope(theirs.space, (held,) if held else ())
    scope = ours.meet(their_scope)
    nonces = (me.nonce, theirs.nonce) if initiator else (theirs.nonce, me.nonce)
    return Greeted(b"".join(nonces), scope, theirs.fingerprint if scope == their_scope else None)
