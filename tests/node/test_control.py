"""The local API over a service that is only a few words long: who may ask, what is refused, how files flow."""

import json
import os
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from p2plearn import limits
from p2plearn.errors import NotFound, Refused
from p2plearn.node.api import control, methods
from p2plearn.paths import Home

TOKEN = "the token of this start"


class Service:
    """As small as a façade can be: it repeats what it is told, and keeps files in a dictionary."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    async def share(self, title: str, topics: list[str], limit: int = 5, by: str | None = None) -> dict[str, Any]:
        """Share something.

        What comes after the first paragraph is for programmers.
        """
        return {"title": title, "topics": topics, "limit": limit, "by": by}

    async def refuse(self) -> dict[str, Any]:
        raise Refused(reason="That is somebody else’s", remedy="Ask them.")

    async def stumble(self) -> dict[str, Any]:
        raise ZeroDivisionError

    async def put_attachment(self, chunks: AsyncIterator[bytes], name: str) -> dict[str, Any]:
        self.files[name] = b"".join([chunk async for chunk in chunks])
        return {"cid": name, "size": len(self.files[name])}

    async def open_attachment(self, cid: str) -> tuple[int, AsyncIterator[bytes]]:
        if cid not in self.files:
            raise NotFound(given=cid)
        return len(self.files[cid]), _in_pieces(self.files[cid])

    async def import_bundle(self, chunks: AsyncIterator[bytes], name: str) -> dict[str, Any]:
        return {"new": len(b"".join([chunk async for chunk in chunks])), "known": 0, "refused": [], "name": name}

    async def export_bundle(self, topic: str | None = None) -> tuple[dict[str, Any], AsyncIterator[bytes]]:
        data = (topic or "all").encode()
        return {"records": 1, "attachments": 0, "bytes": len(data)}, _in_pieces(data)


async def _in_pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 1000):
        yield data[start : start + 1000]


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
async def api(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=control.application(service, TOKEN))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost/api/v1", headers={"Authorization": f"Bearer {TOKEN}"}
    ) as client:
        yield client


async def test_a_method_is_called_with_its_arguments(api):
    answer = await api.post("/share", json={"title": "Oiling", "topics": ["wood"], "by": "Ana"})
    assert answer.status_code == 200
    assert answer.json() == {"title": "Oiling", "topics": ["wood"], "limit": 5, "by": "Ana"}


@pytest.mark.parametrize(
    "given",
    [
        {"title": "Oiling"},
        {"title": 1, "topics": []},
        {"title": "Oiling", "topics": "wood"},
        {"title": "Oiling", "topics": [None]},
        {"title": "Oiling", "topics": [], "limit": "5"},
        {"title": "Oiling", "topics": [], "limit": 1.5},
        {"title": "Oiling", "topics": [], "surprise": True},
        ["Oiling"],
        "Oiling",
        None,
    ],
)
async def test_arguments_that_do_not_fit_are_refused(api, given):
    answer = await api.post("/share", json=given)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "usage"
    assert answer.json()["error"]["message"].endswith(".")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"title": NaN'])
async def test_what_is_not_json_is_refused(api, body):
    answer = await api.post("/share", content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "usage")


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer wrong", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN} "[:-2]])
@pytest.mark.parametrize("path", ["share", "openapi.json", "attachments/x", "export"])
async def test_without_the_token_there_is_no_answer(api, authorization, path):
    verb = "POST" if path == "share" else "GET"
    answer = await api.request(verb, f"/{path}", headers={"Authorization": authorization}, json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "token_refused")


@pytest.mark.parametrize("name", ["nosuch", "_keeper", "__init__", "put_attachment", "files"])
async def test_only_the_methods_of_the_table_can_be_called(api, name):
    answer = await api.post(f"/{name}", json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "usage")


async def test_an_error_arrives_with_code_message_and_hint(api):
    answer = await api.post("/refuse", json={})
    assert answer.status_code == 403
    assert answer.json() == {"error": {"code": "refused", "message": "That is somebody else’s.", "hint": "Ask them."}}


async def test_a_bug_becomes_one_sentence_and_the_api_lives_on(api):
    answer = await api.post("/stumble", json={})
    assert answer.status_code == 500
    assert "ZeroDivisionError" in answer.json()["error"]["message"]
    assert (await api.post("/share", json={"title": "", "topics": []})).status_code == 200


@pytest.mark.parametrize("verb,path", [("GET", "/nosuch/at/all"), ("DELETE", "/share"), ("GET", "/share")])
async def test_an_unknown_request_is_answered_in_json(api, verb, path):
    answer = await api.request(verb, path)
    assert answer.json()["error"]["code"] == "usage"


async def test_a_file_goes_up_and_comes_down_as_it_was(api, service):
    data = bytes(range(256)) * 40
    answer = await api.put("/attachments", params={"name": "a b/ü.bin"}, content=_in_pieces(data))
    assert answer.json() == {"cid": "a b/ü.bin", "size": len(data)}
    service.files["bafk"] = data
    down = await api.get("/attachments/bafk")
    assert down.content == data
    assert json.loads(down.headers["P2plearn-Counts"]) == {"bytes": len(data)}


async def test_an_attachment_that_is_not_here_is_not_found(api):
    answer = await api.get("/attachments/bafknosuch")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_bundles_flow_both_ways_with_their_counts(api):
    assert (await api.put("/import", params={"name": "x"}, content=b"12345")).json()["new"] == 5
    out = await api.get("/export", params={"topic": "wood"})
    assert out.content == b"wood"
    assert json.loads(out.headers["P2plearn-Counts"])["records"] == 1


async def test_openapi_describes_every_method_and_route(api):
    paths = (await api.get("/openapi.json")).json()["paths"]
    assert {f"/api/v1/{name}" for name in methods.table(Service)} <= paths.keys()
    assert {"/api/v1/attachments", "/api/v1/attachments/{cid}", "/api/v1/import", "/api/v1/export"} <= paths.keys()
    assert paths["/api/v1/share"]["post"]["summary"] == "Share something."


async def test_openapi_says_which_arguments_are_needed(api):
    document = (await api.get("/openapi.json")).json()
    schema = document["components"]["schemas"]["share_arguments"]
    assert schema["required"] == ["title", "topics"]
    assert schema["additionalProperties"] is False


@asynccontextmanager
async def serving(service: Service, home: Home) -> AsyncIterator[trio.CancelScope]:
    async with trio.open_nursery() as nursery:
        await nursery.start(control.serve, service, home)
        yield nursery.cancel_scope
        nursery.cancel_scope.cancel()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    home.prepare()
    yield home
    assert not home.socket.exists(), "a node that stops takes its socket with it"


def over_socket(home: Home, token: str | None = None) -> httpx.AsyncClient:
    given = home.token.read_text() if token is None else token
    transport = httpx.AsyncHTTPTransport(uds=str(home.socket))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost/api/v1", headers={"Authorization": f"Bearer {given}"})


@pytest.mark.network
async def test_the_socket_is_for_its_owner_alone_and_the_token_is_new_each_time(service, home):
    tokens = set()
    for _ in range(2):
        async with serving(service, home), over_socket(home) as client:
            assert (await client.post("/share", json={"title": "t", "topics": []})).status_code == 200
            assert stat.S_IMODE(home.socket.parent.stat().st_mode) == 0o700
            assert stat.S_IMODE(home.token.stat().st_mode) == 0o600
            tokens.add(home.token.read_text())
    assert len(tokens) == 2
    assert min(map(len, tokens)) >= 40


@pytest.mark.network
async def test_a_socket_left_by_a_crash_is_no_obstacle(service, home):
    left = trio.socket.socket(trio.socket.AF_UNIX)
    await left.bind(str(home.socket))
    left.close()
    async with serving(service, home), over_socket(home) as client:
        assert (await client.post("/share", json={"title": "t", "topics": []})).status_code == 200


@pytest.mark.network
async def test_the_one_who_asks_for_the_end_gets_an_answer(service, home):
    async def down() -> dict[str, Any]:
        stop.cancel()
        await trio.sleep(0.05)
        return {"stopped": True}

    with trio.CancelScope(shield=True):  # as Node.down does: the answer is not part of what ends
        async with trio.open_nursery() as nursery:
            service.refuse = down
            async with over_socket_later(home) as ask:
                stop = await nursery.start(_serve_until_cancelled, service, home)
                assert (await ask("refuse")).json() == {"stopped": True}


async def _serve_until_cancelled(service: Service, home: Home, *, task_status: Any) -> None:
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            await nursery.start(control.serve, service, home)
            task_status.started(scope)
            await trio.sleep_forever()


@asynccontextmanager
async def over_socket_later(home: Home) -> AsyncIterator[Any]:
    async def ask(method: str) -> httpx.Response:
        async with over_socket(home) as client:
            return await client.post(f"/{method}", json={})

    yield ask


@pytest.mark.network
async def test_large_files_flow_through_the_socket_in_bounded_pieces(service, home):
    data = os.urandom(3 * limits.MiB)
    async with serving(service, home), over_socket(home) as client:
        assert (await client.put("/attachments", params={"name": "big"}, content=_in_pieces(data))).json()["size"] == len(data)
        assert (await client.get("/attachments/big")).content == data


@pytest.mark.network
async def test_a_request_beyond_the_limit_is_refused(service, home):
    async with serving(service, home), over_socket(home) as client:
        answer = await client.post("/share", content=b" " * (limits.MAX_REQUEST + 1))
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "too_large")


@pytest.mark.network
async def test_an_upload_that_breaks_off_is_not_taken(service, home):
    async with serving(service, home):
        stream = await trio.open_unix_socket(str(home.socket))
        head = f"PUT /api/v1/attachments?name=half HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {home.token.read_text()}\r\n"
        await stream.send_all(head.encode() + b"Content-Length: 1000\r\n\r\nhalf")
        await trio.sleep(0.1)
        await stream.aclose()
        await trio.sleep(0.1)
        async with over_socket(home) as client:
            assert (await client.get("/attachments/half")).status_code == 404


@pytest.mark.network
async def test_a_download_that_breaks_in_the_node_is_seen_as_broken(service, home):
    async def broken(cid: str) -> tuple[int, AsyncIterator[bytes]]:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"some"
            raise OSError(5, "the disk is gone")

        return 1000, chunks()

    service.open_attachment = broken
    async with serving(service, home), over_socket(home) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/attachments/x")
        assert (await client.post("/share", json={"title": "t", "topics": []})).status_code == 200
