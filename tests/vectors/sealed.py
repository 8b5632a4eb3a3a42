"""A sealed box whose ephemeral key is pinned: libsodium draws one each time, so here it is put together from its parts.

sealed = ephemeral key ‖ box(padded, nonce = BLAKE2b-192(ephemeral key ‖ receiver's key)), as libsodium documents it.
"""

import hashlib

import nacl.bindings

from p2plearn.protocol.encoding import encode


def sealed_words() -> dict[str, str]:
    """What ada says privately to ben about a record; their keys have the seeds SHA-256 of their names."""
    ada, ben = (nacl.bindings.crypto_sign_seed_keypair(hashlib.sha256(name).digest())[0] for name in (b"ada", b"ben"))
    target, text = b"h" * 32, "You were patient with me: größten Dank! 🌱"
    inside = encode([ada, target, text])
    padded = inside + b"\x80" + bytes(-(len(inside) + 1) % 256)
    receiver = nacl.bindings.crypto_sign_ed25519_pk_to_curve25519(ben)
    public, secret = nacl.bindings.crypto_box_seed_keypair(hashlib.sha256(b"ephemeral").digest())
    nonce = hashlib.blake2b(public + receiver, digest_size=24).digest()
    sealed = public + nacl.bindings.crypto_box(padded, nonce, receiver, secret)
    return {
        "what": "private thanks of ada to ben about the record “target”; the keys have the seeds SHA-256 of the names",
        "author": ada.hex(),
        "target": target.hex(),
        "receiver": ben.hex(),
        "text": text,
        "sealed": sealed.hex(),
    }
