"""Whose records to fetch next, where not all can be: what those say whose word counts for me moves my ranking most.

Must not know how records are fetched.
"""

from collections.abc import Mapping

from p2plearn.ledger.ranking import Ranking


def frontier(ranking: Ranking, coming: Mapping[bytes, int]) -> list[bytes]:
    """The people of a ranking of what is held who have more to say, most important first. `coming`: of how many records of theirs.

    That is by visits, before the discounts, for these are what somebody's word hands on; for each record, since of two who count alike
    the one who says it shorter leaves room for another. I come first. Whose word moves nothing so far is left out.
    """
    worth = {
        person: visits / coming[person]
        for person, visits in zip(ranking.people[1:], ranking.visits[1:].tolist(), strict=True)
        if visits > 0 and coming.get(person, 0) > 0
    }
    me = ranking.people[0]
    return [*([me] if coming.get(me, 0) > 0 else []), *sorted(worth, key=lambda person: (-worth[person], person))]
