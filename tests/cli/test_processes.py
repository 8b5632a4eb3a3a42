"""The program as people run it: real processes, pipes, signals, and a node that comes and goes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from p2plearn.paths import Home

pytestmark = [pytest.mark.processes, pytest.mark.slow, pytest.mark.timeout(240)]

PROGRAM = [sys.executable, "-m", "p2plearn_cli"]
QUIET = ["--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"]
PATIENCE = 60  # seconds: many of these run at once on a small machine


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("P2PLEARN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def run(*arguments, **options):
    return subprocess.run([*PROGRAM, *arguments], capture_output=True, timeout=PATIENCE, check=False, **options)


def ask(*arguments):
    """(exit code, the JSON) of one command."""
    done = run("--json", *arguments)
    return done.returncode, json.loads(done.stdout)


class Up:
    """A node in a process of its own, ended however the test ended."""

    def __init__(self, *arguments, **options):
        options.setdefault("stdout", subprocess.PIPE)
        self.process = subprocess.Popen([*PROGRAM, "up", "--json", *QUIET, *arguments], stderr=subprocess.DEVNULL, **options)

    def ready(self):
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def stop(self, signal_number):
        self.process.send_signal(signal_number)
        begun = time.monotonic()
        code = self.process.wait(PATIENCE)
        return code, time.monotonic() - begun

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def wait_until_running():
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        code, answer = ask("status")
        if code == 0 and answer["running"]:
            return answer
    raise AssertionError("no node came up")


def test_a_node_says_when_it_is_ready_and_commands_find_it(home):
    with Up() as node:
        ready = node.ready()
        assert ready["event"] == "ready"
        assert ready["web"] is None
        assert all(address.endswith(f"/p2p/{ready['peer']}") and "/tcp/0/" not in address for address in ready["addresses"])
        _, status = ask("status")
        assert (status["running"], status["peer"], status["addresses"]) == (True, ready["peer"], ready["addresses"])
        assert ask("peers") == (0, {"peers": []})
        code, shared = ask("share", "--title", "t", "--topic", "x", "text")
        assert code == 0
        assert ask("down")[0] == 0
        assert node.process.wait(PATIENCE) == 0
    assert ask("status")[1]["running"] is False
    assert ask("show", shared["id"])[1]["text"] == "text"
    assert ask("down")[0] == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_a_node_cleanly(home, number):
    with Up() as node:
        node.ready()
        code, seconds = node.stop(number)
    assert code == 0
    assert seconds < 5
    assert not Home(home).socket.exists()


def test_a_signal_ends_a_node_that_is_only_starting(home):
    with Up() as node:
        while not Home(home).lock.exists():
            time.sleep(0.01)
        assert node.stop(signal.SIGTERM)[0] == 0
    assert ask("feed") == (0, {"items": []})


def test_a_killed_node_is_no_obstacle(home):
    with Up() as node:
        node.ready()
        ask("share", "--title", "kept", "--topic", "x", "text")
        node.stop(signal.SIGKILL)
    assert Home(home).socket.exists()
    assert [item["title"] for item in ask("feed")[1]["items"]] == ["kept"]
    with Up() as node:
        assert node.ready()["event"] == "ready"


def test_a_second_node_for_the_same_home_is_refused(home):
    with Up() as node:
        node.ready()
        code, answer = ask("up", *QUIET)
        assert (code, answer["error"]["code"]) == (1, "already_running")
        assert ask("status")[1]["running"] is True


def test_a_node_comes_back_at_once_after_down(home):
    with Up() as first:
        first.ready()
        assert ask("down")[0] == 0
        with Up() as second:
            assert second.ready()["event"] == "ready"


def test_a_node_does_not_wait_for_somebody_to_read_its_stdout(home):
    read, write = os.pipe()
    os.set_blocking(write, False)
    try:
        while True:
            os.write(write, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(write, True)
    with Up(stdout=write) as node:
        wait_until_running()
        assert ask("share", "--title", "t", "--topic", "x", "text")[0] == 0
        code, seconds = node.stop(signal.SIGTERM)
        assert (code, seconds < 5) == (0, True)
    os.close(read)
    os.close(write)


def test_a_node_whose_stdout_is_closed_lives_on(home):
    read, write = os.pipe()
    with Up(stdout=write) as node:
        os.close(write)
        os.close(read)
        wait_until_running()
        assert node.stop(signal.SIGTERM)[0] == 0


def test_commands_and_a_node_starting_get_on(home):
    """Writes while a node starts go to the store or to the node, and all of them are kept."""
    written = []
    with Up() as node:
        for number in range(12):
            code, answer = ask("share", "--title", str(number), "--topic", "x", "text")
            assert code == 0, answer
            written.append(answer["id"])
        node.ready()
        assert {item["id"] for item in ask("feed")[1]["items"]} == set(written)


def test_two_who_write_at_once_both_succeed(home):
    writers = [
        subprocess.Popen([*PROGRAM, "--json", "share", "--title", str(number), "--topic", "x", "text"], stdout=subprocess.PIPE)
        for number in range(2)
    ]
    written = {json.loads(writer.communicate(timeout=PATIENCE)[0])["id"] for writer in writers}
    assert {item["id"] for item in ask("feed")[1]["items"]} == written


def test_a_reader_that_goes_away_is_no_error_to_speak_of(home):
    for number in range(3):
        run("share", "--title", str(number), "--topic", "x", "text")
    pipe = subprocess.Popen([*PROGRAM, "feed"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert pipe.stdout
    assert pipe.stderr
    pipe.stdout.close()
    assert pipe.wait(PATIENCE) == 1
    assert pipe.stderr.read() == b""
    pipe.stderr.close()


def test_ctrl_c_ends_a_command_quietly(home):
    with subprocess.Popen(
        [*PROGRAM, "share", "--title", "t", "--topic", "x", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # no threads here; whoever runs the tests in the background ignores it
    ) as waiting:
        time.sleep(2)
        waiting.send_signal(signal.SIGINT)
        out, err = waiting.communicate(timeout=PATIENCE)
    assert (waiting.returncode, out, err) == (130, b"", b"")


def test_arguments_that_are_not_utf8_are_refused(home):
    done = run("--json", "share", "--title", b"L\xf6ffel", "--topic", "x", "text")
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (2, "usage")


def test_a_file_may_have_any_name_the_system_allows(home, tmp_path):
    name = os.fsencode(tmp_path) + b"/n\xf6te"
    Path(os.fsdecode(name)).write_text("from an old disk")
    code, answer = 0, json.loads(run("--json", "share", "--title", "t", "--topic", "x", "--file", name).stdout)
    assert ask("show", answer["id"]) == (code, ask("show", answer["id"])[1])
    assert ask("show", answer["id"])[1]["text"] == "from an old disk"


@pytest.mark.parametrize("locale", ["C", "POSIX", "en_US.ISO-8859-1"])
def test_other_locales_print_json_that_reads_back(home, locale):
    environment = {**os.environ, "LC_ALL": locale, "PYTHONIOENCODING": "ascii"}
    run("init", "--name", "Žofie")
    done = run("--json", "people", env=environment)
    assert json.loads(done.stdout)["people"][0]["name"] == "Žofie"
    assert run("people", env=environment).returncode == 0


def test_status_loads_nothing_heavy_and_answers_soon(home):
    heavy = ["trio", "libp2p", "numpy", "sqlite3", "httpx", "rich", "pydantic", "msgspec", "cryptography", "platformdirs", "structlog"]
    program = "import sys; from p2plearn_cli.main import main; main(['status', '--json'])\n"
    program += f"print(*(name for name in {heavy} if name in sys.modules))"
    with Up() as node:
        node.ready()
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=PATIENCE)
        status, loaded = done.stdout.split("\n", 1)
        assert json.loads(status)["running"] is True
        assert loaded.split() == []
        spent = []
        for _ in range(9):
            before = os.times()
            ask("status")
            after = os.times()
            spent.append(after.children_user + after.children_system - before.children_user - before.children_system)
    assert sorted(spent)[4] < 0.3, f"seconds of processor time: {spent}"


def test_a_dozen_commands_at_once_all_get_their_turn(home):
    run("status")
    crowd = [subprocess.Popen([*PROGRAM, "feed"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(12)]
    said = [process.communicate(timeout=PATIENCE)[1] for process in crowd]
    assert said == [b""] * 12
    assert [process.returncode for process in crowd] == [0] * 12


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-", "--json >&-"])
def test_a_closed_stream_is_no_reason_to_stumble(home, closed):
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$0" -m p2plearn_cli share --title t --topic x words {closed}', sys.executable],
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(ask("feed")[1]["items"]) == 1


def test_a_place_that_takes_no_output_is_said(home):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*PROGRAM, "status"], stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE, check=False)
    assert done.returncode == 1
    assert b"No space left" in done.stderr
    assert b"Traceback" not in done.stderr
