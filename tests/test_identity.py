"""Keys are made once, whole, for their owner alone, and never written over."""

import os
import stat
import threading

import pytest

from p2plearn.errors import BadIdentity, FileUnwritable
from p2plearn.identity import SEED_SIZE, load_or_create
from p2plearn.paths import Home


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


def test_the_first_call_makes_two_different_keys(home):
    identity = load_or_create(home)
    assert identity.created
    assert identity.author_id != identity.peer.public_key().public_bytes_raw()
    assert len(identity.author_id) == 32


def test_the_second_call_changes_nothing(home):
    first = load_or_create(home)
    before = [(path.name, path.stat().st_mtime_ns, path.read_bytes()) for path in sorted(home.keys.iterdir())]
    second = load_or_create(home)
    assert not second.created
    assert second.author_id == first.author_id
    assert [(path.name, path.stat().st_mtime_ns, path.read_bytes()) for path in sorted(home.keys.iterdir())] == before


def test_only_the_owner_can_read_them(home):
    load_or_create(home)
    assert stat.S_IMODE(home.keys.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in home.keys.iterdir()] == [0o600, 0o600]


@pytest.mark.parametrize("damage", [b"", b"x" * (SEED_SIZE - 1), b"x" * (SEED_SIZE + 1)])
@pytest.mark.parametrize("which", ["author_key", "peer_key"])
def test_a_damaged_key_is_neither_used_nor_replaced(home, which, damage):
    load_or_create(home)
    path = getattr(home, which)
    path.write_bytes(damage)
    with pytest.raises(BadIdentity, match=path.name):
        load_or_create(home)
    assert path.read_bytes() == damage


def test_a_directory_in_place_of_a_key_is_left_alone(home):
    home.author_key.mkdir(parents=True)
    with pytest.raises(BadIdentity):
        load_or_create(home)
    assert home.author_key.is_dir()


def test_a_link_to_nowhere_is_not_filled(home, tmp_path):
    home.keys.mkdir(parents=True)
    home.author_key.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadIdentity):
        load_or_create(home)
    assert not (tmp_path / "elsewhere").exists()


def test_a_lost_author_key_is_not_hidden_by_a_new_one(home):
    load_or_create(home)
    home.author_key.unlink()
    with pytest.raises(BadIdentity, match="missing"):
        load_or_create(home)
    assert not home.author_key.exists()


def test_a_lost_peer_key_is_made_anew_under_the_same_author(home):
    first = load_or_create(home)
    home.peer_key.unlink()
    second = load_or_create(home)
    assert second.author_id == first.author_id
    assert not second.created


def test_many_at_once_agree_on_one_key(home):
    home.prepare()
    found = []
    start = threading.Barrier(8)

    def load():
        start.wait()
        found.append(load_or_create(home))

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({identity.author_id for identity in found}) == 1
    assert sum(identity.created for identity in found) == 1
    assert sorted(path.name for path in home.keys.iterdir()) == ["author.key", "peer.key"]


def test_a_crash_before_the_key_has_its_name_leaves_no_key(home, monkeypatch):
    def crash(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "link", crash)
    with pytest.raises(FileUnwritable, match="cannot be written"):
        load_or_create(home)
    assert list(home.keys.iterdir()) == []
