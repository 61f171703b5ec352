"""The sender of webhooks over real sockets and a real database; slow receivers hold up nobody."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from gaugeblock.apps.exchange_webhooks import WebhookSender
from gaugeblock.exchange.address_guard import AddressGuard, PinnedTarget
from gaugeblock.exchange.sandbox import Sandbox
from gaugeblock.exchange.sandbox_story import CUSTOMER
from gaugeblock.exchange.view import CustomerView
from gaugeblock.exchange.webhook_dispatch import WebhookDispatcher
from gaugeblock.exchange.webhook_post import Answer, post
from gaugeblock.exchange.webhooks import new_secret, verify
from gaugeblock.plant.exchange_facets import TransferEntry
from gaugeblock.stores.clock import SystemClock
from gaugeblock.stores.database import Database
from gaugeblock.stores.webhooks import Delivery, Endpoint, WebhookStore

SECRET = new_secret(bytes)


class House:
    """A sender with the sandbox's records, and a receiver on this machine in an exempt network."""

    def __init__(self, folder: Path) -> None:
        self.clock = SystemClock()
        self.sandbox = Sandbox(bytes(32), self.clock)
        self.database = Database(f"sqlite:///{folder}/exchange.sqlite")
        self.store = WebhookStore(self.database, self.clock)
        self.entries: list[TransferEntry] = []
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.slow = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._receive, daemon=True).start()
        dispatcher = WebhookDispatcher(
            self.store,
            lambda customer: self.sandbox.view(),
            self._record,
            AddressGuard(lambda host, port: ["127.0.0.1"], ["127.0.0.0/8"]),
            self._post,
            self.clock,
            lambda: 0.0,
            "https://plant.example",
        )
        self.sender = WebhookSender(self.store, dispatcher, self.clock, every_s=0.05)

    def _record(self, view: CustomerView, entry: TransferEntry) -> str:
        self.entries.append(entry)
        return f"1/{len(self.entries)}"

    def _post(
        self, pinned: PinnedTarget, headers: Mapping[str, str], body: bytes, before_sending: Callable[[], None]
    ) -> Answer:
        if pinned.target.host == "slow.example":
            self.slow.wait(20)
        return post(pinned, headers, body, before_sending)

    def _receive(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                stream.readline()
                headers = {}
                while line := stream.readline().strip():
                    name, _, value = line.decode().partition(": ")
                    headers[name.lower()] = value
                self.received.append((headers, stream.read(int(headers["content-length"]))))
                connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def add(self, host: str = "hooks.example", cursor: int | None = None) -> Endpoint:
        at = self.sandbox.view().log_size - 1 if cursor is None else cursor
        made = self.store.add(CUSTOMER, f"http://{host}:{self.port}/in", SECRET, cursor=at)
        assert made is not None
        return made

    def close(self) -> None:
        self.slow.set()
        self.sender.stop()
        self.listener.close()
        self.sandbox.close()
        self.database.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def until(house: House, endpoint: Endpoint, count: int) -> list[Delivery]:
    deadline = time.monotonic() + 20
    while True:
        done = [one for one in house.store.listed(endpoint.id, limit=200) if one.state == "delivered"]
        if len(done) >= count:
            return done
        assert time.monotonic() < deadline, f"{len(done)} of {count}"
        time.sleep(0.05)


def test_everything_of_the_log_arrives_signed_and_recorded(house: House) -> None:
    endpoint = house.add(cursor=-1)
    changes = house.sandbox.view().changes(-1, 500).items
    house.sender.start()
    done = until(house, endpoint, len(changes))
    assert len(done) == len(changes) == len(house.received) == len(house.entries)
    for headers, body in house.received:
        verify(SECRET, headers, body, time.time())
    assert {entry.derived_from for entry in house.entries} == {
        ((change.record_index, change.record_index),) for change in changes
    }


def test_a_slow_receiver_holds_up_nobody(house: House) -> None:
    slow, quick = house.add("slow.example"), house.add("quick.example")
    dispatcher = house.sender._dispatcher
    dispatcher.fire_test(slow, "a" * 24)
    dispatcher.fire_test(quick, "b" * 24)
    house.sender.start()
    until(house, quick, 1)
    assert [one.state for one in house.store.listed(slow.id)] == ["pending"]
    house.slow.set()
    until(house, slow, 1)
