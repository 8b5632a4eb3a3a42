"""HTTP/1.1 to a running node over the Unix socket in its home (docs/CLI.md, “Local API”). Knows paths and bytes, no methods."""

import http.client
import json
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from p2plearn import limits
from p2plearn.errors import HomeLocked, P2plearnError, TokenRefused
from p2plearn.paths import Home

PIECE = 256 * limits.KiB  # what is read and written at once


class NoNode(Exception):
    """Nobody listens at the socket: none was ever started here, or the last one is gone."""


class _Connection(http.client.HTTPConnection):
    def __init__(self, home: Home, patience: float) -> None:
        super().__init__("localhost")
        self._patience = patience
        self._path = str(home.answering_at)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self._patience)
        try:
            self.sock.connect(self._path)
        except OSError:
            raise NoNode from None


@contextmanager
def request(
    home: Home, method: str, path: str, body: bytes | Iterable[bytes] | None = None, patience: float | None = None
) -> Iterator[http.client.HTTPResponse]:
    """The response to one request, its body to be read with `pieces` or `answer`. `patience`: seconds of silence to bear.

    Raises NoNode before anything was sent, the error that the node reports, or P2plearnError when it goes away meanwhile.
    """
    connection = _Connection(home, limits.API_TIMEOUT if patience is None else patience)
    try:
        connection.connect()
        with _node_may_go():
            _send(connection, method, path, body, {"Authorization": f"Bearer {_token(home)}"})
            response = connection.getresponse()
            if response.status != http.client.OK:
                raise _reported(response)
        yield response
    finally:
        connection.close()


def answering(home: Home) -> bool:
    """Whether a node listens at the socket just now."""
    connection = _Connection(home, limits.API_TIMEOUT)
    try:
        connection.connect()
    except NoNode:
        return False
    finally:
        connection.close()
    return True


def pieces(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """The body as it comes. Raises P2plearnError when it ends too early."""
    while True:
        with _node_may_go():
            piece = response.read1(PIECE)
            if not piece and response.length:
                raise http.client.IncompleteRead(b"", response.length)
        if not piece:
            return
        yield piece


def answer(response: http.client.HTTPResponse) -> dict[str, Any]:
    """The body as the JSON object that it is."""
    return _object(b"".join(pieces(response)))


def counts(response: http.client.HTTPResponse) -> dict[str, Any]:
    """What the head of a download says of its body, `bytes` above all."""
    return _object(response.headers.get("P2plearn-Counts", "").encode())


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise P2plearnError(reason="what answered at the socket of this home is no p2plearn node")
    return found


@contextmanager
def _node_may_go() -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise HomeLocked from None
    except (OSError, http.client.HTTPException):
        raise P2plearnError(reason="the node stopped before it had answered, so the change may or may not have been made") from None


def _send(connection: _Connection, method: str, path: str, body: bytes | Iterable[bytes] | None, headers: dict[str, str]) -> None:
    """A node may refuse an upload before it has read all of it; then its answer matters, not the broken pipe."""
    try:
        connection.request(method, path, body, headers)
    except (BrokenPipeError, ConnectionResetError):
        if body is None:
            raise


def _token(home: Home) -> str:
    try:
        return home.token.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        raise TokenRefused from None


def _reported(response: http.client.HTTPResponse) -> P2plearnError:
    try:
        error: dict[str, Any] = json.loads(response.read(limits.MAX_REQUEST))["error"]
        return P2plearnError.from_json(error)
    except (ValueError, KeyError, TypeError, AttributeError):
        return P2plearnError(reason=f"the node answered with HTTP {response.status}")
