"""Distributions of times by mean and coefficient of variation, as a line describes them.

A shop floor knows a mean and a spread. Shape parameters follow from both: gamma k = 1/cv², lognormal
σ² = ln(1 + cv²), Weibull by solving cv² = Γ(1 + 2/k)/Γ(1 + 1/k)² − 1. All times are in the line's unit.

Source: Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 1 (1994), chapters 14, 17, 19, 21.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from gaugeblock.twin.errors import EmpiricalEmptyError, LineTooLargeError, SpreadError, TimeNotPositiveError

CV_MIN, CV_MAX = 1e-3, 20.0
PHASES_MAX = 1000
EMPIRICAL_MAX = 100_000
EXPONENTIAL, GAMMA, LOGNORMAL, WEIBULL, ERLANG, DETERMINISTIC, EMPIRICAL = range(7)


class Flat(NamedTuple):
    """A distribution as the kernels read it: a kind, two numbers, and the values of an empirical one."""

    kind: int
    a: float
    b: float
    values: Sequence[float] = ()


class _Times(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    """Base: closed, immutable, told apart by ``kind``."""


class Exponential(_Times, frozen=True, tag="exponential"):
    """Memoryless times.

    >>> Exponential(2.0).flat()
    Flat(kind=0, a=2.0, b=0.0, values=())
    """

    mean: float

    def check(self, where: str) -> None:
        """Raises :class:`TimeNotPositiveError`."""
        _positive(where, "mean", self.mean)

    def flat(self) -> Flat:
        """For the kernels."""
        return Flat(EXPONENTIAL, self.mean, 0.0)


class _Spread(_Times, frozen=True):
    mean: float
    cv: float

    def check(self, where: str) -> None:
        """Raises :class:`TimeNotPositiveError`, :class:`SpreadError`."""
        _positive(where, "mean", self.mean)
        if not CV_MIN <= self.cv <= CV_MAX:
            raise SpreadError(where=where, name="cv", value=self.cv, low=CV_MIN, high=CV_MAX)


class Gamma(_Spread, frozen=True, tag="gamma"):
    """Gamma times: shape 1/cv².

    >>> Gamma(mean=2.0, cv=0.5).flat()[1:3]
    (4.0, 0.5)
    """

    def flat(self) -> Flat:
        """For the kernels: shape and scale."""
        shape = 1.0 / self.cv**2
        return Flat(GAMMA, shape, self.mean / shape)


class Lognormal(_Spread, frozen=True, tag="lognormal"):
    """Lognormal times."""

    def flat(self) -> Flat:
        """For the kernels: mean and deviation of the logarithm."""
        variance = math.log1p(self.cv**2)
        return Flat(LOGNORMAL, math.log(self.mean) - variance / 2, math.sqrt(variance))


class Weibull(_Spread, frozen=True, tag="weibull"):
    """Weibull times, as times to failure often are.

    >>> round(Weibull(mean=1.0, cv=1.0).shape, 9)
    1.0
    """

    @property
    def shape(self) -> float:
        """The k of this cv, by bisection; the cv falls as k grows."""
        low, high = 0.05, 2000.0
        for _ in range(200):
            middle = math.sqrt(low * high)
            if _weibull_cv(middle) > self.cv:
                low = middle
            else:
                high = middle
        return math.sqrt(low * high)

    def flat(self) -> Flat:
        """For the kernels: 1/k and scale."""
        inverse = 1.0 / self.shape
        return Flat(WEIBULL, inverse, self.mean / math.gamma(1.0 + inverse))


class Erlang(_Times, frozen=True, tag="erlang"):
    """The sum of ``phases`` exponential times: cv 1/√phases."""

    mean: float
    phases: int

    def check(self, where: str) -> None:
        """Raises :class:`TimeNotPositiveError`, :class:`SpreadError`."""
        _positive(where, "mean", self.mean)
        if not 1 <= self.phases <= PHASES_MAX:
            raise SpreadError(where=where, name="phases", value=self.phases, low=1, high=PHASES_MAX)

    def flat(self) -> Flat:
        """For the kernels: phases and mean of one."""
        return Flat(ERLANG, float(self.phases), self.mean / self.phases)


class Deterministic(_Times, frozen=True, tag="deterministic"):
    """Always the same time."""

    mean: float

    def check(self, where: str) -> None:
        """Raises :class:`TimeNotPositiveError`."""
        _positive(where, "mean", self.mean)

    def flat(self) -> Flat:
        """For the kernels."""
        return Flat(DETERMINISTIC, self.mean, 0.0)


class Empirical(_Times, frozen=True, tag="empirical"):
    """Times as they were measured, each equally probable.

    >>> Empirical((1.0, 3.0)).mean
    2.0
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Of the values."""
        return math.fsum(self.values) / len(self.values)

    def check(self, where: str) -> None:
        """Raises :class:`EmpiricalEmptyError`, :class:`TimeNotPositiveError`, :class:`LineTooLargeError`."""
        if not self.values:
            raise EmpiricalEmptyError(where=where)
        if len(self.values) > EMPIRICAL_MAX:
            raise LineTooLargeError(what=where, found=len(self.values), limit=EMPIRICAL_MAX)
        for value in self.values:
            _positive(where, "values", value)

    def flat(self) -> Flat:
        """For the kernels: how many, and the values in order."""
        return Flat(EMPIRICAL, float(len(self.values)), 0.0, sorted(self.values))


Distribution = Exponential | Gamma | Lognormal | Weibull | Erlang | Deterministic | Empirical


def cv_of(times: Distribution) -> float:
    """Coefficient of variation.

    >>> cv_of(Erlang(3.0, 4)), cv_of(Exponential(1.0))
    (0.5, 1.0)
    """
    match times:
        case Exponential():
            return 1.0
        case Erlang():
            return 1.0 / math.sqrt(times.phases)
        case Deterministic():
            return 0.0
        case Empirical():
            mean = times.mean
            return math.sqrt(math.fsum((value - mean) ** 2 for value in times.values) / len(times.values)) / mean
        case _:
            return times.cv


def _weibull_cv(shape: float) -> float:
    # Through logarithms: Γ(1 + 2/k) overflows for small k.
    excess = math.lgamma(1 + 2 / shape) - 2 * math.lgamma(1 + 1 / shape)
    return math.sqrt(math.expm1(excess)) if excess < 700 else math.inf


def _positive(where: str, name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0.0):
        raise TimeNotPositiveError(where=where, name=name, value=value)
