"""`Client`: everything the façade offers, asked of the running node or, without one, of the store itself.

Decides which of the two, and nothing else. Must not import the node before it turns out that none is running.
"""

import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, TypeVar
from urllib.parse import quote, urlencode

from p2plearn import limits
from p2plearn.client import files, http, local
from p2plearn.errors import (
    BadConfig,
    BadIdentity,
    DiskFull,
    FileMissing,
    FileUnwritable,
    HomeLocked,
    NotFound,
    NotRunning,
    P2plearnError,
    StoreBroken,
    StoreTooNew,
    TooLarge,
    UsageError,
)
from p2plearn.paths import Home

Answer: TypeAlias = dict[str, Any]
Progress: TypeAlias = Callable[[int, int], None]
T = TypeVar("T")

_NEEDS_NODE = {"peers", "connect", "down"}
_RETRY = 0.05  # seconds between two looks at a node that is stopping


class Client:
    """The node or store of one home. Every method raises the P2plearnError that the façade raised.

    `progress(done, total)` is called with bytes so far and in all.
    """

    def __init__(self, home: Path) -> None:
        self.home = Home(home)

    def call(self, method: str, **arguments: Any) -> Answer:
        """One method of the façade with plain JSON values. Raises NotRunning when it needs a node and there is none."""
        body = _encode(arguments)

        def ask_node() -> Answer:
            with http.request(self.home, "POST", f"/api/v1/{method}", body) as response:
                return http.answer(response)

        if method in _NEEDS_NODE:
            try:
                return ask_node()
            except http.NoNode:
                raise NotRunning from None
        try:
            return self._either(ask_node, lambda service: local.call(service, method, arguments))
        except (BadConfig, BadIdentity, DiskFull, FileMissing, FileUnwritable, StoreBroken, StoreTooNew):
            if method != "doctor":
                raise
            return local.look_over(self.home)  # what keeps a home from being opened is what the doctor is asked for

    def init(self, name: str | None = None) -> Answer:
        """Make the keys of this home, and with a name a first profile. Where keys are, nothing changes."""
        from p2plearn.identity import load_or_create

        if name is not None:
            _check_name(name)
        self.home.prepare()
        identity = load_or_create(self.home)
        if identity.created and name is not None:
            self.call("profile", name=name)
        author = identity.author_id.hex()
        return {"author": author, "name": self.call("name_of", author=author)["name"], "created": identity.created}

    def put_attachment(self, path: Path, progress: Progress) -> Answer:
        """Store a file; what came of it: cid, size and media type. Raises FileMissing, TooLarge."""
        with files.reading(path) as (file, size):
            if size > limits.MAX_ATTACHMENT:
                raise TooLarge(
                    what=f"The file “{path}”", size=size, limit=limits.MAX_ATTACHMENT, remedy="Make it smaller, or share it in parts."
                )
            return self._upload(
                f"/api/v1/attachments?{_query(name=path.name)}", file, size, progress, method="put_attachment", name=path.name
            )

    def import_bundle(self, path: Path, progress: Progress) -> Answer:
        """Take in the export at `path`; how many records were new, known and refused, and why. Raises FileMissing, BadBundle."""
        with files.reading(path) as (file, size):
            return self._upload(f"/api/v1/import?{_query(name=path.name)}", file, size, progress, method="import_bundle", name=path.name)

    def get_attachment(self, cid: str, path: Path, progress: Progress, *, replace: bool = False) -> Answer:
        """Write an attachment to `path`. Raises NotFound, AttachmentAway, Refused when a file is there."""
        with files.writing(path, replace=replace) as file:
            counts = self._download(f"/api/v1/attachments/{_quote(cid)}", file, progress, "open_attachment", {"cid": cid})
        return {"cid": cid, "file": str(path), "size": counts["bytes"]}

    def export_bundle(self, path: Path, progress: Progress, topic: str | None = None, *, replace: bool = True) -> Answer:
        """Write what is here, or what is about `topic`, to one file at `path`; how many records and attachments it holds."""
        given = {} if topic is None else {"topic": topic}
        with files.writing(path, replace=replace) as file:
            return self._download(f"/api/v1/export?{_query(**given)}", file, progress, "export_bundle", given)

    def up(self, **options: Any) -> None:
        """Be the node of this home until a signal ends it; the options are those of `node.runtime.run`."""
        from p2plearn.node.runtime import run

        with local.one_error():
            run(self.home.root, **options)

    def down(self) -> Answer:
        """Stop the running node; returns when it has let go of the home. Raises NotRunning."""
        answer = self.call("down")
        deadline = time.monotonic() + limits.SHUTDOWN_TIMEOUT + 1
        while local.in_use(self.home):
            if time.monotonic() >= deadline:
                raise P2plearnError(reason="the node was told to stop, but has not ended yet")
            time.sleep(_RETRY)
        return answer

    def answering(self) -> bool:
        """Whether a node is running for this home."""
        return http.answering(self.home)

    def _upload(self, path: str, file: BinaryIO, size: int, progress: Progress, *, method: str, name: str) -> Answer:
        def pieces() -> Iterator[bytes]:
            file.seek(0)
            done = 0
            while piece := file.read(http.PIECE):
                yield piece
                done += len(piece)
                progress(done, max(done, size))

        def ask_node() -> Answer:
            with http.request(self.home, "PUT", path, pieces(), limits.TRANSFER_TIMEOUT) as response:
                return http.answer(response)

        async def ask_store(service: Any) -> Answer:
            answer: Answer = await getattr(service, method)(chunks=_async(pieces()), name=name)
            return answer

        return self._either(ask_node, ask_store)

    def _download(self, path: str, file: BinaryIO, progress: Progress, method: str, arguments: Answer) -> Answer:
        def write(done: int, piece: bytes, total: int) -> int:
            file.write(piece)
            progress(done + len(piece), max(done + len(piece), total))
            return done + len(piece)

        def ask_node() -> Answer:
            with http.request(self.home, "GET", path, patience=limits.TRANSFER_TIMEOUT) as response:
                counts = http.counts(response)
                done = 0
                for piece in http.pieces(response):
                    done = write(done, piece, counts["bytes"])
                return counts

        async def ask_store(service: Any) -> Answer:
            about, stream = await getattr(service, method)(**arguments)
            counts: Answer = about if isinstance(about, dict) else {"bytes": about}
            done = 0
            async for piece in stream:
                done = write(done, piece, counts["bytes"])
            return counts

        return self._either(ask_node, ask_store)

    def _either(self, ask_node: Callable[[], T], ask_store: local.Work[T]) -> T:
        """Ask the node; when none answers, ask the store, waiting while another process has it (that may be a node starting)."""
        patience = None
        while True:
            try:
                return ask_node()
            except http.NoNode:
                pass
            try:
                return local.run(self.home, ask_store)
            except HomeLocked:
                patience = patience or local.patience(self.home)
                if patience.over:
                    raise
                time.sleep(patience.PAUSE)


async def _async(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def _encode(arguments: Answer) -> bytes:
    try:
        return json.dumps(arguments, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise UsageError(reason="What was given is not UTF-8 text") from None


def _quote(given: str) -> str:
    try:
        return quote(given, safe="")
    except UnicodeEncodeError:
        raise NotFound(given=given[:80]) from None


def _query(**given: str) -> str:
    try:
        return urlencode(given)
    except UnicodeEncodeError:
        raise UsageError(reason="The name that was given is not UTF-8 text") from None


def _check_name(name: str) -> None:
    """Before any key is made: a first `init` that fails must leave nothing behind."""
    if not name.strip():
        raise UsageError(reason="The name is empty")
    if len(name.encode(errors="replace")) > limits.MAX_NAME:
        raise TooLarge(what="The name", size=len(name.encode(errors="replace")), limit=limits.MAX_NAME)
