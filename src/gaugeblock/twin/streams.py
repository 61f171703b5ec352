"""Counter-based random streams, one per station and purpose, and sampling from them.

Draw *i* of a stream is a function of the stream's key and *i* alone (SplitMix64 with a key and an odd increment of its
own for each stream). What one station draws can therefore not be shifted by what another does: two lines that differ
in one thing are compared on the same luck, and two engines on the same path. A draw that needs several words takes
them from a second count under its first, never from its neighbour's.

Sources: Steele, Lea, Flood, Fast splittable pseudorandom number generators (OOPSLA 2014); Marsaglia, Tsang, The
ziggurat method (J. Stat. Software 5(8), 2000) and A simple method for generating gamma variables (ACM TOMS 26, 2000);
Wichura, Algorithm AS 241 (Applied Statistics 37, 1988).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from gaugeblock.twin.compiled import inlined, kernel
from gaugeblock.twin.distributions import DETERMINISTIC, EMPIRICAL, ERLANG, EXPONENTIAL, GAMMA, LOGNORMAL, WEIBULL

SERVICE, SETUP, UPTIME, REPAIR, OUTCOME, ARRIVAL, REMAINING = range(7)
"""Purposes of a station's streams. ``ARRIVAL`` is of a source, ``REMAINING`` of what a warm start conditions."""

_UNIT = 1.0 / 9007199254740992.0
_SECOND = np.uint64(0xD1342543DE82EF95)
_TAIL = 7.69711747013104972
_MASK = (1 << 64) - 1


def _mixed(word: int) -> int:
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _MASK
    return word ^ (word >> 31)


def stream_key(seed: int, replication: int, owner: int, purpose: int) -> tuple[int, int]:
    """Key and odd increment of a stream, as 64-bit patterns in signed integers.

    Parameters
    ----------
    owner
        The station's, or the source's, number on the line.

    Examples
    --------
    >>> stream_key(1, 0, 0, SERVICE) != stream_key(1, 0, 1, SERVICE)
    True
    >>> stream_key(1, 0, 0, SERVICE)[1] % 2
    1
    """
    word = _mixed(seed & _MASK)
    for part in (replication, owner, purpose):
        word = _mixed((word + 0x9E3779B97F4A7C15 * (part + 1)) & _MASK)
    step = _mixed((word + 0x632BE59BD9B4E019) & _MASK) | 1
    # Increments with few bit changes mix badly (SplitMix64's own remedy).
    if (step ^ (step >> 1)).bit_count() < 24:
        step ^= 0xAAAAAAAAAAAAAAAA
    return _signed(word), _signed(step)


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word


def _ziggurat() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Right edges and heights of 256 layers of equal area under exp(−x)."""
    area = 0.0039496598225815571993
    edges = np.zeros(257)
    edges[0], edges[1] = area * math.exp(_TAIL), _TAIL
    for layer in range(2, 256):
        edges[layer] = -math.log(area / edges[layer - 1] + math.exp(-edges[layer - 1]))
    return edges, np.array([0.0, *(math.exp(-edge) for edge in edges[1:])])


_EDGES, _HEIGHTS = _ziggurat()


@inlined
def mix(word):  # type: ignore[no-untyped-def]
    """The finaliser of SplitMix64."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


@inlined
def place_of(key, step, index):  # type: ignore[no-untyped-def]
    """Where draw ``index`` stands on the stream; its words are mixed from here."""
    return np.uint64(key) + np.uint64(index) * np.uint64(step)


@inlined
def unit(word):  # type: ignore[no-untyped-def]
    """53 bits of a word as a number inside (0, 1)."""
    return (np.int64(word >> np.uint64(11)) + 0.5) * _UNIT


@kernel
def _exponential_rest(place, layer, x):  # type: ignore[no-untyped-def]
    """The one draw in eighty that the ziggurat's first look does not settle; ``x`` is what it looked at."""
    count = np.uint64(1)
    base = 0.0
    while True:
        if layer == 0:
            base += _TAIL
        else:
            word = mix(place + count * _SECOND)
            count += np.uint64(1)
            height = _HEIGHTS[layer] + unit(word) * (_HEIGHTS[layer + 1] - _HEIGHTS[layer])
            if height < math.exp(-x):
                return base + x
        word = mix(place + count * _SECOND)
        count += np.uint64(1)
        layer = np.int64(word & np.uint64(255))
        x = unit(word) * _EDGES[layer]
        if x < _EDGES[layer + 1]:
            return base + x


@inlined
def exponential(place):  # type: ignore[no-untyped-def]
    """An exponential draw of mean one."""
    word = mix(place)
    layer = np.int64(word & np.uint64(255))
    x = unit(word) * _EDGES[layer]
    if x >= _EDGES[layer + 1]:
        x = _exponential_rest(place, layer, x)
    return x


@kernel
def normal_quantile(p):  # type: ignore[no-untyped-def]
    """Standard normal quantile, relative error about 1e-16 (AS 241, PPND16)."""
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        top = 2509.0809287301226727
        for c in (
            33430.575583588128105,
            67265.770927008700853,
            45921.953931549871457,
            13731.693765509461125,
            1971.5909503065514427,
            133.14166789178437745,
            3.387132872796366608,
        ):
            top = top * r + c
        bottom = 5226.495278852545925
        for c in (
            28729.085735721942674,
            39307.89580009271061,
            21213.794301586595867,
            5394.1960214247511077,
            687.1870074920579083,
            42.313330701600911252,
            1.0,
        ):
            bottom = bottom * r + c
        return q * top / bottom
    r = math.sqrt(-math.log(min(p, 1.0 - p)))
    if r <= 5.0:
        r -= 1.6
        top = 7.7454501427834140764e-4
        for c in (
            0.0227238449892691845833,
            0.24178072517745061177,
            1.27045825245236838258,
            3.64784832476320460504,
            5.7694972214606914055,
            4.6303378461565452959,
            1.42343711074968357734,
        ):
            top = top * r + c
        bottom = 1.05075007164441684324e-9
        for c in (
            5.475938084995344946e-4,
            0.0151986665636164571966,
            0.14810397642748007459,
            0.68976733498510000455,
            1.6763848301838038494,
            2.05319162663775882187,
            1.0,
        ):
            bottom = bottom * r + c
    else:
        r -= 5.0
        top = 2.01033439929228813265e-7
        for c in (
            2.71155556874348757815e-5,
            0.0012426609473880784386,
            0.026532189526576123093,
            0.29656057182850489123,
            1.7848265399172913358,
            5.4637849111641143699,
            6.6579046435011037772,
        ):
            top = top * r + c
        bottom = 2.04426310338993978564e-15
        for c in (
            1.4215117583164458887e-7,
            1.8463183175100546818e-5,
            7.868691311456132591e-4,
            0.0148753612908506148525,
            0.13692988092273580531,
            0.59983220655588793769,
            1.0,
        ):
            bottom = bottom * r + c
    value = top / bottom
    return -value if q < 0.0 else value


@kernel
def _gamma(place, shape):  # type: ignore[no-untyped-def]
    """A gamma draw of scale one (Marsaglia and Tsang); shapes below one are drawn one higher and brought down."""
    boosted = shape if shape >= 1.0 else shape + 1.0
    d = boosted - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    count = np.uint64(0)
    while True:
        x = normal_quantile(unit(mix(place + count * _SECOND)))
        u = unit(mix(place + (count + np.uint64(1)) * _SECOND))
        count += np.uint64(2)
        v = 1.0 + c * x
        if v <= 0.0:
            continue
        v = v * v * v
        if math.log(u) < 0.5 * x * x + d - d * v + d * math.log(v):
            break
    if shape < 1.0:
        return d * v * unit(mix(place + count * _SECOND)) ** (1.0 / shape)
    return d * v


@kernel
def _other(kind, a, b, values, first, place):  # type: ignore[no-untyped-def]
    """A draw of any kind but exponential."""
    if kind == GAMMA:
        return _gamma(place, a) * b
    if kind == LOGNORMAL:
        return math.exp(a + b * normal_quantile(unit(mix(place))))
    if kind == WEIBULL:
        return b * exponential(place) ** a
    if kind == ERLANG:
        total = 0.0
        # Sub-counts of one exponential stay below 2³²; phases are further apart than that.
        for phase in range(np.int64(a)):
            total += exponential(mix(place + np.uint64(phase) * _SECOND))
        return total * b
    if kind == EMPIRICAL:
        return values[first + np.int64(unit(mix(place)) * a)]
    return a


@inlined
def drawn(kind, a, b, values, first, place):  # type: ignore[no-untyped-def]
    """A time of the distribution (kind, a, b, values from ``first``) at a place on a stream."""
    if kind == EXPONENTIAL:
        x = exponential(place) * a
    elif kind == DETERMINISTIC:
        x = a
    else:
        x = _other(kind, a, b, values, first, place)
    return x


@kernel
def seed_streams(words, positions, owners, purposes, seed, replication):  # type: ignore[no-untyped-def]
    """Write key, step and a count of zero at each position: :func:`stream_key` for many streams at once."""
    golden = np.uint64(0x9E3779B97F4A7C15)
    one = np.uint64(1)
    begun = mix(mix(np.uint64(seed)) + golden * (np.uint64(replication) + one))
    for number in range(len(positions)):
        word = mix(begun + golden * (np.uint64(owners[number]) + one))
        word = mix(word + golden * (np.uint64(purposes[number]) + one))
        step = mix(word + np.uint64(0x632BE59BD9B4E019)) | one
        changes, left = 0, step ^ (step >> one)
        while left != np.uint64(0):
            left &= left - one
            changes += 1
        if changes < 24:
            step ^= np.uint64(0xAAAAAAAAAAAAAAAA)
        at = positions[number]
        words[at], words[at + 1], words[at + 2] = np.int64(word), np.int64(step), 0


@kernel
def draw(kind, a, b, values, first, key, step, index):  # type: ignore[no-untyped-def]
    """Draw ``index`` of a stream, for those who are not themselves kernels."""
    return drawn(kind, a, b, values, first, place_of(key, step, index))


@kernel
def uniform(key, step, index):  # type: ignore[no-untyped-def]
    """Draw ``index`` of a stream as a number inside (0, 1)."""
    return unit(mix(place_of(key, step, index)))
