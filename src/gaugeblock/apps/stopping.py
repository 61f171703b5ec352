"""How a process hears that it is to end."""

from __future__ import annotations

import asyncio
import os
import signal
import threading


def stop_at_signals(stop: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
    """Set ``stop`` on SIGTERM and SIGINT."""
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)


def stop_at_end_of_input(stop: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
    """Set ``stop`` when whoever holds the other end of standard input is gone."""

    def watch() -> None:
        # os.read and not sys.stdin: a thread that holds that one's lock keeps the interpreter from ending.
        while os.read(0, 4096):
            pass
        loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
