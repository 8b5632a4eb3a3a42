"""One process has a home; another waits its turn, and nothing has to be tidied up after one that was killed."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from p2plearn.errors import HomeLocked
from p2plearn.lock import locked
from p2plearn.paths import Home

HOLDER = """
import sys, time
from pathlib import Path
from p2plearn.lock import locked
from p2plearn.paths import Home
with locked(Home(Path(sys.argv[1]))):
    print("mine", flush=True)
    time.sleep(60)
"""


def test_a_home_that_another_process_has_is_refused_at_once_and_free_when_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "mine\n"
        assert (tmp_path / "lock").read_text() == f"{holder.pid}\n"
        with pytest.raises(HomeLocked), locked(Home(tmp_path)):
            pass
        assert (tmp_path / "lock").read_text() == f"{holder.pid}\n"
        holder.kill()
        holder.wait()
        with locked(Home(tmp_path)):
            assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_the_same_process_cannot_have_it_twice_and_lets_go_after_an_error(tmp_path: Path) -> None:
    with suppress(RuntimeError), locked(Home(tmp_path)):
        with pytest.raises(HomeLocked), locked(Home(tmp_path)):
            pass
        raise RuntimeError
    with locked(Home(tmp_path)):
        pass


def test_a_disk_without_room_for_the_number_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with locked(Home(tmp_path)), pytest.raises(HomeLocked), locked(Home(tmp_path)):
        pass
