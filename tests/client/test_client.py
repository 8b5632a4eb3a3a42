"""The client: the same answers from a running node and from the store, and a clear word when it gets neither."""

import fcntl
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import trio

from p2plearn import limits
from p2plearn.client import Client
from p2plearn.errors import (
    AmbiguousPrefix,
    BadBundle,
    FileMissing,
    FileUnwritable,
    HomeLocked,
    NotFound,
    NotRunning,
    P2plearnError,
    Refused,
    TokenRefused,
    TooLarge,
    UsageError,
)
from p2plearn.node.api import control
from p2plearn.node.service.service import Service
from p2plearn.paths import Home


def nothing(done, total):
    pass


class Running:
    """The service of a home behind its local API, in a thread: a node as far as a client can tell."""

    def __init__(self, home, *, holding=False):
        self._home = home
        self._holding = holding
        self._started = threading.Event()
        self._thread = threading.Thread(target=trio.run, args=(self._main,))

    async def _main(self):
        async with Service.open(self._home, holding=self._holding) as service, trio.open_nursery() as nursery:
            await nursery.start(control.serve, service, Home(self._home))
            self._stop = nursery.cancel_scope.cancel
            self._trio = trio.lowlevel.current_trio_token()
            self._started.set()

    def __enter__(self):
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, *_):
        self._trio.run_sync_soon(self._stop)
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture(params=["store", "node"])
def client(request, home):
    if request.param == "store":
        yield Client(home)
    else:
        with Running(home):
            yield Client(home)


def share(client, title="Oiling", **more):
    return client.call("share", title=title, text="Thin coats.", topics=["wood"], **more)["id"]


def test_what_is_written_is_read(client):
    record = share(client)
    assert client.call("show", id=record[:8])["title"] == "Oiling"


def test_what_was_written_through_a_node_is_read_without_and_the_other_way_round(home):
    client = Client(home)
    first = share(client, "first")
    with Running(home):
        second = share(client, "second")
        assert {item["id"] for item in client.call("feed")["items"]} == {first, second}
    assert {item["id"] for item in client.call("feed")["items"]} == {first, second}


@pytest.mark.parametrize(
    "method,arguments,error",
    [
        ("show", {"id": "abcdef"}, NotFound),
        ("show", {"id": "x"}, NotFound),
        ("show", {"id": 5}, UsageError),
        ("show", {}, UsageError),
        ("show", {"id": "abcdef", "more": 1}, UsageError),
        ("feed", {"limit": 10**9}, UsageError),
        ("share", {"title": "t", "text": "x" * limits.MAX_RECORD, "topics": ["a"]}, TooLarge),
        ("share", {"title": "\ud800", "text": "x", "topics": ["a"]}, UsageError),
        ("nosuch", {}, UsageError),
        ("_say", {}, UsageError),
        ("open_attachment", {"cid": "x"}, UsageError),
    ],
)
def test_errors_are_the_same_from_both(client, method, arguments, error):
    with pytest.raises(error) as caught:
        client.call(method, **arguments)
    assert caught.value.message.endswith(".")
    assert caught.value.exit_code == error.exit_code


def test_an_ambiguous_prefix_lists_its_candidates(client, monkeypatch):
    monkeypatch.setattr("p2plearn.node.service.lookup._HEX", __import__("re").compile(r"[0-9a-f]{1,64}"))
    records = [share(client, str(number)) for number in range(17)]
    twice = next(record[0] for record in records if sum(other[0] == record[0] for other in records) > 1)
    with pytest.raises(AmbiguousPrefix) as caught:
        client.call("show", id=twice)
    candidates = caught.value.to_json()["candidates"]
    assert {record for record in records if record[0] == twice} == set(candidates)


@pytest.mark.parametrize("method", ["peers", "connect", "down"])
def test_what_needs_a_node_says_so_and_makes_no_home(home, method):
    with pytest.raises(NotRunning):
        Client(home).call(method)
    assert not home.exists()


def test_init_makes_a_person_once(client):
    first = client.init("Ana")
    assert client.init("Ben") == first | {"created": False}


@pytest.mark.parametrize("name,error", [("", UsageError), (" \n", UsageError), ("n" * (limits.MAX_NAME + 1), TooLarge)])
def test_an_init_that_fails_leaves_nothing_behind(home, name, error):
    with pytest.raises(error):
        Client(home).init(name)
    assert not home.exists()


def test_a_file_goes_in_and_comes_out_as_it_was(client, tmp_path):
    data = os.urandom(limits.MiB + 17)
    (tmp_path / "in.bin").write_bytes(data)
    seen = []
    cid = client.put_attachment(tmp_path / "in.bin", lambda done, total: seen.append((done, total)))["cid"]
    share(client, attachments=[{"cid": cid, "name": "in.bin", "alt": "noise"}])
    answer = client.get_attachment(cid, tmp_path / "out.bin", lambda done, total: seen.append((done, total)))
    assert (tmp_path / "out.bin").read_bytes() == data
    assert answer["size"] == len(data)
    assert seen.count((len(data), len(data))) == 2


def test_a_file_that_is_there_is_not_replaced_unasked(client, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(Refused):
        client.get_attachment("bafkx", tmp_path / "out", nothing)
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize(
    "cid", ["", "x", "bafkreidt7p4bsvbycsluu3bnmjjvljsvazohiejtpxcfp6d4iefvnnt7ye", "../../keys/author.key", "a/b", "\x00"]
)
def test_an_unknown_attachment_leaves_no_file(client, tmp_path, cid):
    with pytest.raises((NotFound, UsageError)):
        client.get_attachment(cid, tmp_path / "out", nothing)
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == []


@pytest.mark.parametrize("place", ["nosuch/out", ".", "home", "\x00", "n" * 300])
def test_a_place_that_cannot_be_written_is_said_so(client, tmp_path, place, monkeypatch):
    monkeypatch.chdir(tmp_path)
    client.call("status")
    for write in (lambda: client.get_attachment("x", Path(place), nothing), lambda: client.export_bundle(Path(place), nothing)):
        with pytest.raises((FileUnwritable, Refused)):
            write()


def test_a_link_to_a_file_stays_and_a_device_is_not_replaced(client, tmp_path):
    (tmp_path / "kept").write_text("before")
    (tmp_path / "link").symlink_to("kept")
    client.export_bundle(tmp_path / "link", nothing)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "kept").read_bytes()[:6] != b"before"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Refused, match="no ordinary file"):
        client.export_bundle(tmp_path / "pipe", nothing)
    assert (tmp_path / "pipe").is_fifo()


def test_a_bundle_carries_everything_to_another_home(client, tmp_path):
    (tmp_path / "file").write_bytes(b"attached")
    cid = client.put_attachment(tmp_path / "file", nothing)["cid"]
    record = share(client, attachments=[{"cid": cid, "name": "file", "alt": ""}])
    assert client.export_bundle(tmp_path / "all.p2p", nothing)["attachments"] == 1
    other = Client(tmp_path / "other")
    answer = other.import_bundle(tmp_path / "all.p2p", nothing)
    assert (answer["new"], answer["known"], answer["refused"]) == (1, 0, [])
    other.get_attachment(cid, tmp_path / "again", nothing)
    assert (tmp_path / "again").read_bytes() == b"attached"
    assert other.call("show", id=record)["title"] == "Oiling"


@pytest.mark.parametrize("content", [b"", b"not a bundle", b"\x00" * 100_000])
def test_what_is_no_bundle_is_refused(client, tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(BadBundle):
        client.import_bundle(tmp_path / "x", nothing)


@pytest.mark.parametrize("what", ["nosuch", "directory", "pipe", "\x00"])
def test_what_is_no_file_is_said_so(client, tmp_path, what):
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for read in (client.put_attachment, client.import_bundle):
        with pytest.raises(FileMissing):
            read(tmp_path / what, nothing)


def test_an_attachment_beyond_the_limit_is_refused_before_it_is_read(client, tmp_path):
    with (tmp_path / "big").open("wb") as file:
        file.truncate(limits.MAX_ATTACHMENT + 1)
    with pytest.raises(TooLarge):
        client.put_attachment(tmp_path / "big", nothing)


@pytest.mark.parametrize("token", ["", "wrong", "ü", None])
def test_a_wrong_token_is_refused(home, token):
    with Running(home):
        path = Home(home).token
        path.unlink()
        if token is not None:
            path.write_text(token)
        with pytest.raises(TokenRefused):
            Client(home).call("feed")


def test_a_socket_that_a_crash_left_behind_is_no_obstacle(home):
    Home(home).prepare()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(Home(home).socket))
    assert Client(home).call("feed") == {"items": []}


def test_a_node_under_another_runtime_directory_is_found(tmp_path, monkeypatch, recwarn):
    home = tmp_path / ("long" * 30)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "r"))
    with Running(home):
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "other"))
        assert Client(home).answering()
        assert Client(home).call("feed") == {"items": []}
    assert not [warning for warning in recwarn if "untime" in str(warning.message)]


def test_a_home_in_use_is_waited_for(home):
    Client(home).call("status")
    with Home(home).lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        threading.Timer(0.3, fcntl.flock, (file, fcntl.LOCK_UN)).start()
        assert Client(home).call("feed") == {"items": []}


def test_a_home_that_stays_in_use_is_not_waited_for_longer_than_said(home, monkeypatch):
    monkeypatch.setattr(limits, "LOCK_TIMEOUT", 0.3)
    Client(home).call("status")
    with Home(home).lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        begun = time.monotonic()
        with pytest.raises(HomeLocked):
            Client(home).call("feed")
    assert 0.3 <= time.monotonic() - begun < 2


def test_a_home_that_passes_from_hand_to_hand_is_waited_for_as_long_as_it_does(home, monkeypatch):
    """Many commands side by side: each gets its turn, however long the queue."""
    monkeypatch.setattr(limits, "LOCK_TIMEOUT", 0.4)
    Client(home).call("status")
    answers = []
    with Home(home).lock.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        thread = threading.Thread(target=lambda: answers.append(Client(home).call("feed")))
        thread.start()
        for number in range(1, 7):
            time.sleep(0.2)
            Home(home).lock.write_text(f"{number}\n")  # as the next owner does
        assert thread.is_alive()
        fcntl.flock(file, fcntl.LOCK_UN)
        thread.join(10)
    assert answers == [{"items": []}]


def test_a_node_that_starts_meanwhile_is_asked(home):
    """The lock is taken before the socket answers: a command in between waits, and then finds the node."""
    Client(home).call("status")
    answers = []
    with Home(home).lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        thread = threading.Thread(target=lambda: answers.append(Client(home).call("feed")))
        thread.start()
        time.sleep(0.2)
        assert not answers
        with Running(home, holding=True):
            thread.join(10)
    assert answers == [{"items": []}]


@pytest.mark.slow
def test_many_write_at_once_without_a_node(home):
    program = "import sys; from p2plearn.client import Client; from pathlib import Path\n"
    program += "print(Client(Path(sys.argv[1])).call('share', title=sys.argv[2], text='x', topics=['t'])['id'])"
    writers = [
        subprocess.Popen([sys.executable, "-c", program, home, str(number)], stdout=subprocess.PIPE, text=True) for number in range(3)
    ]
    written = {writer.communicate(timeout=60)[0].strip() for writer in writers}
    assert [writer.returncode for writer in writers] == [0] * 3
    assert {item["id"] for item in Client(home).call("feed")["items"]} == written


class Impostor:
    """Something at the socket that is no node: it takes a connection and answers with fixed bytes, or not at all."""

    def __init__(self, home, answer):
        Home(home).prepare()
        Home(home).token.write_text("token")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(Home(home).socket))
        self._listener.listen()
        self._answer = answer
        self._thread = threading.Thread(target=self._talk, daemon=True)

    def _talk(self):
        connection, _ = self._listener.accept()
        with connection:
            connection.recv(65536)
            if self._answer is None:
                time.sleep(2)
            else:
                connection.sendall(self._answer)

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *_):
        self._listener.close()
        self._thread.join(5)


OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00\xff\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\n{}",
        b'HTTP/1.1 500 Oh\r\nContent-Length: 12\r\n\r\n{"error": 1}',
        OK % (3, b"[1]"),
        OK % (1, b"{"),
        OK % (2, b"\xff\xfe"),
    ],
)
def test_what_answers_like_no_node_is_an_error_and_no_crash(home, answer):
    with Impostor(home, answer), pytest.raises(P2plearnError) as caught:
        Client(home).call("feed")
    assert caught.value.exit_code == 1


def test_a_node_that_does_not_answer_is_not_waited_for_forever(home, monkeypatch):
    monkeypatch.setattr(limits, "API_TIMEOUT", 0.2)
    with Impostor(home, None), pytest.raises(HomeLocked):
        Client(home).call("feed")


def test_a_download_that_breaks_off_leaves_no_file(home, tmp_path):
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nP2plearn-Counts: %s\r\n\r\nsome" % json.dumps({"bytes": 100}).encode()
    with Impostor(home, answer), pytest.raises(P2plearnError):
        Client(home).get_attachment("bafk", tmp_path / "out", nothing)
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_asking_a_node_loads_nothing_heavy(home):
    program = "import sys; from p2plearn.client import Client; from pathlib import Path; Client(Path(sys.argv[1])).call('status')\n"
    program += "print(*{name.partition('.')[0] for name in sys.modules} & set(sys.argv[2:]), 'p2plearn.node' in sys.modules)"
    heavy = ["trio", "libp2p", "numpy", "sqlite3", "httpx", "rich", "pydantic", "msgspec", "cryptography", "typer"]
    with Running(home):
        done = subprocess.run([sys.executable, "-c", program, home, *heavy], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
