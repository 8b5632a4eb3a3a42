"""Where everything of one node lies. All of it is within its home, a directory that only its owner can enter.

Knows nothing of what is in the files. Imports little: every command starts here.
"""

import hashlib
import os
import stat
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from p2plearn import limits
from p2plearn.errors import FileMissing, FileUnwritable, Refused

_OURS = {"keys", "run", "lock", "config.toml", "blocks"}  # all that a home can hold before its keys and its store are made


def find_home(given: str | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """The home meant by `--home`, else by P2PLEARN_HOME, else by the platform's conventions; absolute, perhaps not there yet."""
    chosen = given or environ.get("P2PLEARN_HOME")
    if chosen:
        return Path(os.path.expanduser(chosen)).absolute()  # noqa: PTH111 - unlike Path.expanduser, leaves “~nobody” as it is
    import platformdirs  # 50 ms that most commands need not pay

    return Path(platformdirs.user_data_dir("p2plearn", appauthor=False)).absolute()


@dataclass(frozen=True, slots=True)
class Home:
    """The names within the home directory `root`. Nothing is made until `prepare`."""

    root: Path

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def author_key(self) -> Path:
        return self.keys / "author.key"

    @property
    def peer_key(self) -> Path:
        return self.keys / "peer.key"

    @property
    def config(self) -> Path:
        return self.root / "config.toml"

    @property
    def store(self) -> Path:
        return self.root / "store.db"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def port(self) -> Path:
        return self.run / "port"

    @property
    def token(self) -> Path:
        return self.run / "token"

    @property
    def socket(self) -> Path:
        """Where the running node answers. A socket's path is short by law; under a long home it moves to the runtime directory."""
        inside = self.run / "control.sock"
        if len(os.fsencode(inside)) <= limits.MAX_SOCKET_PATH:
            return inside
        import platformdirs

        name = hashlib.sha256(os.fsencode(self.root.resolve())).hexdigest()[:16]
        with warnings.catch_warnings():  # it warns where there is no runtime directory, and then takes another that will do
            warnings.simplefilter("ignore")
            return Path(platformdirs.user_runtime_dir("p2plearn", appauthor=False)) / name / "control.sock"

    @property
    def answering_at(self) -> Path:
        """The socket of the node that runs, as it noted it down: its environment may name another runtime directory than ours.

        A note that came with a copy of another home is known by the other home's name in it, and not followed.
        """
        usual = self.socket
        if usual.parent == self.run:
            return usual
        try:
            noted = Path(os.fsdecode((self.run / "socket").read_bytes()))
        except OSError:
            return usual
        return noted if noted.parent.name == usual.parent.name else usual

    def prepare(self) -> None:
        """Make the home and its `run`, for the owner alone. Raises FileMissing or Refused when that cannot be."""
        self.claim()
        private_directory(self.run)
        if self.socket.parent != self.run:
            private_directory(self.socket.parent.parent)
            private_directory(self.socket.parent)

    def claim(self) -> None:
        """Make the home's directory, or take an empty one. One with other things in it is refused, with nothing changed.

        A home in use keeps the mode it has: somebody opened it, and `doctor` tells of it. Raises FileMissing, Refused.
        """
        private_directory(self.root, as_it_is=self.is_used())

    def is_used(self) -> bool:
        """Whether there is a home already. Raises Refused when there is something else, FileMissing when that cannot be seen."""
        try:
            names = {path.name for path in self.root.iterdir()}
        except FileNotFoundError:
            return False
        except OSError as error:
            raise FileMissing(path=self.root, reason=reason_of(error)) from None
        except ValueError:
            raise FileMissing(path=self.root, reason="it is not a file name") from None
        if names <= _OURS or any(path.exists() for path in (self.author_key, self.peer_key, self.store)):
            return bool(names)
        raise Refused(
            reason=f"The directory “{self.root}” holds other things and is no home of p2plearn",
            remedy="Name a new or empty directory with --home or P2PLEARN_HOME; nothing was changed.",
        )


def private_directory(directory: Path, *, as_it_is: bool = False) -> None:
    """Make `directory` with mode 0700. One that is there must be ours, and others are shut out unless it stays `as_it_is`.

    Raises FileUnwritable or FileMissing when it cannot be made, Refused when it belongs to another user.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = directory.stat()
        if found.st_uid != os.getuid():
            raise Refused(
                reason=f"The directory “{directory}” belongs to another user", remedy="Choose another home with --home or P2PLEARN_HOME."
            )
        if not as_it_is and stat.S_IMODE(found.st_mode) & 0o077:
            directory.chmod(0o700)
    except OSError as error:
        raise FileUnwritable(path=directory, reason=reason_of(error)) from None
    except ValueError:
        raise FileMissing(path=directory, reason="it is not a file name") from None


def reason_of(error: OSError) -> str:
    """What the operating system says of a failure, in the middle of a sentence: “no such file or directory”."""
    text = error.strerror or str(error) or type(error).__name__
    return text[:1].lower() + text[1:]
