"""Private words of thanks: sealed to the receiver's key, so that the record can travel like any other and only they can read it.

A sealed box of libsodium over [author, target, text], padded (docs/PROTOCOL.md, “Private thanks”). It hides the words, not that there were
some. Sealing draws a fresh key from libsodium each time. Must not know what thanks are for.
"""

import nacl.bindings
import nacl.exceptions
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol.encoding import decode, encode

_BLOCK = 256  # lengths of words are told apart no better than by this many bytes


def seal(author: bytes, target: bytes, text: str, receiver: bytes) -> bytes:
    """The words of `author` about the record `target` for the author key `receiver`. Raises ValueError for a key nobody can have."""
    padded = nacl.bindings.sodium_pad(encode([author, target, text]), _BLOCK)
    try:
        key = nacl.bindings.crypto_sign_ed25519_pk_to_curve25519(receiver)
    except (nacl.exceptions.CryptoError, RuntimeError):
        raise ValueError("no key that words can be sealed to") from None
    return nacl.bindings.crypto_box_seal(padded, key)


def unseal(sealed: bytes, key: Ed25519PrivateKey, author: bytes, target: bytes) -> str | None:
    """What `sealed` says to the owner of `key`; None when it is not for them, or not the words of `author` about `target`."""
    if not 0 < len(sealed) <= limits.MAX_RECORD:
        return None
    seed, public = key.private_bytes_raw(), key.public_key().public_bytes_raw()
    secret = nacl.bindings.crypto_sign_ed25519_sk_to_curve25519(seed + public)
    try:
        padded = nacl.bindings.crypto_box_seal_open(sealed, nacl.bindings.crypto_scalarmult_base(secret), secret)
        inside = decode(nacl.bindings.sodium_unpad(padded, _BLOCK))
    except (nacl.exceptions.CryptoError, PeerFault):
        return None
    match inside:
        case [bytes(by), bytes(about), str(text)] if by == author and about == target:
            return text
    return None
