"""The book-keeping of a block exchange."""

import pytest
import trio

from p2plearn import limits
from p2plearn.errors import ConnectionLost
from p2plearn.node.net.wants import Questions, Wants
from p2plearn.protocol.bitswap import Cancelled, Replaced, Wanted


def want(number: int) -> Wanted:
    return Wanted(number.to_bytes(4), block=True, absence=True)


async def test_wants_are_answered_in_order_and_end_with_the_peer() -> None:
    wants = Wants()
    for number in (3, 1, 2):
        await wants.take(want(number))
    wants.finish()
    assert [await wants.next() for _ in range(4)] == [want(3), want(1), want(2), None]


async def test_what_is_cancelled_or_replaced_is_not_answered() -> None:
    wants = Wants()
    await wants.take(want(1))
    await wants.take(want(2))
    await wants.take(Cancelled(want(1).cid))
    await wants.take(Cancelled(b"never wanted"))
    assert await wants.next() == want(2)
    await wants.take(want(3))
    await wants.take(Replaced())
    await wants.take(want(4))
    assert await wants.next() == want(4)


async def test_a_full_list_waits_for_room(autojump_clock: trio.abc.Clock) -> None:
    wants = Wants()
    for number in range(limits.MAX_WANTLIST):
        await wants.take(want(number))
    with trio.move_on_after(1) as full:
        await wants.take(want(99))
    assert full.cancelled_caught
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wants.take, want(99))
        assert await wants.next() == want(0)
    wants.finish()
    rest = [await wants.next() for _ in range(limits.MAX_WANTLIST)]
    assert rest[-1] == want(99)


async def test_an_answer_reaches_everybody_who_waits() -> None:
    questions = Questions()
    first, second = questions.expect(b"cid"), questions.expect(b"cid")
    questions.answer(b"cid", b"block")
    assert await first.wait() == await second.wait() == b"block"
    questions.leave(b"cid", first)
    questions.leave(b"cid", second)
    assert not questions.waiting
    assert questions.take_cancelled() == set()
    questions.answer(b"cid", b"late")  # changes nothing


async def test_what_nobody_waits_for_any_longer_is_cancelled_once() -> None:
    questions = Questions()
    questions.leave(b"cid", questions.expect(b"cid"))
    assert questions.take_cancelled() == {b"cid"}
    assert questions.take_cancelled() == set()
    questions.leave(b"cid", questions.expect(b"cid"))
    questions.expect(b"cid")
    assert questions.take_cancelled() == set()


async def test_a_lost_stream_ends_all_waiting_and_the_next_question_begins_anew() -> None:
    questions = Questions()
    lost = questions.expect(b"cid")
    assert questions.fail(ConnectionLost("gone"))
    with pytest.raises(ConnectionLost):
        await lost.wait()
    again = questions.expect(b"cid")
    questions.leave(b"cid", lost)
    questions.answer(b"cid", None)
    assert await again.wait() is None
    questions.leave(b"cid", again)
    assert not questions.fail(ConnectionLost("gone"))


def test_only_so_much_of_the_past_is_remembered() -> None:
    questions = Questions()
    for number in range(limits.MAX_ASKED + 5):
        questions.leave(want(number).cid, questions.expect(want(number).cid))
    assert len(questions.asked) == limits.MAX_ASKED
