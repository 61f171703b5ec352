"""What the exchange's threads keep fresh: who may call, what each may see, and the rows that describe requests."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from datetime import datetime

from gaugeblock.exchange.access import Access
from gaugeblock.exchange.credentials import LEASE_S, SCOPES, Caller
from gaugeblock.exchange.limits import Quotas
from gaugeblock.exchange.sandbox import Sandboxes
from gaugeblock.exchange.view import CustomerView
from gaugeblock.exchange.view_source import ViewSource
from gaugeblock.plant.errors import GaugeblockError
from gaugeblock.plant.times import Clock, to_rfc3339
from gaugeblock.stores.exchange_state import ExchangeState, RequestRow
from gaugeblock.stores.exchange_users import CustomerUsers

ACCESS_EVERY_S = LEASE_S / 5
VIEWS_EVERY_S = 0.2
WRITE_EVERY_S = 0.5
FORGET_EVERY_S = 3600.0
ROWS_WAITING_MOST = 50_000
SEEN_WAIT_S = 3.0
SEEN_EVERY_S = 0.05

_logger = logging.getLogger("gaugeblock.exchange")


class Repeating:
    """Does one thing again and again in a thread of its own; a store that is away is said once and tried again."""

    def __init__(self, name: str, every_s: float, work: Callable[[], object]) -> None:
        self._name, self._every_s, self._work = name, every_s, work
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.fault: GaugeblockError | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the work at hand, and do it once more."""
        self._stop.set()
        self._thread.join()
        self._once()

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            self._once()

    def _once(self) -> None:
        try:
            self._work()
            self.fault = None
        except GaugeblockError as error:
            if self.fault is None or self.fault.code != error.code:
                _logger.error("%s: %s", self._name, error)
            self.fault = error


class LiveViews:
    """The gate's views: those of customers who have asked are in memory, made by other threads, and a moment old.

    Parameters
    ----------
    source
        Makes them.
    clock
        Contracts begin and end by it.
    sandboxes
        What test keys see.
    prepare
        Called with each new view before it is shown: what faces derive from a view is made here, and not while a
        customer and everybody else waits.
    """

    def __init__(
        self,
        source: ViewSource,
        clock: Clock,
        sandboxes: Sandboxes,
        prepare: Callable[[CustomerView], object] = lambda _: None,
    ) -> None:
        self._source, self._clock, self._sandboxes, self._prepare = source, clock, sandboxes, prepare
        self._ready: dict[str, CustomerView] = {}
        self._making = threading.Lock()

    def current(self, caller: Caller) -> CustomerView | None:
        """See :class:`~gaugeblock.web.customer.gate.Views`."""
        if caller.test:
            return self._sandboxes.current(caller.customer)
        return self._ready.get(caller.customer)

    async def load(self, caller: Caller) -> CustomerView:
        """See :class:`~gaugeblock.web.customer.gate.Views`."""
        if caller.test:
            return await asyncio.to_thread(self._sandboxes.view, caller.customer)
        return await asyncio.to_thread(self._renew, caller.customer)

    def of_customer(self, customer: str) -> CustomerView:
        """The view of now. May block."""
        return self._source.view(customer, self._clock.now())

    def refresh(self) -> None:
        """Read what came since, and make the views anew that it changed. Blocks."""
        self._source.refresh()
        for customer in list(self._ready):
            self._renew(customer)

    def wait_beyond(self, index: int, timeout_s: float = SEEN_WAIT_S) -> None:
        """Wait until the views have read the record at ``index``: who states something then sees it. Blocks."""
        end_s = time.monotonic() + timeout_s
        while self._source.position <= index and time.monotonic() < end_s:
            self.refresh()
            time.sleep(SEEN_EVERY_S)
        self.refresh()

    def _renew(self, customer: str) -> CustomerView:
        view = self.of_customer(customer)
        if self._ready.get(customer) is not view:
            # One at a time, and never an older one after a newer one.
            with self._making:
                view = self.of_customer(customer)
                if self._ready.get(customer) is not view:
                    self._prepare(view)
                    self._ready[customer] = view
        return view


class CustomerSessions:
    """People's sessions as the gate asks for them."""

    def __init__(self, users: CustomerUsers, customers: Collection[str]) -> None:
        self._users, self._customers = users, frozenset(customers)

    def caller_of(self, token: str) -> Caller | None:
        """The person behind a session's token."""
        found = self._users.signed_in(token)
        if found is None or found.customer not in self._customers:
            return None
        return Caller(found.customer, f"user:{found.name}", frozenset(SCOPES), session=found.session)


class RequestWriter:
    """Writes the customers' log of requests and the counts of the day, some at a time.

    What waits is bounded: beyond it rows are dropped and counted. The transfers are in the plant's log all the same.
    """

    def __init__(self, state: ExchangeState, quotas: Quotas, clock: Clock) -> None:
        self._state, self._quotas, self._clock = state, quotas, clock
        self._rows: deque[tuple[str, RequestRow]] = deque()
        self._forgot_at: datetime | None = None
        self.dropped = 0
        self.begin_day()

    def add(self, customer: str, row: RequestRow) -> None:
        """Take a row; never blocks."""
        if len(self._rows) >= ROWS_WAITING_MOST:
            self.dropped += 1
            return
        self._rows.append((customer, row))

    def begin_day(self) -> None:
        """Count on from what is kept of today."""
        today = to_rfc3339(self._clock.now())[:10]
        self._quotas.begin(today, self._state.usage(today))

    def write(self) -> None:
        """Write what waits. Blocks."""
        batches: dict[str, list[RequestRow]] = {}
        for _ in range(len(self._rows)):
            customer, row = self._rows.popleft()
            batches.setdefault(customer, []).append(row)
        self._state.keep_requests(batches)
        refused, self._quotas.refused = self._quotas.refused, {}
        self._state.keep_usage(self._quotas.day, dict(self._quotas.answers), refused)
        now = self._clock.now()
        if to_rfc3339(now)[:10] != self._quotas.day:
            self.begin_day()
        if self._forgot_at is None or (now - self._forgot_at).total_seconds() >= FORGET_EVERY_S:
            self._state.forget()
            self._forgot_at = now


def watch_access(access: Access) -> Repeating:
    """Keeps the knowledge of credentials younger than a lease."""
    return Repeating("exchange-access", ACCESS_EVERY_S, access.renew)


class Stamp:
    """The wall clock as RFC 3339 to the millisecond, written once a millisecond."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ms, self._text = -1, ""

    def __call__(self) -> str:
        """The time now."""
        now_ms = int(time.time() * 1000)
        if now_ms != self._ms:
            moment = self._clock.now()
            self._ms, self._text = now_ms, to_rfc3339(moment.replace(microsecond=moment.microsecond // 1000 * 1000))
        return self._text
