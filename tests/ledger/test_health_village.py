"""The measure of health against villages in which it is known who would share: small ones; `bench/health.py` has the large."""

import pytest

from bench.health import SORTS, Village, judged, look

_PEOPLE = 600  # a sample of some 200 to 300: the truth among them is met within .08, and within .05 in a larger village


@pytest.mark.parametrize("sort", ["healthy", "sick .3", "sick .3, 2,000 junk requests", "the willing are seldom there"])
def test_the_share_is_found_and_nobody_is_flagged_for_nothing(sort: str) -> None:
    village = Village(SORTS[sort], _PEOPLE, seed=7)
    found = judged(village, look(village))
    assert abs(found.share - found.proven) <= 0.08
    assert found.is_inside
    assert found.learners_flagged == 0
    assert found.seeders_flagged <= 0.01


def test_in_a_sick_village_counting_unanswered_questions_alone_would_flag_many_who_share() -> None:
    village = Village(SORTS["sick .3"], _PEOPLE, seed=7)
    found = judged(village, look(village))
    assert found.by_number > 0.1
    assert found.seeders_flagged <= 0.01
    assert found.withholding_found > 0
