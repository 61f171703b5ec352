"""One attempt at a webhook: a POST to the pinned address, bounded in time and in what is read of the answer.

Not an HTTP library's job: it would resolve the name again. The connection goes to the address that the guard judged;
the certificate is still checked against the name. Redirects are not followed, proxies of the environment not used,
nothing of the answer is kept but the status and an excerpt for the console.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gaugeblock.exchange.address_guard import PinnedTarget

CONNECT_TIMEOUT_S = 5.0
TOTAL_TIMEOUT_S = 15.0
ANSWER_BYTES_MAX = 4096
EXCERPT_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a status, or the code of what went wrong (``timeout``, ``tls``, ``connection``, ``http``)."""

    status: int | None
    error: str | None
    took_ms: float
    excerpt: str = ""
    retry_after_s: float | None = None


class _PinnedConnection(http.client.HTTPConnection):
    def __init__(self, pinned: PinnedTarget, context: ssl.SSLContext | None, timeout_s: float) -> None:
        super().__init__(pinned.target.host, pinned.target.port, timeout=timeout_s)
        self._pinned, self._context = pinned, context

    def connect(self) -> None:
        target = self._pinned.target
        made = socket.create_connection((self._pinned.address, target.port), timeout=self.timeout)
        try:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is not None:
                made = self._context.wrap_socket(made, server_hostname=target.host.rstrip("."))
        except BaseException:
            made.close()
            raise
        self.sock = made


def tls_context() -> ssl.SSLContext:
    """The system's roots, names checked, TLS 1.2 at least."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def post(
    pinned: PinnedTarget,
    headers: Mapping[str, str],
    body: bytes,
    before_sending: Callable[[], None] = lambda: None,
    *,
    context: ssl.SSLContext | None = None,
    connect_timeout_s: float = CONNECT_TIMEOUT_S,
    total_timeout_s: float = TOTAL_TIMEOUT_S,
) -> Answer:
    """Send ``body`` once. Raises nothing for what the other side does, and whatever ``before_sending`` raises.

    Parameters
    ----------
    pinned
        Of :meth:`~gaugeblock.exchange.address_guard.AddressGuard.pin`.
    headers
        The three of the specification; ``Content-Type``, ``Host`` and ``User-Agent`` are added.
    before_sending
        Called once the connection stands and before a byte of the message: what has to hold when it leaves is seen to
        here, however long the other side took to answer the call. Where it raises, nothing is sent.
    context
        TLS settings; the system's where ``None``. Not used for ``http``.
    connect_timeout_s, total_timeout_s
        For the connection, and for all of it: a receiver that drips bytes is cut off.
    """
    begun = time.monotonic()
    secure = pinned.target.scheme == "https"
    connection = _PinnedConnection(pinned, (context or tls_context()) if secure else None, connect_timeout_s)
    overdue = threading.Event()

    def cut() -> None:
        overdue.set()
        held = connection.sock
        if held is not None:
            # A blocked read returns at once; closing alone would not wake it.
            with contextlib.suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)

    watchdog = threading.Timer(total_timeout_s, cut)
    watchdog.daemon = True
    watchdog.start()
    status, error, excerpt, wish = None, None, "", None
    try:
        connection.connect()
        connection.sock.settimeout(total_timeout_s)
        before_sending()
        all_headers = {
            "Host": pinned.target.authority,
            "Content-Type": "application/json",
            "User-Agent": "Gaugeblock-Webhooks/1",
            "Connection": "close",
            **headers,
        }
        connection.request("POST", pinned.target.resource, body, all_headers)
        response = connection.getresponse()
        if overdue.is_set():
            raise TimeoutError  # the library takes headers that were cut off for whole ones
        status = response.status
        wish = _seconds(response.getheader("Retry-After"))
        excerpt = response.read(ANSWER_BYTES_MAX).decode("utf-8", "replace")[:EXCERPT_CHARACTERS]
    except TimeoutError:
        error = "timeout"
    except ssl.SSLError:
        error = "tls"
    except OSError:
        error = "timeout" if overdue.is_set() else "connection"
    except (http.client.HTTPException, ValueError):
        error = "timeout" if overdue.is_set() else "http"
    finally:
        watchdog.cancel()
        connection.close()
    # What a status says holds, even where the rest of the answer was cut off.
    return Answer(status, None if status is not None else error, 1000 * (time.monotonic() - begun), excerpt, wish)


def _seconds(value: str | None) -> float | None:
    """``Retry-After`` in seconds; its form as a date is not read."""
    return float(value) if value is not None and value.isascii() and value.isdigit() and len(value) < 8 else None
