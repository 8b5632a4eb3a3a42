"""The façade is one object of many classes: no two of them may give different things the same name."""

from itertools import combinations
from types import CodeType

from p2plearn.node.node import Node
from p2plearn.node.service.service import Service

_UNNAMED = {"__module__", "__doc__", "__annotations__", "__parameters__", "__orig_bases__", "__abstractmethods__", "_abc_impl"}


def code_of(found: object) -> CodeType | None:
    """The code of a function, also of one in a classmethod, a staticmethod, a property or a decorator."""
    for inner in ("__func__", "fget", "__wrapped__"):
        found = getattr(found, inner, None) or found
    return getattr(found, "__code__", None)


def clashes(whole: type) -> list[str]:
    """Names that two of the classes of `whole` define, unless the one builds on the other and asks it with super()."""
    found = []
    parts = [part for part in whole.__mro__ if part is not object]
    for one, other in combinations(parts, 2):
        for name in sorted(vars(one).keys() & vars(other).keys() - _UNNAMED):
            code = code_of(vars(one)[name])
            if not (issubclass(one, other) and code is not None and "super" in code.co_names):
                found.append(f"{one.__name__} and {other.__name__} both define {name}")
    return found


def test_no_two_parts_of_the_facade_use_one_name_for_different_things():
    assert clashes(Service) == []


def test_the_node_overrides_only_what_needs_a_network():
    own = vars(Node).keys() & {name for part in Service.__mro__ if part is not object for name in vars(part)}
    assert own - _UNNAMED == {"__init__", "status", "_near", "_fetch"}


def test_a_clash_is_found():
    class Base:
        def name(self):
            return "base"

        def asked(self):
            return "base"

    class One(Base):
        def said(self):
            return "one"

        def asked(self):
            return super().asked()

    class Other(Base):
        def said(self):
            return "other"

        def name(self):
            return "other"

    class Whole(One, Other):
        pass

    assert clashes(Whole) == ["One and Other both define said", "Other and Base both define name"]
