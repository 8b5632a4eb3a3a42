"""Ed25519 as this protocol means it: RFC 8032 signatures, verified by libsodium's rules.

The rules that peers must agree on to the bit (docs/PROTOCOL.md, “Signature”): S < L, canonical R and A, neither of small order, and the
equation without cofactor. `cryptography` accepts small-order keys, under which one fixed signature holds for every message, so it only
signs; libsodium verifies (twice as fast, and it releases the GIL).

Must not know what is signed.
"""

import nacl.bindings
import nacl.exceptions
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

RECORD_DOMAIN = b"p2plearn record v1\x00"
HELLO_DOMAIN = b"p2plearn hello v1\x00"


def sign(key: Ed25519PrivateKey, domain: bytes, message: bytes) -> bytes:
    """64 bytes over domain ‖ message. The domain keeps a signature made for one purpose from serving another."""
    return key.sign(domain + message)


def verify(author: bytes, signature: bytes, domain: bytes, message: bytes) -> bool:
    """Whether `author` (32 bytes) signed domain ‖ message, by libsodium's rules."""
    if len(signature) != nacl.bindings.crypto_sign_BYTES or len(author) != nacl.bindings.crypto_sign_PUBLICKEYBYTES:
        return False  # PyNaCl looks at neither: a longer signature would get round the domain, a shorter key be read beyond its end
    try:
        nacl.bindings.crypto_sign_open(signature + domain + message, author)
    except (nacl.exceptions.BadSignatureError, ValueError):
        return False
    return True
