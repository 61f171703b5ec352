"""News for open pages: numbered events, a bounded memory to resume from, a bounded queue for each listener.

Server-sent events (WHATWG HTML, section 9.2). An id is ``<boot>-<number>``: after a restart the boot differs, and
whoever resumes is told to read afresh. The same happens to a listener that is too slow for its queue.

A stream ends when the process is about to (a server waits for open answers), and when its session has ended.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec
from litestar.response import ServerSentEventMessage

from gaugeblock.web.errors import TooManyListenersError

EventName = Literal["verdict", "station", "log", "heartbeat", "resync"]
MEMORY = 1024
QUEUE = 256
RETRY_MS = 2000


@dataclass(frozen=True, slots=True)
class Event:
    """One piece of news."""

    number: int
    name: EventName
    data: Mapping[str, object]


class Listener:
    """One open page's queue. When it overflows it is emptied and answers with a resync."""

    def __init__(self, queue: int) -> None:
        self._events: deque[Event] = deque()
        self._queue = queue
        self._overflown = False
        self._woken = asyncio.Event()
        self.ended = False

    def end(self) -> None:
        """Nothing more will come."""
        self.ended = True
        self._woken.set()

    def offer(self, event: Event) -> None:
        """Queues an event, or gives the queue up."""
        if len(self._events) >= self._queue:
            self._events.clear()
            self._overflown = True
        if not self._overflown:
            self._events.append(event)
        self._woken.set()

    def resync(self) -> None:
        """Makes the next event a resync."""
        self._events.clear()
        self._overflown = True
        self._woken.set()

    async def next(self, timeout_s: float) -> Event | None:
        """The next event; ``None`` after a silence of ``timeout_s``, or at the end."""
        if not self._events and not self._overflown and not self.ended:
            self._woken.clear()
            try:
                await asyncio.wait_for(self._woken.wait(), timeout_s)
            except TimeoutError:
                return None
        if self._overflown:
            self._overflown = False
            return Event(0, "resync", {})
        return self._events.popleft() if self._events else None


class EventHub:
    """Spreads news to all listeners. It lives on the event loop: call it from there only.

    Parameters
    ----------
    boot
        Names this run of the process in event ids.
    memory, queue, listeners
        Events kept for resuming, events a listener may be behind, open streams at once.
    """

    def __init__(self, boot: str, memory: int = MEMORY, queue: int = QUEUE, listeners: int = 200) -> None:
        self._boot = boot
        self._memory: deque[Event] = deque(maxlen=memory)
        self._queue = queue
        self._limit = listeners
        self._listeners: set[Listener] = set()
        self._number = 0
        self._closed = False

    def close(self) -> None:
        """Ends all streams, and every later one after its first event: the process is about to end."""
        self._closed = True
        for listener in self._listeners:
            listener.end()

    def publish(self, name: EventName, data: Mapping[str, object]) -> None:
        """Numbers an event and gives it to every listener."""
        self._number += 1
        event = Event(self._number, name, data)
        self._memory.append(event)
        for listener in self._listeners:
            listener.offer(event)

    @property
    def listening(self) -> int:
        """Open streams."""
        return len(self._listeners)

    def listen(self, last_event_id: str | None) -> Listener:
        """A new listener, which first gets what it missed since ``last_event_id``, or a resync where that is gone.

        Raises
        ------
        TooManyListenersError
        """
        if len(self._listeners) >= self._limit:
            raise TooManyListenersError(limit=self._limit)
        listener = Listener(self._queue)
        if last_event_id:
            missed = self._missed(last_event_id)
            if missed is None:
                listener.resync()
            else:
                for event in missed:
                    listener.offer(event)
        self._listeners.add(listener)
        if self._closed:
            listener.end()
        return listener

    def leave(self, listener: Listener) -> None:
        """Forgets a listener."""
        self._listeners.discard(listener)

    def _missed(self, last_event_id: str) -> list[Event] | None:
        boot, _, tail = last_event_id.rpartition("-")
        if boot != self._boot or not tail.isascii() or not tail.isdigit() or len(tail) > 15:
            return None
        last = int(tail)
        oldest = self._memory[0].number if self._memory else self._number + 1
        if last > self._number or last < oldest - 1:
            return None
        return [event for event in self._memory if event.number > last]

    def event_id(self, event: Event) -> str:
        """What the stream calls an event; a resync and a heartbeat stand where the stream stands now."""
        return f"{self._boot}-{event.number or self._number}"

    async def stream(
        self,
        listener: Listener,
        heartbeat_s: float,
        heartbeat: Mapping[str, object],
        may_listen: Callable[[], Awaitable[bool]],
    ) -> AsyncIterator[ServerSentEventMessage]:
        """The listener's events as server-sent events, never silent for longer than ``heartbeat_s``.

        ``may_listen`` is asked as often; the stream ends when it says no.
        """
        clock = asyncio.get_running_loop().time
        asked_s = clock()
        try:
            # A page that has just opened must not look stale until the first news.
            yield self._message(Event(0, "heartbeat", heartbeat), retry_ms=RETRY_MS)
            while not listener.ended:
                event = await listener.next(heartbeat_s)
                if clock() - asked_s >= heartbeat_s:
                    if not await may_listen():
                        return
                    asked_s = clock()
                if not listener.ended:
                    yield self._message(event or Event(0, "heartbeat", heartbeat))
        finally:
            self.leave(listener)

    def _message(self, event: Event, retry_ms: int | None = None) -> ServerSentEventMessage:
        # The first heartbeat must not move a resuming listener past what it has yet to be sent: no id on it.
        return ServerSentEventMessage(
            data=msgspec.json.encode(event.data).decode(),
            event=event.name,
            id=None if event.name == "heartbeat" else self.event_id(event),
            retry=retry_ms,
        )
