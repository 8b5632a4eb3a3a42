"""Hypothesis strategies for records: what honest people say, and what anybody might send. The only module that needs Hypothesis.

Every record is signed and well-formed, for `parse` lets no other through. Whether it makes sense is left to chance.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, TypeAlias, get_args

from hypothesis import strategies as st

from p2plearn import limits
from p2plearn.protocol import kinds
from p2plearn.protocol.kinds import (
    BY,
    FROM,
    OF,
    OUTCOMES,
    QUESTIONS,
    RE,
    REACTIONS,
    REPLY_TYPES,
    RESULTS,
    RETRACTS,
    ROOT,
    SIMILAR,
    STAGES,
    VARIANTS,
    WANTS,
    WITH,
    Body,
)
from p2plearn.protocol.records import ID_SIZE, KEY_SIZE, Attachment, Draft, Record, Ref
from p2plearn.testing.authors import Author, root_of
from p2plearn.testing.clock import START_MS, FakeClock

DAY_MS = 24 * 3600 * 1000
_TEXTUAL = (kinds.Check, kinds.Proof, kinds.Correction, kinds.Encouragement, kinds.Decline, kinds.Offer, kinds.Wanted)
_ALONE = kinds.Profile | kinds.Request | kinds.Snippet | kinds.Teach | kinds.Learn | kinds.Offer | kinds.Wanted | kinds.Compass

texts = st.text(st.characters(codec="utf-8"), max_size=20)
ids = st.binary(min_size=ID_SIZE, max_size=ID_SIZE)
times = st.one_of(
    st.integers(START_MS - DAY_MS, START_MS + DAY_MS),
    st.sampled_from([START_MS, 0, START_MS - 3650 * DAY_MS, START_MS + 3650 * DAY_MS, limits.MAX_INT]),
)
"""Claimed times, ms since 1970: those of a day in a café, and those of clocks that are off by years."""

_scalars = st.one_of(st.none(), st.booleans(), st.integers(0, limits.MAX_INT), st.binary(max_size=40), texts)
values: st.SearchStrategy[Any] = st.one_of(_scalars, st.lists(st.one_of(_scalars, st.lists(_scalars, max_size=3)), max_size=3))
"""Encoding values of any type, nested a little."""

_some_texts = st.lists(texts, max_size=2).map(tuple)
_keys = st.one_of(st.just(b""), st.binary(min_size=KEY_SIZE, max_size=KEY_SIZE))
_fixes = st.lists(st.builds(kinds.Fix, st.integers(0, 9), texts), max_size=2).map(tuple)

bodies: st.SearchStrategy[Body] = st.one_of(
    st.builds(kinds.Profile, texts, texts, st.lists(st.text("abc", max_size=8), max_size=3).map(tuple)),
    st.builds(kinds.Snippet, st.sampled_from(["note", "howto", ""]), texts, texts, _some_texts, texts, _some_texts),
    st.builds(kinds.Revision, texts, texts, _some_texts, texts, _some_texts),
    st.builds(kinds.Retract, texts),
    st.builds(
        kinds.Request,
        texts,
        texts,
        texts,
        texts,
        texts,
        st.sampled_from(WANTS),
        st.booleans(),
        _keys,
    ),
    st.builds(kinds.Reply, st.sampled_from(REPLY_TYPES), texts, st.integers(0, 9)),
    st.builds(kinds.Solve, texts),
    st.builds(kinds.Withdraw, texts),
    st.builds(kinds.Verdict, st.sampled_from(RESULTS), texts, _fixes),
    st.builds(kinds.Adopt, st.sampled_from(STAGES), st.sampled_from(OUTCOMES), _keys, texts),
    st.builds(kinds.Reaction, st.sampled_from(REACTIONS), texts),
    st.builds(kinds.Thanks, texts, st.binary(max_size=40)),
    st.builds(kinds.Teach, st.integers(0, 9)),
    st.just(kinds.Learn()),
    st.builds(kinds.Compass, st.sampled_from(QUESTIONS), texts),
    *(st.builds(kind, texts) for kind in _TEXTUAL),
)
"""A readable body of any kind."""

attachments = st.sampled_from([Attachment(bytes([n]) * 36, 5, "image/png", f"{n}.png", words) for n in (1, 2) for words in ("", "a tyre")])

Plan: TypeAlias = Callable[[Sequence[Record]], Draft]
"""What to say, given what was said before."""


def _about(act: tuple[Callable[[str], Body], str | None], place: int, files: tuple[Attachment, ...], topics: tuple[str, ...]) -> Plan:
    """A body about something said before, with the refs its kind needs and a text that nothing else has."""
    make, relation = act

    def plan(said: Sequence[Record]) -> Draft:
        body, about = make(f"text {len(said)}"), said[place % len(said)]
        refs = [] if isinstance(body, _ALONE) else [Ref(ROOT, root_of(about))]
        refs += [Ref(relation, about.id)] if relation else []
        return Draft(body.kind, body.to_body(), tuple(refs), topics, attachments=files)

    return plan


def _anything(kind: str, body: Sequence[Any], refs: Sequence[tuple[str, int | bytes]]) -> Plan:
    """Any kind and body, with refs to something said before, by its place, or to any id."""

    def plan(said: Sequence[Record]) -> Draft:
        targets = [(relation, said[to % len(said)].id if isinstance(to, int) else to) for relation, to in refs]
        return Draft(kind, tuple(body), tuple(Ref(relation, target) for relation, target in targets))

    return plan


_places = st.one_of(st.sampled_from([0, 1, -1]), st.integers(0, 63))  # the first two and the last more often than chance would have it
_people = {name: Author(name).key for name in ("ada", "ben", "eve")}
_acts = st.one_of(  # a kind, and the relation it stands in to something said; each group as often as any other
    st.just((lambda text: kinds.Retract("reason of " + text), RETRACTS)),
    st.sampled_from([(partial(kinds.Reply, type_), RE) for type_ in REPLY_TYPES]),
    st.sampled_from([(kinds.Solve, None), (kinds.Solve, BY), (kinds.Withdraw, None), (kinds.Decline, None)]),
    st.sampled_from([(kinds.Check, None), (kinds.Proof, RE), *((partial(kinds.Verdict, result), RE) for result in RESULTS)]),
    st.sampled_from(
        [
            *((partial(kinds.Reaction, word), RE) for word in REACTIONS),
            (kinds.Correction, RE),
            (kinds.Thanks, RE),
            (kinds.Encouragement, RE),
        ]
    ),
    st.sampled_from(
        [
            (lambda text, stage=stage, source=source: kinds.Adopt(stage, learned_from=source, text=text), OF)
            for stage, source in zip(STAGES, (b"", *_people.values()), strict=True)
        ]
    ),
    st.sampled_from(
        [
            *((lambda text: kinds.Snippet("note", "", text), relation) for relation in VARIANTS),
            (lambda text: kinds.Snippet("note", text, text), FROM),
            (kinds.Revision, None),
            (kinds.Revision, WITH),
            (lambda text: kinds.Revision(text, "title of " + text), None),
            *((lambda text: kinds.Request(text, text), relation) for relation in (None, SIMILAR)),
        ]
    ),
    st.sampled_from(
        [
            (lambda text: kinds.Profile("somebody", text), None),
            (lambda _text: kinds.Teach(), None),
            (lambda _text: kinds.Learn(), None),
            *((make, None) for make in (kinds.Offer, kinds.Wanted)),
            *((partial(kinds.Compass, question), None) for question in QUESTIONS),
        ]
    ),
)
_plausible = st.builds(
    _about,
    _acts,
    _places,
    st.lists(attachments, max_size=1).map(tuple),
    st.lists(st.sampled_from(["bicycles", "calculus"]), max_size=2, unique=True).map(tuple),
)
_refs = st.lists(
    st.tuples(st.sampled_from([ROOT, RE, BY, OF, WITH, RETRACTS, *VARIANTS, "unheard-of"]), st.one_of(_places, ids)),
    max_size=4,
)
_unreadable = st.builds(
    _anything,
    st.sampled_from(sorted({body.kind for body in get_args(Body)} | {"song"})),
    st.lists(values, max_size=9),
    _refs,
)
_readable = st.builds(lambda body, refs: _anything(body.kind, body.to_body(), refs), bodies, _refs)

_turns = st.lists(
    st.tuples(
        st.sampled_from([*_people]),
        times.map(lambda ms: min(ms, limits.MAX_INT - 1000)),
        st.sampled_from([False] * 7 + [True]),
        st.one_of(_plausible, _plausible, _plausible, _readable, _unreadable),
    ),
    max_size=16,
)


def _the_loop(ada: Author, ben: Author, eve: Author, request: Record) -> Iterator[Record]:
    """What chance would not find: from a request to shown understanding and on to who takes it up, with minds changed on the way."""
    yield (hint := ben.reply(request, "hint", "a hint"))
    yield ada.attempt(request, "an attempt")
    yield (check := ben.check(request, "a check"))
    yield (proof := ada.prove(check, "a proof"))
    yield ben.judge(proof, "not-yet", "a verdict", [(2, "a fix")])
    yield ben.judge(proof, "shown", "another verdict")
    yield ada.withdraw(request)
    yield ada.solve(request, by=hint)
    for capacity in (1, 2):
        yield ada.teach("bicycles", capacity)
        yield ada.compass(1, f"answer {capacity}")
    yield eve.ask("another question", "a text", topics=("bicycles",))
    yield (snippet := ada.pass_on(request, "what ada learned", "a note", topics=request.topics))
    for stage in ("tried", "using"):
        yield ben.adopt(snippet, stage, "works", ada.key)
        yield eve.adopt(snippet, stage, learned_from=ben.key)
        yield ben.react(snippet, "works", f"a reason to be {stage} it")
        yield ben.react(snippet, "outdated", f"a doubt of {stage} it")
    yield (fork := eve.fork(snippet, "a fork"))
    yield ben.adopt(fork, "passed-on", learned_from=eve.key)
    yield (correction := ben.correct(snippet, "a correction"))
    yield ada.revise(snippet, "a better note", taking_up=correction)
    yield ada.revise(snippet, "the best note")
    yield ada.thank(correction, "thanks")
    yield (other := ada.share("another note", "a text"))
    yield eve.adopt(other, "using")
    yield ben.retract(hint, "a slip")


@st.composite
def record_sets(draw: st.DrawFn) -> list[Record]:
    """What three people say after ada's request and ben's snippet, which come first, and then some of the learning loop.

    Of what follows, most is plausible in form: a kind with the refs it needs, about something said before, by anybody, allowed or not. The
    rest has unknown kinds, unreadable bodies, or refs at random, also to what does not exist. Clocks are wrong at times, and backups fork
    a chain.
    """
    people = {name: Author(name, FakeClock()) for name in _people}
    first = people["ada"].ask("a question", "text 0", topics=("bicycles",), show_work_first=True)
    said = [first, people["ben"].share("a snippet", "text 1", topics=("bicycles",))]
    backups = {name: (author.seq, author.prev) for name, author in people.items()}
    said += islice(_the_loop(people["ada"], people["ben"], people["eve"], first), draw(st.integers(0, 32)))
    for name, time, restored, plan in draw(_turns):
        author = people[name]
        author.clock.jump(time)
        if restored:
            author.seq, author.prev = backups[name]
        said.append(author.record(plan(said)))
    return said
