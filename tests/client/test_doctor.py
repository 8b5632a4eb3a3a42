"""The doctor of a home that cannot be opened: what keeps it closed is a failed check with a remedy, never an exception."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2plearn.client import Client
from p2plearn.errors import P2plearnError


@pytest.fixture
def client(tmp_path: Path) -> Client:
    used = Client(tmp_path / "home")
    used.call("share", title="Bread", text="Let it rest.", topics=["baking"])
    return used


def complaints(client: Client) -> dict[str, str]:
    checks = client.call("doctor")["checks"]
    assert [bool(check["remedy"]) for check in checks] == [not check["ok"] for check in checks]
    return {check["name"]: check["message"] for check in checks if not check["ok"]}


@pytest.mark.parametrize(
    "file, content, check, message",
    [
        ("config.toml", b"quota = = 3", "settings", "it is not TOML"),
        ("keys/author.key", b"half a key", "keys", "it holds 10 bytes instead of 32"),
        ("keys/peer.key", b"", "keys", "it holds 0 bytes instead of 32"),
        ("keys/author.key", None, "keys", "author.key is no longer there"),
        ("store.db", b"no database " * 1000, "store", "file is not a database"),
    ],
)
def test_what_is_damaged_is_named_and_stays_as_it_is(client: Client, file: str, content: bytes | None, check: str, message: str) -> None:
    path = client.home.root / file
    path.unlink(missing_ok=True)
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(P2plearnError):
        client.call("feed")
    found = complaints(client)
    assert found.keys() == {check}
    assert message in found[check]
    assert (path.read_bytes() if path.exists() else None) == content


def test_both_keys_gone_are_missed_and_not_made_anew(client: Client) -> None:
    client.home.author_key.unlink()
    client.home.peer_key.unlink()
    assert complaints(client) == {"keys": "Your author.key and peer.key is no longer there."}
    assert not client.home.author_key.exists()


def test_a_home_that_others_can_enter_is_told_of_and_left_to_its_owner(client: Client) -> None:
    client.home.root.chmod(0o755)
    assert complaints(client).keys() == {"home"}
    assert complaints(client).keys() == {"home"}


def test_a_disk_that_cannot_be_written(client: Client, read_only: Path) -> None:
    subprocess.run(["cp", "-a", client.home.root, read_only / "home"], check=True)
    subprocess.run(["mount", "-o", "remount,ro", read_only], check=True)
    assert complaints(Client(read_only / "home")).keys() >= {"store", "disk"}


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A disk in memory that a test may make read-only; only root can."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=20m", "p2plearn", str(disk)]
    if os.getuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs to mount a small disk")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)
