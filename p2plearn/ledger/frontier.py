"""Whose records to fetch next, where not all can be: what those say who count for me moves my ranking most.

Must not know how records are fetched.
"""

from collections.abc import Container

import numpy as np

from p2plearn.ledger.ranking import Ranking


def frontier(ranking: Ranking, fetched: Container[bytes]) -> list[bytes]:
    """The people of the ranking of what is held whose own receipts are still to come (not in `fetched`), most important first.

    That is by visits, before the discounts: these are what somebody's word hands on. Whoever has none is left out, for so far their
    word moves nothing; me comes first.
    """
    order = np.lexsort((np.arange(len(ranking.visits)), -ranking.visits)).tolist()
    people = [0, *(number for number in order if number and ranking.visits[number] > 0)]
    return [person for number in people if (person := ranking.people[number]) not in fetched]
