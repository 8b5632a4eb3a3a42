"""The two keys of a home: the author's, which signs what a person says, and the peer's, which the network knows this laptop by.

Both are Ed25519, kept as raw 32-byte seeds (RFC 8032) in files of mode 0600. A key is made once and never written over:
the author's is the person here, and nobody can give it back. Knows nothing of records or the network.
"""

import contextlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from p2plearn.errors import BadIdentity, FileUnwritable
from p2plearn.paths import Home, private_directory, reason_of

SEED_SIZE = 32
_PEER_ID_PREFIX = bytes.fromhex("002408011220")  # identity multihash of a libp2p PublicKey message that holds an Ed25519 key


@dataclass(frozen=True, slots=True)
class Identity:
    """The keys of a home. `created` tells whether this call made the author's key."""

    author: Ed25519PrivateKey
    peer: Ed25519PrivateKey
    created: bool = False

    @property
    def author_id(self) -> bytes:
        """The author's public key, 32 bytes: who wrote a record."""
        return self.author.public_key().public_bytes_raw()

    @property
    def peer_id(self) -> str:
        """The peer id (base58 text) that the network knows this home by."""
        return peer_id_of(self.peer)


def peer_id_of(key: Ed25519PrivateKey) -> str:
    """The peer id (base58 text) of an Ed25519 key, as libp2p derives it (its specification, peer-ids.md)."""
    import base58  # only a node and `status` need it

    return base58.b58encode(_PEER_ID_PREFIX + key.public_key().public_bytes_raw()).decode()


def load_or_create(home: Home) -> Identity:
    """The keys of `home`, made now where there are none. Raises BadIdentity for damaged ones, FileUnwritable.

    An author's key without a peer's is a home restored from a backup, and gets a new peer key. The other way round the person's
    key is lost, and to go on under another would hide that.
    """
    if not home.author_key.exists() and (home.peer_key.exists() or home.store.exists()):
        raise BadIdentity(path=home.author_key, reason="it is missing, though this home has been used before")
    home.claim()
    private_directory(home.keys)
    created = _create(home.author_key)
    _create(home.peer_key)
    return Identity(read(home.author_key), read(home.peer_key), created)


def read(path: Path) -> Ed25519PrivateKey:
    """The key in the file at `path`. Raises BadIdentity."""
    try:
        seed = path.read_bytes()
    except OSError as error:
        raise BadIdentity(path=path, reason=reason_of(error)) from None
    if len(seed) != SEED_SIZE:
        raise BadIdentity(path=path, reason=f"it holds {len(seed)} bytes instead of {SEED_SIZE}")
    return Ed25519PrivateKey.from_private_bytes(seed)


def _create(path: Path) -> bool:
    """Put a new seed at `path` unless something is there; whether it did.

    The seed is complete on the disk under another name before a link gives it this one, and a link never replaces anything:
    neither a crash nor a second process can leave half a key, or two.
    """
    if os.path.lexists(path):
        return False
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, secrets.token_bytes(SEED_SIZE))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.link(draft, path)
    except FileExistsError:
        return False
    except OSError as error:
        raise FileUnwritable(path=path, reason=reason_of(error)) from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()
    _sync_directory(path.parent)
    return True


def _sync_directory(directory: Path) -> None:
    """Make the new name itself survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
