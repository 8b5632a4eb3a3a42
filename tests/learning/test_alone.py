"""What stands for itself has the shape of everything else that is shown."""

from p2plearn.learning.alone import alone_json
from p2plearn.learning.conversation import converse
from p2plearn.learning.views import show_json
from p2plearn.testing.authors import Author


def test_profile_teach_learn_and_compass_are_shown_like_a_snippet() -> None:
    ada = Author("ada")
    said = [ada.profile("Ada", "I bake."), ada.teach("bread"), ada.teach("bread", 2), ada.learn("yeast"), ada.compass(2, "By asking.")]
    shown = [alone_json(record, (), {ada.key: "Ada"}, 2) for record in said]
    assert [(one["title"], one["text"], one["state"], one["held_by"]) for one in shown if one] == [
        ("Ada", "I bake.", "shared", 2),
        ("teaches bread", "", "shared", 2),
        ("teaches bread, 2 at a time", "", "shared", 2),
        ("wants to learn yeast", "", "shared", 2),
        ("How can I contribute?", "By asking.", "shared", 2),
    ]
    snippet = converse(ada.share("Bread"), ())
    assert snippet is not None
    assert all(one is not None and set(one) == set(show_json(snippet, {})) for one in shown)


def test_what_was_taken_back_says_why_and_nothing_else() -> None:
    ada, eve = Author("ada"), Author("eve")
    teach = ada.teach("bread")
    shown = alone_json(teach, [ada.retract(teach, "No time."), eve.retract(teach, "Never.")], {}, None)
    assert shown is not None
    assert (shown["state"], shown["reason"], shown["title"]) == ("retracted", "No time.", "")
    assert alone_json(ada.share("Bread"), (), {}, None) is None
