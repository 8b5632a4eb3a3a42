"""Reading bodies strictly (docs/PROTOCOL.md, “Kinds”): exact types and known words only.

Trailing elements are ignored, which is how a kind may grow. A body that cannot be read is nobody's fault: the record is kept and passed
on, and merely not shown.
"""

from collections.abc import Callable
from dataclasses import fields
from typing import Any, NamedTuple, TypeAlias

from p2plearn import limits
from p2plearn.errors import TOO_LONG, TooLarge
from p2plearn.protocol import kinds
from p2plearn.protocol.kinds import Body, Fix
from p2plearn.protocol.records import KEY_SIZE, VERSION, Record


class _Text(NamedTuple):
    """A text of at most `most` bytes of UTF-8."""

    most: int = limits.MAX_RECORD

    def holds(self, value: Any) -> bool:
        return type(value) is str and (len(value) * 4 <= self.most or len(value.encode()) <= self.most)


class _Word(NamedTuple):
    """One of the words given."""

    words: tuple[str, ...]

    def holds(self, value: Any) -> bool:
        return type(value) is str and value in self.words


class _Texts(NamedTuple):
    """At most `most` texts."""

    each: _Text
    most: int

    def holds(self, value: Any) -> bool:
        return type(value) is list and len(value) <= self.most and all(map(self.each.holds, value))


class _Number:
    """An integer; the envelope bounds it."""

    def holds(self, value: Any) -> bool:
        return type(value) is int


class _Question:
    """The number of one of the three questions."""

    def holds(self, value: Any) -> bool:
        return type(value) is int and value in kinds.QUESTIONS


class _Flag:
    """True or false, not a number."""

    def holds(self, value: Any) -> bool:
        return type(value) is bool


class _AuthorOrNone:
    """An author's key, or nothing."""

    def holds(self, value: Any) -> bool:
        return type(value) is bytes and len(value) in {0, KEY_SIZE}


class _Sealed:
    """What a sealed box says to one reader; the envelope bounds it."""

    def holds(self, value: Any) -> bool:
        return type(value) is bytes


class _Fixes:
    """Steps with what to mend at each."""

    def holds(self, value: Any) -> bool:
        return type(value) is list and len(value) <= limits.MAX_FIXES and all(map(self._is_fix, value))

    def _is_fix(self, value: Any) -> bool:
        return type(value) is list and len(value) == 2 and type(value[0]) is int and type(value[1]) is str


_WORD = _Text(limits.MAX_WORD)
_TITLE = _Text(limits.MAX_TITLE)
_TEXT = _Text()
_STEPS = _Texts(_TEXT, limits.MAX_HOWTO_STEPS)

_Rule: TypeAlias = _Text | _Word | _Texts | _Number | _Question | _Flag | _AuthorOrNone | _Sealed | _Fixes

_RULES: dict[type[Body], tuple[_Rule, ...]] = {
    kinds.Profile: (_Text(limits.MAX_NAME), _TEXT, _Texts(_WORD, limits.MAX_OPEN_TO)),
    kinds.Snippet: (_WORD, _TITLE, _TEXT, _STEPS, _TEXT, _STEPS),
    kinds.Revision: (_TEXT, _TITLE, _STEPS, _TEXT, _STEPS),
    kinds.Retract: (_TEXT,),
    kinds.Request: (_TITLE, _TEXT, _TEXT, _TEXT, _TITLE, _Word(kinds.WANTS), _Flag(), _AuthorOrNone()),
    kinds.Reply: (_Word(kinds.REPLY_TYPES), _TEXT, _Number()),
    kinds.Solve: (_TEXT,),
    kinds.Withdraw: (_TEXT,),
    kinds.Check: (_TEXT,),
    kinds.Proof: (_TEXT,),
    kinds.Verdict: (_Word(kinds.RESULTS), _TEXT, _Fixes()),
    kinds.Adopt: (_Word(kinds.STAGES), _Word(kinds.OUTCOMES), _AuthorOrNone(), _TEXT),
    kinds.Correction: (_TEXT,),
    kinds.Reaction: (_Word(kinds.REACTIONS), _TEXT),
    kinds.Thanks: (_TEXT, _Sealed()),
    kinds.Encouragement: (_TEXT,),
    kinds.Decline: (_TEXT,),
    kinds.Teach: (_Number(),),
    kinds.Learn: (),
    kinds.Offer: (_TEXT,),
    kinds.Wanted: (_TEXT,),
    kinds.Compass: (_Question(), _TEXT),
}

_MAKERS: dict[type[Body], Callable[..., Body]] = {
    kinds.Profile: lambda name, about, open_to: kinds.Profile(name, about, tuple(open_to)),
    kinds.Snippet: lambda kind, title, text, *howto: kinds.Snippet(kind, title, text, *_frozen(howto)),
    kinds.Revision: lambda text, title, *howto: kinds.Revision(text, title, *_frozen(howto)),
    kinds.Verdict: lambda result, text, fixes: kinds.Verdict(result, text, tuple(Fix(*fix) for fix in fixes)),
}
_READERS = {body.kind: (_MAKERS.get(body, body), rules, min(body.least, len(rules))) for body, rules in _RULES.items()}


def body_of(record: Record) -> Body | None:
    """What the record says, or None for an unknown version or kind and for a body that breaks the rules above."""
    make, rules, least = _READERS.get(record.kind, (None, (), 0))
    items = record.body
    if make is None or record.version != VERSION or len(items) < least:
        return None
    for rule, item in zip(rules, items, strict=False):
        if not rule.holds(item):
            return None
    return make(*items[: len(rules)])


def check_lengths(body: Body) -> None:
    """Raises TooLarge, with the name of the field, where what an author wrote is longer than readers accept."""
    for item, rule in zip(fields(body), _RULES[type(body)], strict=True):
        value = getattr(body, item.name)
        if isinstance(rule, _Text) and not rule.holds(value):
            remedy = {"remedy": TOO_LONG} if item.name == "text" else {}
            raise TooLarge(what=f"The {item.name.replace('_', ' ')}", size=len(value.encode()), limit=rule.most, **remedy)
        if isinstance(rule, _Texts) and not rule.holds(list(value)):
            what = f"The list “{item.name.replace('_', ' ')}”"
            raise TooLarge(what=what, size=len(" ".join(value).encode()), limit=min(rule.each.most * rule.most, limits.MAX_RECORD))


def _frozen(values: tuple[Any, ...]) -> list[Any]:
    return [tuple(value) if type(value) is list else value for value in values]
