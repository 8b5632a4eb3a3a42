"""The local API: the façade over HTTP/1.1 on a Unix socket, for the command line and other programs of the same user.

`POST /api/v1/METHOD` with a JSON object of arguments gives the method's JSON; files go through routes of their own as streams, and
`GET /api/v1/openapi.json` describes all of it. Every request carries the token of this start. Knows the façade, never what is behind it.
"""

import hmac
import json
import os
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Protocol, TypeAlias

import structlog
import trio
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from p2plearn import limits
from p2plearn.errors import P2plearnError, TokenRefused, TooLarge, UsageError
from p2plearn.node.api import asgi, methods, openapi
from p2plearn.paths import Home

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]

_STATUS = {1: 500, 2: 400, 3: 503, 4: 401, 5: 404, 6: 403}  # by exit code of the error

_log = structlog.get_logger(__name__)


class Streams(Protocol):
    """What the façade offers beside plain methods: whole files, in pieces."""

    async def put_attachment(self, chunks: AsyncIterator[bytes], name: str) -> dict[str, Any]: ...
    async def open_attachment(self, cid: str) -> tuple[int, AsyncIterator[bytes]]: ...
    async def import_bundle(self, chunks: AsyncIterator[bytes], name: str) -> dict[str, Any]: ...
    async def export_bundle(self, topic: str | None = None) -> tuple[dict[str, Any], AsyncIterator[bytes]]: ...


async def serve(service: Streams, home: Home, *, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
    """Answer at the socket of `home` until cancelled; started once the socket listens and the token is written.

    The caller holds the lock of the home, so a socket that is there was left by a node that is gone.
    """
    home.prepare()
    home.socket.unlink(missing_ok=True)
    token = secrets.token_urlsafe(32)
    _write_token(home, token)
    listener = trio.socket.socket(trio.socket.AF_UNIX)
    await listener.bind(str(home.socket))
    listener.listen()
    (home.run / "socket").write_bytes(os.fsencode(home.socket))
    try:
        await asgi.serve(application(service, token), [trio.SocketListener(listener)], task_status=task_status)
    finally:
        listener.close()
        home.socket.unlink(missing_ok=True)


def application(service: Streams, token: str) -> Starlette:
    """The API over `service` as an ASGI application, for whoever has `token`."""
    table = methods.table(type(service))

    async def call(request: Request) -> Response:
        method = methods.find(table, request.path_params["method"])
        return JSONResponse(await method.bind(service, await _arguments(request))())

    async def put_attachment(request: Request) -> Response:
        async with aclosing(_body(request)) as chunks:
            return JSONResponse(await service.put_attachment(chunks=chunks, name=request.query_params.get("name", "")))

    async def open_attachment(request: Request) -> Response:
        size, chunks = await service.open_attachment(cid=request.path_params["cid"])
        return _stream({"bytes": size}, chunks)

    async def import_bundle(request: Request) -> Response:
        async with aclosing(_body(request)) as chunks:
            return JSONResponse(await service.import_bundle(chunks=chunks, name=request.query_params.get("name", "")))

    async def export_bundle(request: Request) -> Response:
        return _stream(*await service.export_bundle(topic=request.query_params.get("topic")))

    async def description(_: Request) -> Response:
        return JSONResponse(openapi.describe(table))

    async def unknown(_: Request, error: Exception) -> Response:
        return _failure(UsageError(reason=f"The local API has no such request: {error}"))

    def route(path: str, endpoint: Endpoint, verb: str) -> Route:
        return Route(f"/api/v1/{path}", _guarded(endpoint, token), methods=[verb])

    return Starlette(
        routes=[
            route("openapi.json", description, "GET"),
            route("attachments", put_attachment, "PUT"),
            route("attachments/{cid:path}", open_attachment, "GET"),
            route("import", import_bundle, "PUT"),
            route("export", export_bundle, "GET"),
            route("{method}", call, "POST"),
        ],
        exception_handlers={404: unknown, 405: unknown},
    )


def _guarded(endpoint: Endpoint, token: str) -> Endpoint:
    """`endpoint` for whoever has the token, its errors as JSON; a bug becomes one too, and its traceback goes to the log."""

    async def guarded(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode()
        try:
            return await endpoint(request) if hmac.compare_digest(given, f"Bearer {token}".encode()) else _failure(TokenRefused())
        except ClientDisconnect:
            return Response(status_code=400)  # for nobody: the program that asked is gone
        except P2plearnError as error:
            return _failure(error)
        except Exception as error:  # noqa: BLE001 - one bug must not end the node
            _log.exception("unforeseen error in the local API", path=request.url.path)
            return _failure(P2plearnError(reason=f"the running node met an unforeseen {type(error).__name__}; its log says more"))

    return guarded


def _failure(error: P2plearnError) -> Response:
    return JSONResponse({"error": error.to_json()}, status_code=_STATUS[error.exit_code])


async def _arguments(request: Request) -> Any:
    body = bytearray()
    async with aclosing(_body(request)) as pieces:
        async for piece in pieces:
            body += piece
            if len(body) > limits.MAX_REQUEST:
                raise TooLarge(what="The request", size=len(body), limit=limits.MAX_REQUEST)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise UsageError(reason="The request is not JSON") from None


async def _body(request: Request) -> AsyncGenerator[bytes, None]:
    """What is uploaded. A program that stops halfway ends it with ClientDisconnect, so that half a file is never taken for one."""
    async with aclosing(request.stream()) as pieces:
        async for piece in pieces:
            yield piece


def _stream(counts: dict[str, Any], chunks: AsyncIterator[bytes]) -> Response:
    headers = {"P2plearn-Counts": json.dumps(counts), "Content-Length": str(counts["bytes"])}
    return StreamingResponse(chunks, headers=headers, media_type="application/octet-stream")


def _write_token(home: Home, token: str) -> None:
    """Complete under another name before it takes this one: a program never reads half a token."""
    draft = home.token.with_name("token.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(token)
    draft.replace(home.token)
