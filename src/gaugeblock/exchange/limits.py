"""How much of the exchange one caller may use: answers a second by a token bucket, answers a day by the contract.

Pure: time is given. Headers follow the IETF draft *RateLimit header fields for HTTP*
(draft-ietf-httpapi-ratelimit-headers-10): ``RateLimit-Policy`` states the quotas, ``RateLimit`` what is left of them.
"""

from __future__ import annotations

import math
from collections import OrderedDict

BUCKETS_MOST = 10_000
DAY_S = 86_400


class Buckets:
    """Token buckets by credential: ``rate_per_s`` refills, ``burst`` is the most that is there.

    The least recently used beyond 10,000 are forgotten: they would be full again.

    Examples
    --------
    >>> buckets = Buckets(rate_per_s=1.0, burst=2)
    >>> [buckets.take("a", 0.0) >= 0 for _ in range(3)], buckets.take("a", 1.0) >= 0
    ([True, True, False], True)
    """

    def __init__(self, rate_per_s: float, burst: int) -> None:
        self.rate_per_s, self.burst = rate_per_s, burst
        self.window_s = max(1, math.ceil(burst / rate_per_s))
        self._buckets: OrderedDict[str, list[float]] = OrderedDict()

    def take(self, credential: str, now_s: float) -> float:
        """Take one token: what is left (0 or more), or below zero how many seconds to wait, negated."""
        bucket = self._buckets.get(credential)
        if bucket is None:
            if len(self._buckets) >= BUCKETS_MOST:
                self._buckets.popitem(last=False)
            self._buckets[credential] = [self.burst - 1.0, now_s]
            return self.burst - 1.0
        self._buckets.move_to_end(credential)
        left = min(float(self.burst), bucket[0] + max(0.0, now_s - bucket[1]) * self.rate_per_s)
        bucket[1] = now_s
        if left < 1.0:
            bucket[0] = left
            return -(1.0 - left) / self.rate_per_s
        bucket[0] = left = left - 1.0
        return left


class Quotas:
    """Answers of the day (UTC) by customer.

    Examples
    --------
    >>> quotas = Quotas()
    >>> quotas.begin("2026-11-25", {"C1": 9})
    >>> quotas.take("C1", 10), quotas.take("C1", 10), quotas.answers
    (0, -1, {'C1': 10})
    """

    def __init__(self) -> None:
        self.day = ""
        self.answers: dict[str, int] = {}
        self.refused: dict[str, int] = {}

    def begin(self, day: str, answers: dict[str, int]) -> None:
        """A new day, or a start in the middle of one."""
        self.day, self.answers, self.refused = day, dict(answers), {}

    def take(self, customer: str, quota: int) -> int:
        """Count an answer: how many are left, -1 where there was none."""
        used = self.answers.get(customer, 0)
        if used >= quota:
            self.refused[customer] = self.refused.get(customer, 0) + 1
            return -1
        self.answers[customer] = used + 1
        return quota - used - 1


def policy_header(buckets: Buckets, quota_per_day: int) -> bytes:
    """The value of ``RateLimit-Policy``.

    >>> policy_header(Buckets(50.0, 100), 1000)
    b'"rate";q=100;w=2,"day";q=1000;w=86400'
    """
    return b'"rate";q=%d;w=%d,"day";q=%d;w=%d' % (buckets.burst, buckets.window_s, quota_per_day, DAY_S)


def left_header(buckets: Buckets, left: float, left_today: int, day_ends_s: int) -> bytes:
    """The value of ``RateLimit``: what is left, and in how many seconds it is whole again.

    >>> left_header(Buckets(50.0, 100), 49.5, 900, 3600)
    b'"rate";r=49;t=2,"day";r=900;t=3600'
    """
    full_s = math.ceil((buckets.burst - left) / buckets.rate_per_s)
    return b'"rate";r=%d;t=%d,"day";r=%d;t=%d' % (int(left), full_s, left_today, day_ends_s)
