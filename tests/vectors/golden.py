"""What is pinned: a record of every kind, the corners of the envelope, and the messages of a session."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from p2plearn import limits
from p2plearn.protocol import kinds
from p2plearn.protocol import messages as m
from p2plearn.protocol.encoding import encode
from p2plearn.protocol.records import SIGNATURE_SIZE, Attachment, Draft, Record, Ref, encode_payload, parse
from p2plearn.protocol.signing import RECORD_DOMAIN, sign
from p2plearn.protocol.sketch import Sketch

TIME = 1_767_225_600_000  # 2026-01-01T00:00:00Z


class Golden(NamedTuple):
    """A record to pin: what it shows, the seed of its author's key, and the record."""

    name: str
    what: str
    seed: bytes
    record: Record


class _Writer:
    """Signs at the next place of a chain, with the key whose seed is SHA-256 of the name."""

    def __init__(self, name: str) -> None:
        self.seed = hashlib.sha256(name.encode()).digest()
        self._key = Ed25519PrivateKey.from_private_bytes(self.seed)
        self.author = self._key.public_key().public_bytes_raw()
        self.seq = 1
        self.prev = b""

    def say(self, body: kinds.Body, *refs: Ref, **envelope: Any) -> Record:
        draft = Draft(body.kind, body.to_body(), refs, **envelope)
        return self.sign(encode_payload(draft, self.author, self.seq, self.prev, TIME + self.seq * 1000))

    def pin(self, name: str, what: str, values: list[Any]) -> Golden:
        return Golden(name, what, self.seed, self.sign(encode(values)))

    def sign(self, payload: bytes) -> Record:
        record = parse(sign(self._key, RECORD_DOMAIN, payload) + payload)
        self.seq, self.prev = record.seq + 1, record.id
        return record


def goldens() -> Iterator[Golden]:
    """All of them, in the order of their making; the same at each call."""
    ada, ben = _Writer("ada"), _Writer("ben")
    cid = b"\x01\x55\x12\x20" + hashlib.sha256(b"a drawing of the sky").digest()
    picture = Attachment(cid, 20, "image/png", "sky.png", "Short waves scatter more: the sky, blue above and pale below.")

    def pin(name: str, what: str, who: _Writer, body: kinds.Body, *refs: Ref, **envelope: Any) -> Golden:
        return Golden(name, what, who.seed, who.say(body, *refs, **envelope))

    yield (profile := pin("profile", "the first of a chain: seq 1, no prev", ada, kinds.Profile("Ada", "Physics, slowly.", ("pairing",))))
    text = kinds.Snippet("note", "Why is the sky blue?", "Rayleigh: scattering grows as 1/λ⁴. 🌌")
    envelope = {"topics": ("physics", "šviesa"), "language": "en", "attachments": (picture,)}
    yield (snippet := pin("snippet", "topics, a language, an attachment, text beyond the BMP", ada, text, **envelope))
    source = Ref("fork", snippet.record.id)
    glass = kinds.Snippet("howto", "Blue sky in a glass", "Milk, water, a torch.")
    yield pin("fork", "a snippet made from another, under a licence of its own", ben, glass, source, licence="CC0-1.0")
    root = Ref(kinds.ROOT, snippet.record.id)
    yield pin("revision", "a new text; the empty title leaves the title as it is", ada, kinds.Revision("Rayleigh, with a sketch."), root)
    question = ("Why are sunsets red?", "And clouds white?", "explain it to a child", "read Ada's note", "school", "hint")
    call = kinds.Request(*question, show_work_first=True, to=ada.author)
    yield (request := pin("request", "every field of a request, put to one author", ben, call, topics=("physics",)))
    root, parent = (Ref(relation, request.record.id) for relation in (kinds.ROOT, kinds.RE))
    dusk = kinds.Reply("hint", "How far does light travel through the air at dusk?", 1)
    yield (hint := pin("reply", "a hint with a step, in another's conversation", ada, dusk, root, parent, topics=("physics",)))
    yield pin("solve", "solved by a reply", ben, kinds.Solve("The blue is gone by then!"), root, Ref(kinds.BY, hint.record.id))
    yield pin("withdraw", "no text", ben, kinds.Withdraw(), root)
    taken_back = Ref(kinds.RETRACTS, hint.record.id)
    yield pin("retract", "takes back a reply, with a reason", ada, kinds.Retract("too much of a hint"), root, taken_back)

    poll = ["Tea?", [["yes", 3], ["no", [None, False, b"\x00"]]]]
    new = [2, "poll", "commons", ben.author, ben.seq, ben.prev, TIME, [], [], "", "", poll, []]
    yield ben.pin("unknown-version", "version 2 and an unknown kind: stored and passed on, not shown", new)
    grown = ["", "an element of a later version"]
    more = [1, "solve", "commons", ben.author, ben.seq, ben.prev, TIME, [list(root)], [], "", "", grown, []]
    yield ben.pin("longer-body", "a known kind that has grown: the trailing element is ignored", more)

    eve = _Writer("eve")
    least = [1, "x", "y", eve.author, 1, b"", 0, [], [], "", "", [], []]
    yield eve.pin("least", "the shortest record", least)
    word, attachment = limits.MAX_WORD, [b"c" * limits.MAX_CID, limits.MAX_INT, "m" * limits.MAX_MEDIA_TYPE, "n" * limits.MAX_FILE_NAME]
    most = [
        *[limits.MAX_INT, "k" * word, "é" * (word // 2), eve.author, limits.MAX_INT, b"\xff" * 32, limits.MAX_INT],
        [["r" * word, bytes([i]) * 32] for i in range(limits.MAX_REFS)],
        ["t" * limits.MAX_TOPIC] * limits.MAX_TOPICS,
        *["l" * word, "c" * limits.MAX_LICENCE, [[[[None]]]] * limits.MAX_BODY_ITEMS],
        [[*attachment, "a" * 100]] * (limits.MAX_ATTACHMENTS - 1) + [[*attachment, "a" * limits.MAX_ALT]],
    ]
    yield eve.pin("most", "every field at its limit", most)
    full: list[Any] = [1, "snippet", "commons", eve.author, 2, profile.record.id, TIME, [], [], "", "", ["note", ""], []]
    full[11] = ["note", "", "a" * (limits.MAX_RECORD - SIGNATURE_SIZE - len(encode(full)) - 3)]
    yield eve.pin("full", "exactly 16,384 bytes; prev is a record of another author, which nothing forbids", full)
    yield from _learning(pin, ada, ben, snippet.record, request.record)


def _learning(pin: Callable[..., Golden], ada: _Writer, ben: _Writer, snippet: Record, request: Record) -> Iterator[Golden]:
    """The kinds of the learning loop: ada helps ben, who takes up what she shared."""
    root, note = Ref(kinds.ROOT, request.id), Ref(kinds.ROOT, snippet.id)

    def about(record: Record) -> Ref:
        return Ref(kinds.RE, record.id)

    steps = ("Fill the glass.", "Add a drop of milk.")
    howto = kinds.Snippet("howto", "Sunset in a glass", "", steps, "The light is orange.", ("Too much milk.",))
    yield pin("howto", "a snippet with steps, when it is done, and a pitfall", ada, howto, Ref(kinds.FROM, request.id))
    yield (check := pin("check", "a task for the asker", ada, kinds.Check("Why is the moon red in an eclipse?"), root))
    yield (
        proof := pin("proof", "what the asker makes of it", ben, kinds.Proof("The same air bends the light."), root, about(check.record))
    )
    fixes = (kinds.Fix(2, "And what becomes of the blue?"), kinds.Fix(0, "Name the effect."))
    yield pin(
        "verdict",
        "not yet, with fixes at a step and for the whole",
        ada,
        kinds.Verdict("not-yet", "Nearly.", fixes),
        root,
        about(proof.record),
    )
    yield pin("thanks", "public words", ben, kinds.Thanks("I cannot thank you enough!"), root, about(check.record))
    yield pin("thanks-private", "words that only ada can read", ben, kinds.Thanks("", b"\x5e" * 48), root, about(check.record))
    yield pin("encouragement", "a kind word", ada, kinds.Encouragement("You are great to work with."), root, about(proof.record))
    yield pin("decline", "not now", ada, kinds.Decline("I am away until Monday."), root)
    adopt = kinds.Adopt("using", "works", ada.author, "Every evening.")
    yield pin("adopt", "a wording taken up, and from whom it was learned", ben, adopt, note, Ref(kinds.OF, snippet.id))
    wrong = kinds.Correction("It is 1/λ⁴ only for small particles.")
    yield (correction := pin("correction", "what is wrong with a snippet", ben, wrong, note, about(snippet)))
    better = kinds.Revision("Rayleigh, for small particles.")
    yield pin("revision-with", "a revision that takes up a correction", ada, better, note, Ref(kinds.WITH, correction.record.id))
    yield pin("reaction", "a mark with its reason", ben, kinds.Reaction("outdated", "There is a better sketch."), note, about(snippet))
    yield pin("teach", "two people at a time", ada, kinds.Teach(2), topics=("physics",))
    yield pin("learn", "an empty body", ben, kinds.Learn(), topics=("physics",))
    yield pin("offer", "what somebody would show", ada, kinds.Offer("A walk under the stars."), topics=("physics",))
    yield pin("wanted", "what somebody would like to see", ben, kinds.Wanted("Somebody with a telescope."), topics=("physics",))
    yield pin("compass", "the answer to the first question, shared", ben, kinds.Compass(1, "I want to understand light."))


def messages() -> Iterator[tuple[str, bytes]]:
    """One message of each type, before framing."""
    author, proof, nonce, digest = b"A" * 32, b"S" * 64, b"N" * 16, b"F" * 32
    sketch = Sketch(2)
    sketch.add(np.array([1, 2**64 - 1], np.uint64))
    pinned: dict[str, m.Message] = {
        "hello: everything in the commons": m.Hello("commons", (), (), author, proof, nonce, digest),
        "hello: two topics and what one person says": m.Hello("commons", ("maths", "physics"), (author,), author, proof, nonce, digest),
        "state": m.State(digest),
        "heads: two authors, no more follow": m.Heads(((b"a" * 8, 3), (b"b" * 8, 2**32 - 1)), last=True),
        "records: two, which are not looked at here": m.Records((b"r" * 70, b"s" * 300)),
        "ack": m.Ack(1),
        "done": m.Done(),
        "sketch asked for: 32 unsalted symbols": m.SketchAsk(0, 0, 0, 32),
        "sketch: the first two symbols of {1, 2^64 - 1}": m.SketchPart.of(sketch, 0, 2),
        "want: two salted short ids": m.Want(salted=True, shorts=(1, 2**64 - 1)),
        "heads asked for: about 100 ids differ": m.HeadsAsk(100),
        "offer: two short ids, of which a salted sketch told": m.Offer(salted=True, shorts=(1, 2**64 - 1)),
        "pick: the first and the last of nine": m.Pick((True, *[False] * 7, True)),
        "want runs: one author's first two records, and the third of another": m.WantRuns(((b"a" * 8, 1, 2), (b"b" * 8, 3, 3))),
        "served: two asks": m.Served(2),
    }
    for what, message in pinned.items():
        yield what, m.write(message)
