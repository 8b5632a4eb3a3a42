"""The people tests are played with."""

from p2plearn.clock import Clock
from p2plearn.protocol.records import SIGNATURE_SIZE, Draft
from p2plearn.protocol.signing import RECORD_DOMAIN, verify
from p2plearn.testing.authors import Author
from p2plearn.testing.clock import START_MS, FakeClock


def test_a_name_makes_the_same_person_everywhere_and_records_are_signed() -> None:
    assert Author("ada").key == Author("ada").key != Author("ben").key
    record = Author("ada").record(Draft("song", ("la",)))
    assert record.id == Author("ada").record(Draft("song", ("la",))).id
    assert verify(record.author, record.raw[:SIGNATURE_SIZE], RECORD_DOMAIN, record.raw[SIGNATURE_SIZE:])


def test_records_follow_each_other_in_the_chain_and_in_time() -> None:
    clock = FakeClock()
    ada, ben = Author("ada", clock), Author("ben", clock)
    first, other, second = ada.share("one"), ben.share("two"), ada.share("three")
    assert [(record.seq, record.prev) for record in (first, other, second)] == [(1, b""), (1, b""), (2, first.id)]
    assert [record.time for record in (first, other, second)] == [START_MS + 1000, START_MS + 2000, START_MS + 3000]


def test_time_passes_when_told_and_the_wall_clock_may_jump() -> None:
    clock = FakeClock()
    port: Clock = clock
    clock.advance(1.5)
    clock.jump(7)
    assert (port.now_ms(), port.monotonic()) == (7, 1.5)
    assert repr(clock) == "FakeClock(7)"
    assert repr(Author("ada")) == "Author('ada')"
