"""An author's own side of the record: sign a draft at the next place of their chain. Pure: keys and time are handed in."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from p2plearn.protocol.records import Draft, Record, encode_payload, parse
from p2plearn.protocol.signing import RECORD_DOMAIN, sign


def compose(draft: Draft, key: Ed25519PrivateKey, seq: int, prev: bytes, time: int) -> Record:
    """Sign `draft` as the author's record number `seq` after `prev` (empty at 1). Raises ValueError when it breaks a limit."""
    author = key.public_key().public_bytes_raw()
    payload = encode_payload(draft, author, seq, prev, time)
    return parse(sign(key, RECORD_DOMAIN, payload) + payload)
