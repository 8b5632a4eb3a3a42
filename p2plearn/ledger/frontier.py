"""Whose records to fetch next, where not all can be: what those say whose word counts for me moves my ranking most.

Must not know how records are fetched.
"""

CHOSEN = 10.0  # more than all visits together: whom a person chose comes before whom a formula found


def prefer(visits: float, coming: int, *, chosen: bool = False) -> float:
    """How much sooner than others' the records of an author are wanted of whom `coming` are not here yet; `chosen`: mine, or one I follow.

    By visits, before the discounts, for these are what somebody's word hands on (`Standing.visits`); for each record, since of two who
    count alike the one who says it shorter leaves room for another.
    """
    return CHOSEN * chosen + visits / coming
