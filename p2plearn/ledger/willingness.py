"""Which part of those who could share are willing to: a mixture of two sorts of people, by the days on which each could share and did.

Who is willing shares on a part of the days on which they could, some more and some less often; who is not may still do so now and then.
Days are counted and not deeds, so that nobody is expected to do more because more is asked: being overrun is no unwillingness.
Must not know where the days come from. docs/adr/0020-health.md has the simulation that the constants below were tried in.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

_Numbers: TypeAlias = npt.NDArray[np.float64]

ALIKE = 20.0  # how alike in their habits the willing are: the shape of the gamma distribution of their rates
UNALIKE = 0.5  # the same of the others, most of whom never share and a few now and then
_MOST_RHO = 0.1  # of the rate of the willing: whoever shares more often than that is not called unwilling
_LEAST_RHO = 0.005
_EDGE = 0.003  # a share is never thought to be nearer to 0 or 1
_ROUNDS = 400
_ENOUGH = 1e-3  # gain of the log-likelihood below which the fit is done
_LIKELY = 1.92  # log-likelihood below the best at which a 95 % interval ends (half of the quantile of χ², 1 degree of freedom)
_MODEL = 0.03  # what the model itself was off in the simulation, which no likelihood tells


class Willing(NamedTuple):
    """`share`: the part that is willing, with a 95 % interval from `low` to `high`; `rate`: on how many of their days they share."""

    share: float
    low: float
    high: float
    rate: float

    def silence(self, days: float) -> float:
        """How probable it is that somebody willing shares on none of so many days."""
        return float((1.0 + self.rate * days / ALIKE) ** -ALIKE)


class _Fit(NamedTuple):
    share: float
    rate: float
    rho: float  # the rate of the others, over that
    likelihood: float


def willing(shared: Sequence[int], could: Sequence[float]) -> Willing:
    """The estimate from the days on which each person shared, and on which they could; at least one person."""
    counts, days = np.asarray(shared, float), np.asarray(could, float)
    steps = [_rising(counts, shape) for shape in (ALIKE, UNALIKE)]
    start = counts.sum() / max(1.0, days.sum())
    best = max((_fit(counts, days, steps, _Fit(share, start / share, 0.1, 0.0)) for share in (0.25, 0.75)), key=lambda fit: fit.likelihood)
    low, high = (_end(counts, days, steps, best, towards) for towards in (_EDGE, 1 - _EDGE))
    return Willing(best.share, max(0.0, low - _MODEL), min(1.0, high + _MODEL), best.rate)


def _rising(counts: _Numbers, shape: float) -> _Numbers:
    """log(Γ(shape + n) / Γ(shape)) + shape·log(shape) of each count."""
    table = np.concatenate([[0.0], np.cumsum(np.log(shape + np.arange(counts.max(initial=0.0))))])
    rising: _Numbers = table[counts.astype(int)] + shape * np.log(shape)
    return rising


def _fit(counts: _Numbers, days: _Numbers, steps: Sequence[_Numbers], start: _Fit, *, fixed: bool = False) -> _Fit:
    """Expectation and maximisation from `start`; with its share as it is, where that is `fixed`."""
    share, rate, rho, before = start.share, max(start.rate, 1e-4), start.rho, -np.inf
    for _ in range(_ROUNDS):
        expected = rate * days
        own = steps[0] - (ALIKE + counts) * np.log(ALIKE + expected) + counts * np.log(rate)
        other = steps[1] - (UNALIKE + counts) * np.log(UNALIKE + rho * expected) + counts * np.log(rho * rate)
        own, other = own + np.log(share), other + np.log1p(-share)
        both = np.logaddexp(own, other)
        weight, likelihood = np.exp(own - both), float(both.sum())
        if abs(likelihood - before) < _ENOUGH:
            break
        before = likelihood
        often = (ALIKE + counts) / (ALIKE + expected)  # how active each is, were they of this sort
        seldom = (UNALIKE + counts) / (UNALIKE + rho * expected)
        exposed = ((weight * often + (1 - weight) * rho * seldom) * days).sum()
        rate = max(1e-4, counts.sum() / max(1e-9, exposed))
        rest = ((1 - weight) * seldom * rate * days).sum()
        rho = float(np.clip(((1 - weight) * counts).sum() / max(1e-9, rest), _LEAST_RHO, _MOST_RHO))
        share = share if fixed else float(np.clip(weight.mean(), _EDGE, 1 - _EDGE))
    return _Fit(share, float(rate), rho, before)


def _end(counts: _Numbers, days: _Numbers, steps: Sequence[_Numbers], best: _Fit, towards: float) -> float:
    """The share between the best and `towards` at which the likelihood has fallen to where the interval ends."""
    inside, outside = best.share, towards
    while abs(outside - inside) > 0.005:
        middle = (inside + outside) / 2
        fit = _fit(counts, days, steps, best._replace(share=middle), fixed=True)
        inside, outside = (middle, outside) if fit.likelihood > best.likelihood - _LIKELY else (inside, middle)
    return inside
