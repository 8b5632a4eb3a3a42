"""What a command loads before it answers. A person waits for it, so what is not needed is not imported."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler
from socketserver import UnixStreamServer

import pytest

from p2plearn.paths import Home

HEAVY = {"libp2p", "trio", "httpx", "starlette", "hypercorn", "numpy", "rich.progress", "pydantic", "platformdirs", "p2plearn.node"}

STATUS = json.dumps(
    {
        "running": True,
        "peer": "12D3KooW",
        "author": 64 * "a",
        "addresses": [],
        "peers": 0,
        "records": 0,
        "fingerprint": 64 * "0",
        "spaces": [],
        "version": "0",
    }
).encode()


def loaded(home, *arguments):
    """(exit code, modules imported) of one command with `home`."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "p2plearn_cli", *arguments],
        env={"PATH": os.defpath, "HOME": str(home), "P2PLEARN_HOME": str(home / "p")},
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    rows = (line.rpartition("|") for line in done.stderr.splitlines() if line.startswith("import time:"))
    modules = {name.strip() for _, _, name in rows}
    assert "p2plearn.errors" in modules  # or nothing was measured
    return done.returncode, modules


@pytest.fixture
def node(tmp_path):
    """Something that listens where a running node does, and answers every call with `STATUS`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(STATUS)))
            self.end_headers()
            self.wfile.write(STATUS)
            calls.append(self.path)

        def address_string(self):
            return "the command"

        def log_message(self, *_):
            pass

    calls: list[str] = []
    home = Home(tmp_path / "p")
    home.prepare()
    home.token.write_text("token")
    with UnixStreamServer(str(home.socket), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield calls
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["share", "--help"]], ids=" ".join)
def test_the_manual_is_read_without_the_node(tmp_path, arguments):
    code, modules = loaded(tmp_path, *arguments)
    assert code == 0
    assert not modules & HEAVY


def test_with_a_node_running_a_command_only_asks_it(node, tmp_path):
    code, modules = loaded(tmp_path, "status", "--json")
    assert node == ["/api/v1/status"]
    assert code == 0
    assert not modules & (HEAVY | {"sqlite3", "cryptography", "nacl"})


@pytest.mark.parametrize("arguments", [["init"], ["status"], ["feed"]], ids=" ".join)
def test_without_a_node_libp2p_is_not_loaded(tmp_path, arguments):
    code, modules = loaded(tmp_path, *arguments)
    assert code == 0
    assert "libp2p" not in modules


def test_what_ranks_is_imported_only_when_there_is_somebody_to_rank():
    loading = "import p2plearn.node.node, p2plearn.node.runtime, sys; print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", loading], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False"
