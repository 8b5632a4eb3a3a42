"""Real nodes, as people start them: processes over libp2p on loopback, spoken to through the command line and the local API."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2plearn.client import Client
from p2plearn.errors import P2plearnError
from p2plearn.testing.laptops import CommandFailed, Laptop, eventually, laptops, same_set
from p2plearn.testing.texts import texts


@pytest.fixture
def cafe(tmp_path: Path) -> Iterator[list[Laptop]]:
    """Four laptops, none of them up."""
    with laptops(tmp_path, "ada", "ben", "eve", "late") as found:
        yield found


def test_what_is_said_on_each_of_three_reaches_all_and_a_latecomer_too(cafe: list[Laptop]) -> None:
    ada, ben, eve, late = cafe
    ada.up()
    ben.up("--connect", ada.address)
    eve.up("--connect", ben.address)
    asked = ada.cli("ask", "--title", "Why?", "--topic", "x", "Tell me.")["id"]
    eventually(lambda: _holds(ben, asked))
    ben.cli("reply", asked, "--type", "answer", "Because.")
    eve.cli("share", "--title", "Note", "--topic", "x", "Something.")
    eventually(lambda: same_set(ada, ben, eve))
    late.up("--connect", eve.address)
    eventually(lambda: same_set(ada, ben, eve, late))
    assert late.cli("show", asked)["thread"][0]["text"] == "Because."
    assert late.cli("status")["records"] == 3


def test_a_node_killed_in_the_flow_has_lost_nothing_it_acknowledged_and_catches_up(cafe: list[Laptop], scale: float) -> None:
    ada, ben, eve, _ = cafe
    ada.up()
    ben.up("--connect", ada.address)
    eve.up("--connect", ada.address)
    acknowledged: list[str] = []
    count = int(1000 * scale)
    for number in range(count):
        speaker = (ada, ben, eve)[number % 3]
        try:
            acknowledged.append(Client(speaker.home).call("share", title=f"N{number}", text="flow " * 40, topics=["x"])["id"])
        except P2plearnError:
            assert speaker is ben, "only the killed one may fail"
        if number == count // 2:
            ben.kill()
        if number == count * 3 // 4:
            ben.up()
    eventually(lambda: same_set(ada, ben, eve), within=60)
    held = {item["id"] for laptop in (ada, ben, eve) for item in laptop.cli("feed", "--limit", "1000")["items"]}
    assert set(acknowledged) <= held
    for laptop in (ada, ben, eve):
        assert {item["id"] for item in laptop.cli("feed", "--limit", "1000")["items"]} == held


def test_real_texts_arrive_whole_on_a_fresh_node(cafe: list[Laptop], scale: float) -> None:
    ada, ben, *_ = cafe
    ada.up()
    found = texts(int(10_000 * scale / 4))
    shared = {}
    for title, text in found:
        shared[Client(ada.home).call("share", title=title, text=text, topics=["texts"])["id"]] = text
    ben.up("--connect", ada.address)
    eventually(lambda: same_set(ada, ben), within=120)
    for record_id in list(shared)[:: max(1, len(shared) // 25)]:
        assert Client(ben.home).call("show", id=record_id)["text"].strip() == shared[record_id].strip()


def test_a_restarted_node_on_another_port_is_found_again(cafe: list[Laptop]) -> None:
    ada, ben, *_ = cafe
    ada.up()
    ben.up("--connect", ada.address)
    eventually(lambda: ben.cli("peers")["peers"])
    before = ada.address
    assert ada.stop() == 0
    ada.up(port=_free_port())
    assert ada.address != before
    eventually(lambda: ada.cli("peers")["peers"] and ben.cli("peers")["peers"], within=40)


def test_after_the_night_when_all_were_off_they_find_each_other_where_they_were(cafe: list[Laptop]) -> None:
    ada, ben, *_ = cafe
    ada.up()
    ben.up("--connect", ada.address)
    eventually(lambda: ben.cli("peers")["peers"] and ada.cli("peers")["peers"])
    assert ada.stop() == ben.stop() == 0
    ada.up()
    ben.up()
    eventually(lambda: ada.cli("peers")["peers"], within=40)


def test_the_end_comes_within_five_seconds_and_is_clean(cafe: list[Laptop]) -> None:
    ada, ben, *_ = cafe
    ada.up()
    ben.up("--connect", ada.address)
    eventually(lambda: ada.cli("peers")["peers"])
    began = time.monotonic()
    assert ada.stop() == 0
    assert time.monotonic() - began < 5
    began = time.monotonic()
    ben.cli("down")
    eventually(lambda: not ben.cli("status")["running"], within=5)
    assert time.monotonic() - began < 6


def test_a_second_node_for_one_home_is_refused_and_the_first_goes_on(cafe: list[Laptop]) -> None:
    ada, *_ = cafe
    ada.up()
    second = Laptop(ada.home)
    with pytest.raises(CommandFailed) as refused:
        second.up()
    assert refused.value.code == 1
    assert refused.value.error["code"] == "already_running"
    assert ada.cli("status")["running"]


def test_a_node_whose_output_nobody_reads_goes_on(cafe: list[Laptop]) -> None:
    ada, ben, *_ = cafe
    ada.up()
    for _ in range(3):
        ben.up("--connect", ada.address)
        eventually(lambda: ada.cli("peers")["peers"])
        ben.kill()
    assert ada.cli("share", "--title", "T", "--topic", "x", "Still here.")["id"]


def test_an_address_nobody_listens_on_is_said_so(cafe: list[Laptop]) -> None:
    ada, ben, *_ = cafe
    ada.up()
    ben.up()
    gone = ben.address
    ben.kill()
    for address, code, word in [(gone, 1, "unreachable"), ("/ip4/127.0.0.1/tcp/1", 2, "bad_address"), ("nonsense", 2, "bad_address")]:
        with pytest.raises(CommandFailed) as failed:
            ada.cli("connect", address)
        assert (failed.value.code, failed.value.error["code"]) == (code, word)


def test_ctrl_c_ends_a_node_as_sigterm_does(cafe: list[Laptop]) -> None:
    ada, *_ = cafe
    ada.up()
    os.kill(ada.pid, signal.SIGINT)
    assert ada.wait() == 0


def test_status_before_during_and_after_a_node(cafe: list[Laptop]) -> None:
    ada, *_ = cafe
    ada.cli("init", "--name", "Ada")
    before = ada.cli("status")
    assert (before["running"], before["records"]) == (False, 1)
    ready = ada.up()
    during = ada.cli("status")
    assert during["running"]
    assert (during["peer"], during["author"], during["addresses"]) == (before["peer"], before["author"], ready["addresses"])
    ada.stop()
    after = ada.cli("status")
    assert (after["running"], after["fingerprint"]) == (False, before["fingerprint"])
    assert json.dumps(after)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _holds(laptop: Laptop, record_id: str) -> bool:
    return laptop.run("show", record_id).returncode == 0
