"""A receipt: that one person was helped by another, signed by the one who was helped. What the ledger counts.

Must not know records (`entries` makes receipts of them), nor what receipts add up to.
"""

from typing import NamedTuple


class Receipt(NamedTuple):
    """That `issuer` was helped by `helper` (author keys), in a thing that is the same for all they say about it.

    `kind`: verdict, solve, adopt, learned-from, correction or thanks; `slot`: the id of the request, snippet or correction; `units`: what
    it counts before it ages; `at`: when, as its issuer claims (ms since 1970); `topics`: of the thing; `record`: the id of what says so.
    There is one for each issuer, helper, kind and slot.
    """

    issuer: bytes
    helper: bytes
    kind: str
    slot: bytes
    units: float
    at: int
    topics: tuple[str, ...]
    record: bytes
