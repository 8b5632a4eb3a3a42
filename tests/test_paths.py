"""Where a home lies, and who may enter it."""

import os
import stat
import tempfile
from pathlib import Path

import pytest

from p2plearn import limits
from p2plearn.errors import FileMissing, Refused
from p2plearn.paths import Home, find_home, private_directory


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_option_wins_over_the_environment(tmp_path):
    assert find_home(str(tmp_path / "given"), {"P2PLEARN_HOME": str(tmp_path / "other")}) == tmp_path / "given"


def test_the_environment_wins_over_the_platform(tmp_path):
    assert find_home(None, {"P2PLEARN_HOME": str(tmp_path)}) == tmp_path


def test_without_either_the_platform_decides(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    home = find_home(None, {})
    assert home.is_relative_to(tmp_path)
    assert home.name == "p2plearn"


@pytest.mark.parametrize("given", ["relative/home", "./home", "~/home"])
def test_a_home_is_always_an_absolute_path(given):
    assert find_home(given, {}).is_absolute()


def test_a_tilde_of_nobody_is_a_name_like_any_other():
    assert find_home("~nobody-of-that-name/home", {}).parent.name == "~nobody-of-that-name"


def test_everything_lies_within_the_home(tmp_path):
    home = Home(tmp_path)
    for path in (home.author_key, home.peer_key, home.config, home.lock, home.token, home.socket):
        assert path.is_relative_to(tmp_path)


def test_only_the_owner_enters_what_is_prepared(tmp_path):
    home = Home(tmp_path / "deep" / "home")
    home.prepare()
    assert [mode(path) for path in (home.root, home.run)] == [0o700, 0o700]


def test_a_home_that_others_could_enter_is_closed(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home").chmod(0o755)
    Home(tmp_path / "home").prepare()
    assert mode(tmp_path / "home") == 0o700


@pytest.mark.parametrize("lying_there", ["thesis.tex", "run/other.pid", "config.toml/x"])
def test_a_directory_with_other_things_in_it_is_left_as_it_is(tmp_path, lying_there):
    place = tmp_path / "documents"
    for path in (place / lying_there, place / "letters" / "mum.txt"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    place.chmod(0o755)
    before = sorted(place.rglob("*"))
    with pytest.raises(Refused, match="holds other things") as refused:
        Home(place).prepare()
    assert (refused.value.exit_code, "--home" in refused.value.hint) == (6, True)
    assert (sorted(place.rglob("*")), mode(place)) == (before, 0o755)


@pytest.mark.parametrize("made", ["keys/author.key", "store.db", "lock"])
def test_a_home_in_use_keeps_its_mode_for_the_doctor_to_see_and_its_inner_rooms_are_closed(tmp_path, made):
    home = Home(tmp_path / "home")
    (home.root / made).parent.mkdir(parents=True)
    (home.root / made).touch()
    if made != "lock":
        (home.root / "notes.txt").touch()
    home.root.chmod(0o755)
    home.run.mkdir(mode=0o755)
    home.prepare()
    assert [mode(path) for path in (home.root, home.run)] == [0o755, 0o700]


@pytest.fixture
def runtime(monkeypatch):
    with tempfile.TemporaryDirectory() as short:
        monkeypatch.setenv("XDG_RUNTIME_DIR", short)
        yield Path(short)


def test_under_a_long_home_the_socket_moves_to_the_runtime_directory(tmp_path, runtime):
    home, other = (Home(tmp_path / ("long" * 30) / name) for name in ("home", "other"))
    assert home.socket.is_relative_to(runtime)
    assert home.socket != other.socket
    assert len(os.fsencode(home.socket)) <= limits.MAX_SOCKET_PATH
    home.prepare()
    assert mode(home.socket.parent) == 0o700


def test_the_same_home_by_another_name_has_the_same_socket(tmp_path, runtime):
    long = tmp_path / ("long" * 30)
    long.mkdir()
    (tmp_path / ("alias" * 30)).symlink_to(long)
    assert Home(long / "home").socket == Home(tmp_path / ("alias" * 30) / "home").socket
    assert Home(long / "home").socket.is_relative_to(runtime)


@pytest.mark.parametrize("blocked", ["file", "below a file"])
def test_a_home_that_cannot_be_made_is_said_so(tmp_path, blocked):
    (tmp_path / "file").write_text("here first")
    path = tmp_path / "file" if blocked == "file" else tmp_path / "file" / "home"
    with pytest.raises(FileMissing):
        Home(path).prepare()


def test_a_directory_of_another_user_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(Refused):
        private_directory(tmp_path)
