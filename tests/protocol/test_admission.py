"""Which records are taken: what is true of a record everywhere, and what this node has room for."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from p2plearn import limits
from p2plearn.ledger.standing import Standing
from p2plearn.protocol.admission import Ignore, Policy, Reject, Usage, examine
from p2plearn.protocol.records import Record
from p2plearn.protocol.scope import Filter
from p2plearn.testing.authors import Author
from p2plearn.testing.strategies import record_sets

ADA = Author("ada")
NOTE = ADA.share("a note", "text")


# --- what is true everywhere ---


@given(record_sets())
def test_every_signed_record_is_one_whatever_it_says(records: list[Record]) -> None:
    assert [examine(record.raw) for record in records] == records


@given(st.integers(0, len(NOTE.raw) - 1), st.integers(1, 255))
def test_with_one_byte_changed_it_is_none(at: int, change: int) -> None:
    raw = bytearray(NOTE.raw)
    raw[at] ^= change
    verdict = examine(bytes(raw))
    assert isinstance(verdict, Reject)
    assert verdict.reason in ("signature", "encoding", "limit")


def test_the_reason_is_the_word_of_the_fault() -> None:
    assert examine(bytes(limits.MAX_RECORD + 1)) == Reject("limit")
    assert examine(b"") == Reject("encoding")
    assert examine(bytes(64) + NOTE.raw[64:]) == Reject("signature")


# --- what this node wants ---


def test_another_space_is_not_wanted() -> None:
    elsewhere = ADA.share("a note", space="elsewhere")
    assert Policy(Usage(10**6)).objection(elsewhere) == "space"
    assert Policy(Usage(10**6), spaces={"elsewhere"}).objection(elsewhere) is None


def test_what_was_declined_and_whoever_was_forgotten_stays_away() -> None:
    usage = Usage(10**6)
    assert Policy(usage, declined={NOTE.id}).objection(NOTE) == "declined"
    assert Policy(usage, forgotten={ADA.key}).objection(NOTE) == "declined"
    assert Policy(usage, declined={b"another"}, forgotten={b"another"}).objection(NOTE) is None


def test_beyond_the_quota_only_friends_get_in() -> None:
    assert Policy(Usage(100)).objection(NOTE) == "quota"
    assert Policy(Usage(100, friends={ADA.key})).objection(NOTE) is None


@given(record_sets(), st.integers(0, 3_000), st.data())
def test_a_batch_is_judged_as_its_records_one_after_another_would_be(records: list[Record], quota: int, data: st.DataObject) -> None:
    declined = {record.id for record in records if data.draw(st.booleans())}
    together, alone = (Policy(Usage(quota), declined=declined) for _ in range(2))
    accepted, ignored = together.choose(records)
    objections = {}
    for record in records:
        objections[record.id] = alone.objection(record)
        if objections[record.id] is None:
            alone.usage.add(record.author, len(record.raw))
    assert accepted == [record for record in records if objections[record.id] is None]
    assert ignored == [Ignore(reason, record) for record in records if (reason := objections[record.id]) is not None]
    assert together.usage == alone.usage


QUOTA = 10_000
FRIENDS = (b"friend 1", b"friend 2")
STRANGERS = tuple(b"stranger %d" % n for n in range(30))
sizes = st.sampled_from([1, 50, 99, 100, 101, 500, 1_000])


class Quota(RuleBasedStateMachine):
    """A node that takes whatever has room, against sums made anew from all it has taken."""

    def __init__(self) -> None:
        super().__init__()
        self.usage = Usage(QUOTA, FRIENDS)
        self.stored: list[tuple[bytes, int]] = []

    def bytes_of(self, *authors: bytes) -> int:
        return sum(size for author, size in self.stored if author in authors)

    def take(self, author: bytes, size: int) -> bool:
        taken = self.usage.has_room(author, size)
        if taken:
            self.usage.add(author, size)
            self.stored.append((author, size))
        return taken

    @rule(author=st.sampled_from(FRIENDS), size=sizes)
    def a_friend_always_gets_in(self, author: bytes, size: int) -> None:
        assert self.take(author, size)

    @rule(author=st.sampled_from(STRANGERS), size=sizes)
    def a_stranger_gets_in_while_there_is_room(self, author: bytes, size: int) -> None:
        total, alone, all_strangers = self.bytes_of(*FRIENDS, *STRANGERS), self.bytes_of(author), self.bytes_of(*STRANGERS)
        taken = self.take(author, size)
        if total + size <= 0.9 * QUOTA:
            assert taken
        else:
            assert taken == (total + size <= 0.95 * QUOTA and alone + size <= 0.01 * QUOTA and all_strangers + size <= 0.2 * QUOTA)

    @rule(author=st.sampled_from(FRIENDS), count=st.integers(1, 9))
    def a_friend_says_a_lot(self, author: bytes, count: int) -> None:
        for _ in range(count):
            assert self.take(author, 1_000)

    @rule()
    def everything_is_forgotten(self) -> None:
        for author, size in self.stored:
            self.usage.add(author, -size)
        self.stored.clear()

    @invariant()
    def counts_right(self) -> None:
        assert self.usage.total == self.bytes_of(*FRIENDS, *STRANGERS)
        for author in (*FRIENDS, *STRANGERS[:3]):
            assert self.usage.by_author.get(author, 0) == self.bytes_of(author)


TestQuota = Quota.TestCase
TestQuota.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize("flood", [100, 1_000])
def test_a_flood_of_strangers_fills_what_is_free_and_keeps_no_friend_out(flood: int) -> None:
    usage = Usage(QUOTA, FRIENDS)
    taken = 0
    for n in range(flood):
        if usage.has_room(b"flood %d" % n, 100):
            usage.add(b"flood %d" % n, 100)
            taken += 100
    assert taken == limits.QUOTA_BINDS_AT * QUOTA
    assert usage.has_room(FRIENDS[0], 5_000)


# --- those who have helped ---


def standing(**scores: float) -> Standing:
    return Standing({name.encode(): score for name, score in scores.items()})


def nearly_full(used: int = 9_000, **scores: float) -> Usage:
    """Friends have all that is used, but for 10 bytes of a stranger's."""
    usage = Usage(QUOTA, FRIENDS, standing=standing(**scores))
    usage.add(FRIENDS[0], used - 10)
    usage.add(STRANGERS[0], 10)
    return usage


def test_the_share_of_one_key_grows_with_what_it_counts_for():
    usage = nearly_full(usual=1.0, common=1.0, dear=1_000.0)
    assert [usage.share(name) for name in (b"nobody", b"usual", b"dear")] == [100, 400, 1_000]
    assert not usage.has_room(b"nobody", 101)
    assert usage.has_room(b"usual", 400)
    assert not usage.has_room(b"usual", 401)
    assert usage.has_room(b"dear", 1_000)


def test_who_is_ranked_is_no_stranger():
    usage = Usage(QUOTA, FRIENDS)
    for n in range(92):
        usage.add(b"crowd %d" % n, 100)
    assert not usage.has_room(b"usual", 10)
    usage.standing = standing(usual=1.0)
    assert usage.has_room(b"usual", 10)
    assert not usage.has_room(b"another", 10)  # and leaves strangers no less, and no more
    usage.standing = standing(**{f"crowd {n}": 1.0 for n in range(73)})
    assert usage.has_room(b"another", 100)
    assert not usage.has_room(b"another", 101)


def test_once_it_is_full_only_who_outranks_somebody_here_is_let_in():
    usage = nearly_full(9_500, low=1.0, high=2.0)
    assert usage.has_room(b"low", 100)  # more than the stranger
    assert not usage.has_room(STRANGERS[1], 1)
    usage.add(STRANGERS[0], -10)
    usage.add(b"low", 10)
    usage = Usage(QUOTA, FRIENDS, usage.total, usage.by_author, standing=usage.standing)
    assert not usage.has_room(b"low", 1)  # nobody is less
    assert usage.has_room(b"high", 100)
    assert not usage.has_room(b"high", 501)  # nor beyond the quota: room has to be made first
    usage.add(STRANGERS[0], 1)
    assert usage.has_room(b"low", 1)


GATE = b"somebody I know"


def crowded(used: int, *, crowd: int = 25, of_crowd: int) -> Usage:
    """Friends have all that is used but for what a crowd has, which is known through one person only."""
    names = [b"made up %d" % n for n in range(crowd)]
    usage = Usage(QUOTA, FRIENDS, standing=Standing(dict.fromkeys([GATE, b"usual", *names], 1.0), through=dict.fromkeys(names, GATE)))
    for n, name in enumerate(names):
        usage.add(name, of_crowd // crowd + (n < of_crowd % crowd))
    usage.add(FRIENDS[0], used - of_crowd)
    return usage


def test_those_known_through_one_person_only_have_no_more_together_than_strangers():
    usage = crowded(9_000, of_crowd=1_900)
    assert usage.has_room(b"made up 0", 100)
    usage.add(b"made up 0", 100)
    assert usage.has_room(b"made up 1", 100), "like a stranger, of whom there are none"
    usage = crowded(9_000, of_crowd=4_000)
    assert not usage.has_room(b"made up 0", 1)
    assert not usage.has_room(b"a stranger", 1), "what the crowd has beyond its share is strangers'"
    assert usage.has_room(GATE, 400), "who vouched for them stands as before"
    assert usage.has_room(b"usual", 400)
    usage.add(b"made up 0", -160)
    usage.add(b"made up 1", -1)
    assert usage.has_room(b"a stranger", 100)


def test_twenty_five_whom_one_person_made_up_fill_no_more_than_a_flood_of_strangers():
    usage = crowded(0, of_crowd=0)
    for _ in range(4):
        for n in range(25):
            if usage.has_room(b"made up %d" % n, 100):
                usage.add(b"made up %d" % n, 100)
    assert usage.total == limits.QUOTA_BINDS_AT * QUOTA


def test_a_crowd_beyond_its_share_outranks_nobody_and_everybody_outranks_it():
    usage = crowded(9_500, of_crowd=2_000)
    usage.add(STRANGERS[0], 10)
    assert not usage.has_room(b"made up 0", 1)
    assert usage.has_room(b"usual", 1)
    usage = crowded(9_500, of_crowd=2_001)
    assert usage.has_room(b"usual", 1)
    usage = crowded(9_500, of_crowd=2_000)
    assert not usage.has_room(b"usual", 1), "they all count the same"
    usage = crowded(9_500, of_crowd=1_000)
    usage.add(STRANGERS[0], 10)
    assert usage.has_room(b"made up 0", 100)


@given(
    st.lists(st.tuples(st.sampled_from([*FRIENDS, *STRANGERS[:6]]), st.integers(1, 900)), max_size=30),
    st.dictionaries(st.sampled_from(STRANGERS[:6]), st.floats(0.1, 9)),
    st.sets(st.sampled_from(STRANGERS[:6])),
    st.sampled_from(STRANGERS[:8]),
    st.integers(1, 2_000),
)
def test_counting_on_is_counting_anew(
    stored: list[tuple[bytes, int]], scores: dict[bytes, float], crowd: set[bytes], author: bytes, size: int
):
    standing = Standing(scores, through=dict.fromkeys(crowd & scores.keys(), GATE))
    on = Usage(QUOTA, FRIENDS, standing=standing)
    for one, more in stored:
        on.has_room(one, more)
        on.add(one, more)
    anew = Usage(QUOTA, FRIENDS, on.total, dict(on.by_author), standing=standing)
    assert on.has_room(author, size) == anew.has_room(author, size)


def test_a_node_that_holds_what_it_follows_takes_its_people_its_topics_and_who_people_are():
    about_bread = ADA.share("Rye", topics=("bread", "food"))
    interests = Filter(authors=(b"somebody else",), topics=("bread",))
    policy = Policy(Usage(10**6), interests)
    assert policy.objection(about_bread) is None
    about_cars = ADA.share("Engines", topics=("cars",))
    assert policy.objection(about_cars) == "interest"
    profile = ADA.profile("Ada")
    assert policy.objection(profile) is None
    assert Policy(Usage(10**6), Filter(authors=(ADA.key,))).objection(about_cars) is None
