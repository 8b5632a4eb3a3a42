"""The golden bytes are what the program makes and takes, and what a second, plain implementation of docs/PROTOCOL.md makes."""

import hashlib
import json
from pathlib import Path
from typing import Any, get_args

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from nacl.signing import SigningKey

from p2plearn.errors import PeerFault
from p2plearn.protocol import encoding, kinds, messages
from p2plearn.protocol.authoring import compose
from p2plearn.protocol.bodies import body_of
from p2plearn.protocol.records import Attachment, Draft, Ref, parse
from p2plearn.protocol.signing import RECORD_DOMAIN, verify
from tests.vectors.generate import FIELDS, HERE, files
from tests.vectors.plain import canonical, from_json, squeeze, stretch

RECORDS = sorted((HERE / "records").glob("*.json"))


def _entries(name: str) -> list[Any]:
    return [pytest.param(entry, id=entry["what"]) for entry in json.loads((HERE / name).read_text(encoding="utf-8"))]


def _load(path: Path) -> dict[str, Any]:
    vector: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return vector


def test_generating_them_again_gives_the_same_bytes() -> None:
    made = files()
    assert {str(path.relative_to(HERE)) for path in HERE.rglob("*.json")} == set(made)
    for name, content in made.items():
        assert (HERE / name).read_text(encoding="utf-8") == content, name


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_second_implementation_makes_the_same_record(path: Path) -> None:
    vector = _load(path)
    payload = canonical([from_json(vector["fields"][name]) for name in FIELDS])
    signature = SigningKey(bytes.fromhex(vector["seed"])).sign(RECORD_DOMAIN + payload).signature
    assert squeeze(payload) == vector["payload"]
    assert signature.hex() == vector["signature"]
    assert hashlib.sha256(signature + payload).hexdigest() == vector["id"]


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_is_read_back_field_by_field(path: Path) -> None:
    vector = _load(path)
    payload = stretch(vector["payload"])
    record = parse(bytes.fromhex(vector["signature"]) + payload)
    assert record.id.hex() == vector["id"]
    assert verify(record.author, record.raw[:64], RECORD_DOMAIN, payload)
    fields = {name: from_json(value) for name, value in vector["fields"].items()}
    for name, value in fields.items():
        read = getattr(record, name)
        assert canonical(read) == canonical(value), name
    assert encoding.encode([getattr(record, name) for name in FIELDS[:7]]) == canonical([fields[name] for name in FIELDS[:7]])


@pytest.mark.parametrize("path", [path for path in RECORDS if _load(path)["fields"]["version"] == 1], ids=lambda path: path.stem)
def test_an_author_makes_the_same_record(path: Path) -> None:
    vector = _load(path)
    fields = {name: from_json(value) for name, value in vector["fields"].items()}
    draft = Draft(
        fields["kind"],
        tuple(fields["body"]),
        tuple(Ref(*ref) for ref in fields["refs"]),
        tuple(fields["topics"]),
        fields["language"],
        fields["licence"],
        tuple(Attachment(*attachment) for attachment in fields["attachments"]),
        fields["space"],
    )
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(vector["seed"]))
    assert compose(draft, key, fields["seq"], fields["prev"], fields["time"]).id.hex() == vector["id"]


def test_every_kind_is_pinned_and_readable() -> None:
    by_name = {path.stem: parse(bytes.fromhex(_load(path)["signature"]) + stretch(_load(path)["payload"])) for path in RECORDS}
    hidden = {"unknown-version", "least", "most", "full"}
    shown = {name for name, record in by_name.items() if body_of(record) is not None}
    assert shown == set(by_name) - hidden | {"full"}
    assert {by_name[name].kind for name in shown} == {body.kind for body in get_args(kinds.Body)}


@pytest.mark.parametrize("vector", _entries("refused_encodings.json"))
def test_an_encoding_that_is_not_canonical_is_refused(vector: dict[str, str]) -> None:
    with pytest.raises(PeerFault) as caught:
        encoding.decode(stretch(vector["bytes"]))
    assert caught.value.reason == vector["reason"]


@pytest.mark.parametrize("vector", _entries("refused_records.json"))
def test_a_record_that_is_none_is_refused(vector: dict[str, str]) -> None:
    with pytest.raises(PeerFault) as caught:
        parse(stretch(vector["bytes"]))
    assert caught.value.reason == vector["reason"]


@pytest.mark.parametrize("vector", _entries("signatures.json"))
def test_signatures_on_which_verifiers_disagree(vector: dict[str, Any]) -> None:
    key, signature, message = (bytes.fromhex(vector[name]) for name in ("key", "signature", "message"))
    assert parse(signature + message).author == key
    assert verify(key, signature, RECORD_DOMAIN, message) is vector["valid"]


def test_cryptography_would_accept_every_key_of_small_order() -> None:
    """Why libsodium verifies: if this fails one day, `signing` may use one library for both."""
    accepted = refused = 0
    for entry in json.loads((HERE / "signatures.json").read_text(encoding="utf-8")):
        key, signature, message = (bytes.fromhex(entry[name]) for name in ("key", "signature", "message"))
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, RECORD_DOMAIN + message)
            accepted += not entry["valid"]
        except InvalidSignature:
            refused += 1
    assert (accepted, refused) == (18, 7)  # four of the paper's twelve and all fourteen spellings of small keys


@pytest.mark.parametrize("vector", _entries("messages.json"))
def test_messages_are_read_and_written_back(vector: dict[str, str]) -> None:
    data = stretch(vector["bytes"])
    assert messages.write(messages.read(data)) == data
    assert canonical(encoding.decode(data)) == data
