"""Which distribution times follow, how well it fits, and how sure its parameters are.

Families are compared by the Bayesian information criterion (BIC); their posterior weights are exp(−ΔBIC/2). Erlang
stands for gamma where exactly one whole number of phases lies in the interval of gamma's shape. Where the best family
is refused by a chi-square test of fit on many times, the measured times themselves are the distribution. Intervals
are quantiles of **draws** from the likelihood (flat in the logarithms of mean and shape, and over families by their
weights): importance resampling from Student's t with four degrees around the maximum, exact for few times too.

Sources: Schwarz, Estimating the dimension of a model (Annals of Statistics 6, 1978); Kass, Raftery, Bayes factors
(JASA 90, 1995); Moore, Spruill, Unified large-sample theory of chi-squared statistics (Annals of Statistics 3, 1975):
with fitted parameters the statistic lies between χ² with bins − 1 − parameters and bins − 1 degrees; the latter is
used, which refuses too seldom rather than too often.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gaugeblock.signals.distributions import chi_square_cdf
from gaugeblock.twin.calibration.event_log import Floats, Ints
from gaugeblock.twin.calibration.likelihood import (
    EXPONENTIAL,
    FAMILIES,
    GAMMA,
    LOGNORMAL,
    WEIBULL,
    log_likelihoods,
    maximise,
    shares_below,
    values_inside,
)
from gaugeblock.twin.distributions import (
    CV_MAX,
    CV_MIN,
    PHASES_MAX,
    Deterministic,
    Distribution,
    Empirical,
    Erlang,
    Exponential,
    Gamma,
    Lognormal,
    Weibull,
    cv_of,
)

DRAWS = 400
SPREAD_LEAST = 3
HOLD_LEAST = 0.9
REFUSED = 0.01
EMPIRICAL_LEAST = 100
EMPIRICAL_VALUES_MAX = 2_000
TIMES_MAX = 20_000
"""Times that a fit takes; of more, so many by chance."""
_PARAMETERS = (1, 2, 2, 2)


@dataclass(frozen=True)
class Times:
    """Measured times: some exactly, some only as intervals (low, high]; infinite high: still going on."""

    exact: Floats
    low: Floats
    high: Floats

    @property
    def count(self) -> int:
        """In all."""
        return len(self.exact) + len(self.low)


@dataclass(frozen=True)
class Candidate:
    """A family that was tried."""

    family: str
    times: Distribution
    bic: float
    weight: float


@dataclass(frozen=True)
class TimesFit:
    """What times follow.

    Parameters
    ----------
    chosen
        The distribution taken.
    candidates
        All families tried, the best first.
    mean, cv
        (low, high): 95 % intervals.
    fit_p
        Of the chi-square test of the best family; NaN where there were too few times.
    count, censored
        Times in all, and those of them known only as an interval.
    sample
        Measured times, where they are the distribution.
    """

    chosen: Distribution
    candidates: tuple[Candidate, ...]
    mean: tuple[float, float]
    cv: tuple[float, float]
    fit_p: float
    count: int
    censored: int
    kinds: Ints
    us: Floats
    vs: Floats
    sample: Floats | None = None

    def draw(self, generator: np.random.Generator) -> Distribution:
        """A distribution that the log does not rule out, as probable as the log makes it."""
        if self.sample is not None:
            return Empirical(tuple(np.sort(generator.choice(self.sample, len(self.sample))).tolist()))
        if not len(self.us):
            return self.chosen
        pick = int(generator.integers(len(self.us)))
        return distribution_of(int(self.kinds[pick]), float(self.us[pick]), float(self.vs[pick]))


def distribution_of(kind: int, u: float, v: float) -> Distribution:
    """The line's form of a family's point; spreads beyond what a line may have are cut.

    >>> distribution_of(EXPONENTIAL, 0.0, 0.0)
    Exponential(mean=1.0)
    """
    mean = math.exp(u)
    if kind == EXPONENTIAL:
        return Exponential(mean)
    if kind == GAMMA:
        return Gamma(mean, _cut(math.exp(-0.5 * v)))
    if kind == LOGNORMAL:
        variance = math.exp(2.0 * v)
        return Lognormal(mean, _cut(math.sqrt(math.expm1(min(variance, 50.0)))))
    excess = math.lgamma(1.0 + 2.0 * math.exp(-v)) - 2.0 * math.lgamma(1.0 + math.exp(-v))
    return Weibull(mean, _cut(math.sqrt(math.expm1(min(excess, 50.0)))))


def _cut(cv: float) -> float:
    return min(CV_MAX, max(CV_MIN, cv))


def fit(times: Times, generator: np.random.Generator, *, resolution: float = 0.0, draws: int = DRAWS) -> TimesFit:
    """The distribution of times.

    Parameters
    ----------
    resolution
        The grain of the log's clock; times that differ by no more are the same.

    Examples
    --------
    >>> generator = np.random.default_rng(1)
    >>> none = np.empty(0)
    >>> found = fit(Times(generator.gamma(4.0, 0.5, 2000), none, none), generator)
    >>> type(found.chosen).__name__, round(found.chosen.mean, 1)
    ('Erlang', 2.0)
    """
    times = _at_most(times, generator)
    exact = np.ascontiguousarray(times.exact[times.exact > 0.0])
    low, high = np.ascontiguousarray(times.low), np.ascontiguousarray(times.high)
    middle = _middle(exact, low, high)
    scale = float(np.mean(middle))
    spread = float(np.std(middle)) / scale
    alike = len(exact) >= SPREAD_LEAST and np.ptp(exact) <= max(2.0 * resolution, CV_MIN * scale)
    if alike and _all_hold(exact, low, high):
        return _constant(exact, low, resolution)
    if len(exact) + int(np.isfinite(high).sum()) < SPREAD_LEAST:
        return _barely(exact, low, high, generator, draws)
    if resolution > 0.02 * scale:
        low = np.concatenate([low, np.maximum(0.0, exact - resolution / 2)])
        high = np.concatenate([high, exact + resolution / 2])
        exact = np.empty(0)
    logs = np.log(exact)
    tried = []
    for kind in range(len(FAMILIES)):
        u, v = _start(kind, scale, spread)
        tried.append(maximise(kind, u, v, exact, logs, low, high))
    count = len(exact) + len(low)
    bic = np.array([_PARAMETERS[k] * math.log(count) - 2.0 * tried[k][2] for k in range(len(tried))])
    if not np.isfinite(bic).any():
        return _barely(exact, low, high, generator, draws)
    weights = np.exp(-0.5 * (bic - bic.min()))
    weights /= weights.sum()
    order = np.argsort(bic)
    candidates = tuple(
        Candidate(FAMILIES[k], distribution_of(k, tried[k][0], tried[k][1]), float(bic[k]), float(weights[k]))
        for k in order
    )
    kinds, us, vs = _draws(tried, weights, exact, logs, low, high, generator, draws)
    best = int(order[0])
    p = fit_p_value(best, tried[best][0], tried[best][1], exact, low, high)
    chosen: Distribution = candidates[0].times
    sample = None
    if p < REFUSED and count >= EMPIRICAL_LEAST:
        sample = _sample(exact, low, high, best, tried[best], generator)
        chosen = Empirical(tuple(_thinned(sample)))
        means, cvs = _bootstrapped(sample, generator)
    else:
        drawn = [distribution_of(int(k), float(u), float(v)) for k, u, v in zip(kinds, us, vs, strict=True)]
        means, cvs = np.array([d.mean for d in drawn]), np.array([cv_of(d) for d in drawn])
        if best == GAMMA and (phases := _phases(vs[kinds == GAMMA])) is not None:
            chosen = Erlang(chosen.mean, phases)
    return TimesFit(
        chosen=chosen,
        candidates=candidates,
        mean=_interval(means),
        cv=_interval(cvs),
        fit_p=p,
        count=times.count,
        censored=len(times.low),
        kinds=kinds,
        us=us,
        vs=vs,
        sample=None if sample is None else np.array(_thinned(sample)),
    )


def _at_most(times: Times, generator: np.random.Generator) -> Times:
    """So many of the times as tell a mean to a per cent, by chance."""
    if times.count <= TIMES_MAX:
        return times
    share = TIMES_MAX / times.count
    kept, censored = generator.random(len(times.exact)) < share, generator.random(len(times.low)) < share
    return Times(times.exact[kept], times.low[censored], times.high[censored])


def _interval(values: Floats) -> tuple[float, float]:
    low, high = np.quantile(values, [0.025, 0.975], method="weibull")
    return float(low), float(high)


def _middle(exact: Floats, low: Floats, high: Floats) -> Floats:
    """Times as a first guess takes them."""
    guessed = np.where(np.isfinite(high), 0.5 * (low + high), 1.5 * low)
    everything = np.concatenate([exact, guessed[guessed > 0.0]])
    return everything if len(everything) else np.ones(1)


def _all_hold(exact: Floats, low: Floats, high: Floats) -> bool:
    value = float(np.median(exact))
    near = 1e-6 * value
    # Where everything comes at the same beat, who waited for whom is not always told right.
    return not len(low) or bool(np.mean((low - near <= value) & (value <= high + near)) >= HOLD_LEAST)


def _constant(exact: Floats, low: Floats, resolution: float) -> TimesFit:
    value = float(np.median(exact))
    half = resolution / 2
    none = np.empty(0)
    return TimesFit(
        chosen=Deterministic(value),
        candidates=(Candidate("deterministic", Deterministic(value), math.nan, 1.0),),
        mean=(value - half, value + half),
        cv=(0.0, 0.0),
        fit_p=math.nan,
        count=len(exact) + len(low),
        censored=len(low),
        kinds=np.empty(0, np.int64),
        us=none,
        vs=none,
    )


def _barely(exact: Floats, low: Floats, high: Floats, generator: np.random.Generator, draws: int) -> TimesFit:
    """One or two times tell no spread: exponential, its rate from gamma with as many events (Jeffreys' prior)."""
    finite = np.isfinite(high)
    events = len(exact) + int(finite.sum())
    exposed = float(exact.sum() + np.where(finite, 0.5 * (low + np.where(finite, high, 0.0)), low).sum())
    exposed = max(exposed, 1e-9)
    means = exposed / generator.gamma(events + 0.5, 1.0, draws)
    mean = exposed / max(events, 0.5)
    return TimesFit(
        chosen=Exponential(mean),
        candidates=(Candidate("exponential", Exponential(mean), math.nan, 1.0),),
        mean=_interval(means),
        cv=(1.0, 1.0),
        fit_p=math.nan,
        count=len(exact) + len(low),
        censored=len(low),
        kinds=np.zeros(draws, np.int64),
        us=np.log(means),
        vs=np.zeros(draws),
    )


def _start(kind: int, mean: float, cv: float) -> tuple[float, float]:
    cv = min(5.0, max(0.02, cv))
    v = {
        EXPONENTIAL: 0.0,
        GAMMA: -2.0 * math.log(cv),
        LOGNORMAL: 0.5 * math.log(math.log1p(cv * cv)),
        WEIBULL: -1.086 * math.log(cv),  # k ≈ cv^−1.086, a common approximation
    }[kind]
    return math.log(mean), v


Point = tuple[float, float, float, float, float, float]


def _draws(
    tried: list[Point],
    weights: Floats,
    exact: Floats,
    logs: Floats,
    low: Floats,
    high: Floats,
    generator: np.random.Generator,
    draws: int,
) -> tuple[Ints, Floats, Floats]:
    counts = generator.multinomial(draws, weights)
    kinds, us, vs = [], [], []
    for kind, count in enumerate(counts):
        if not count:
            continue
        u, v, best, uu, uv, vv = tried[kind]
        two = kind != EXPONENTIAL
        # Cholesky of the inverse of the information, kept positive where the likelihood is flat.
        uu, vv = max(uu, 1e-3), max(vv, 1e-2)
        uv = uv if uv * uv < 0.98 * uu * vv else 0.0
        determinant = uu * vv - uv * uv
        first = math.sqrt(vv / determinant) if two else 1.0 / math.sqrt(uu)
        cross = -uv / determinant / first if two else 0.0
        second = math.sqrt(max(uu / determinant - cross * cross, 1e-12)) if two else 0.0
        many = 4 * int(count)
        normal = generator.standard_normal((many, 2))
        t = normal * np.sqrt(4.0 / generator.chisquare(4.0, many))[:, None]
        u_try = u + first * t[:, 0]
        v_try = v + (cross * t[:, 0] + second * t[:, 1] if two else 0.0 * t[:, 0])
        value = log_likelihoods(np.full(many, kind), u_try, v_try, exact, logs, low, high)
        norm = (t**2).sum(axis=1) if two else t[:, 0] ** 2
        proposal = -0.5 * (4.0 + (2.0 if two else 1.0)) * np.log1p(norm / 4.0)
        score = np.where(np.isfinite(value), value - best - proposal, -np.inf)
        if not np.isfinite(score).any():
            # Narrower than any step from it: the point itself.
            kinds.append(np.full(int(count), kind, np.int64))
            us.append(np.full(int(count), u))
            vs.append(np.full(int(count), v))
            continue
        probability = np.exp(score - score.max())
        pick = generator.choice(many, int(count), p=probability / probability.sum())
        kinds.append(np.full(int(count), kind, np.int64))
        us.append(u_try[pick])
        vs.append(v_try[pick])
    return np.concatenate(kinds), np.concatenate(us), np.concatenate(vs)


def _phases(vs: Floats) -> int | None:
    """The one whole number of phases that gamma's shape leaves open."""
    if not len(vs):
        return None
    low, high = np.exp(np.quantile(vs, [0.025, 0.975], method="weibull"))
    first = math.ceil(low)
    return first if first >= 1 and first <= min(high, PHASES_MAX) and math.floor(high) == first else None


def fit_p_value(kind: int, u: float, v: float, exact: Floats, low: Floats, high: Floats) -> float:
    """Of the chi-square test in equally probable bins; a censored time counts in each bin by its probability there."""
    count = len(exact) + len(low)
    if count < 25 or len(exact) < 0.3 * count:
        return math.nan
    bins = max(5, min(60, int(2.0 * count**0.4)))
    below = (bins * shares_below(kind, u, v, exact)).astype(np.int64)
    observed = np.bincount(np.minimum(bins - 1, below), minlength=bins).astype(float)
    for start, end in zip(shares_below(kind, u, v, low), shares_below(kind, u, v, high), strict=True):
        if end > start:
            observed += np.diff(np.clip(np.arange(bins + 1) / bins, start, end)) / (end - start)
    statistic = float(((observed - count / bins) ** 2).sum() / (count / bins))
    return 1.0 - chi_square_cdf(statistic, bins - 1)


def _sample(
    exact: Floats, low: Floats, high: Floats, kind: int, point: Point, generator: np.random.Generator
) -> Floats:
    """Measured times; a censored one is drawn from the measured ones in its interval, else from the best family."""
    ordered = np.sort(exact)
    first = np.searchsorted(ordered, low, side="right")
    last = np.searchsorted(ordered, high, side="right")
    held = last > first
    drawn = values_inside(kind, point[0], point[1], low, high, generator.random(len(low)))
    drawn[held] = ordered[generator.integers(first[held], last[held])]
    return np.concatenate([exact, drawn])


def _thinned(sample: Floats) -> list[float]:
    """At most so many values, by equal shares."""
    ordered = np.sort(sample)
    if len(ordered) <= EMPIRICAL_VALUES_MAX:
        return [float(value) for value in ordered]
    at = (np.arange(EMPIRICAL_VALUES_MAX) + 0.5) / EMPIRICAL_VALUES_MAX * len(ordered)
    return [float(value) for value in ordered[at.astype(np.int64)]]


def _bootstrapped(sample: Floats, generator: np.random.Generator) -> tuple[Floats, Floats]:
    means, cvs = np.empty(200), np.empty(200)
    for k in range(200):
        again = generator.choice(sample, len(sample))
        means[k] = again.mean()
        cvs[k] = again.std() / again.mean()
    return means, cvs
