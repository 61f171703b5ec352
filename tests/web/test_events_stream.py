"""The event hub and the stream over a real server: resume, resync, heartbeat, bounds."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.web.errors import TooManyListenersError
from gaugeblock.web.events import EventHub


def drain(hub: EventHub, last: str | None) -> list[tuple[str, int]]:
    async def run() -> list[tuple[str, int]]:
        listener = hub.listen(last)
        found = []
        while (event := await listener.next(0.001)) is not None:
            found.append((event.name, event.number))
        hub.leave(listener)
        return found

    return asyncio.run(run())


@settings(max_examples=60, deadline=None)
@given(published=st.integers(0, 40), seen=st.integers(0, 45), memory=st.integers(1, 20))
def test_resuming_gives_exactly_what_was_missed_or_a_resync(published: int, seen: int, memory: int) -> None:
    hub = EventHub("boot", memory=memory)
    for number in range(published):
        hub.publish("verdict", {"index": number})
    found = drain(hub, f"boot-{seen}")
    if seen > published or (published - seen) > memory:
        assert found == [("resync", 0)]
    else:
        assert found == [("verdict", number) for number in range(seen + 1, published + 1)]


@pytest.mark.parametrize("last", ["other-3", "boot-x", "boot-", "nonsense", "boot-99999999999999999999"])
def test_an_id_of_another_life_is_a_resync(last: str) -> None:
    hub = EventHub("boot")
    hub.publish("log", {})
    assert drain(hub, last) == [("resync", 0)]


def test_a_slow_listener_is_told_to_read_afresh_and_goes_on() -> None:
    async def run() -> list[str]:
        hub = EventHub("boot", queue=4)
        listener = hub.listen(None)
        for number in range(6):
            hub.publish("verdict", {"index": number})
        names = [(await listener.next(0.01)).name]  # type: ignore[union-attr]
        hub.publish("log", {"size": 9})
        names.append((await listener.next(0.01)).name)  # type: ignore[union-attr]
        assert await listener.next(0.001) is None
        return names

    assert asyncio.run(run()) == ["resync", "log"]


def test_places_are_bounded_and_given_back() -> None:
    hub = EventHub("boot", listeners=2)
    first = hub.listen(None)
    hub.listen(None)
    with pytest.raises(TooManyListenersError):
        hub.listen(None)
    hub.leave(first)
    hub.listen(None)


def read_events(client: httpx.Client, until: str, headers: dict[str, str] | None = None) -> list[dict[str, str]]:
    events: list[dict[str, str]] = []
    current: dict[str, str] = {}
    with client.stream("GET", "/api/v1/events", headers=headers) as stream:
        assert stream.status_code == 200
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            if line:
                name, _, value = line.partition(":")
                current[name] = value.strip()
            elif current:
                events.append(current)
                if current.get("event") == until:
                    return events
                current = {}
    return events


def test_the_stream_resumes_where_it_broke_off(serve, make_plant) -> None:  # type: ignore[no-untyped-def]
    sample = make_plant(heartbeat_s=0.3, follow_every_s=0.05)
    with serve(sample) as running:
        token = sample.plant.accounts.login("viewer", "correct horse battery")
        with httpx.Client(base_url=running.url, cookies={"gaugeblock_session": token}, timeout=10) as client:
            opening = read_events(client, "heartbeat")
            assert opening[0]["event"] == "heartbeat"
            assert "id" not in opening[0]
            silent = read_events(client, "heartbeat")
            assert silent
            asyncio.run(asyncio.sleep(0.3))
            hub = running.app.state.hub
            first = sample.inspect()
            while not hub._memory or hub._memory[-1].name != "log":
                pass
            start = f"{hub._boot}-0"
            events = read_events(client, "verdict", {"Last-Event-ID": start})
            while events[-1]["event"] != "verdict":
                events += read_events(client, "verdict", {"Last-Event-ID": start})
            assert json.loads(events[-1]["data"])["index"] == first
            after = events[-1]["id"]
            second = sample.inspect()
            again = read_events(client, "verdict", {"Last-Event-ID": after})
            assert json.loads(again[-1]["data"])["index"] == second
            fresh = read_events(client, "resync", {"Last-Event-ID": "gone-1"})
            assert fresh[-1]["event"] == "resync"
        asyncio.run(asyncio.sleep(0.5))


def test_a_closed_stream_gives_its_place_back(serve, make_plant) -> None:  # type: ignore[no-untyped-def]
    sample = make_plant(heartbeat_s=0.2)
    with serve(sample) as running:
        token = sample.plant.accounts.login("viewer", "correct horse battery")
        with httpx.Client(base_url=running.url, cookies={"gaugeblock_session": token}, timeout=10) as client:
            for _ in range(3):
                read_events(client, "heartbeat")
        for _ in range(50):
            if running.app.state.hub.listening == 0:
                break
            asyncio.run(asyncio.sleep(0.1))
        assert running.app.state.hub.listening == 0


def test_streams_end_before_the_server_stops(serve, make_plant) -> None:  # type: ignore[no-untyped-def]
    sample = make_plant(heartbeat_s=30.0)
    with serve(sample) as running:
        token = sample.plant.accounts.login("viewer", "correct horse battery")
        cookies = {"gaugeblock_session": token}
        with (
            httpx.Client(base_url=running.url, cookies=cookies, timeout=20) as client,
            client.stream("GET", "/api/v1/events") as stream,
        ):
            lines = stream.iter_lines()
            assert next(lines).startswith("event: heartbeat")
            assert running.stop()
            # Ended as an answer ends, not cut off.
            assert not [line for line in lines if line.startswith("event:")]


def test_a_stream_opened_when_all_have_ended_ends_too() -> None:
    async def run() -> list[str]:
        hub = EventHub("boot")
        early = hub.listen(None)
        hub.close()
        late = hub.listen(None)
        hub.publish("log", {})
        names = []
        for listener in (early, late):
            async for message in hub.stream(listener, 30.0, {}, allowed):
                names.append(str(message.event))
        assert hub.listening == 0
        return names

    assert asyncio.run(run()) == ["heartbeat", "heartbeat"]


async def allowed() -> bool:
    return True


@pytest.mark.parametrize("busy", [True, False])
def test_a_stream_ends_with_its_session(serve, make_plant, busy: bool) -> None:  # type: ignore[no-untyped-def]
    sample = make_plant(heartbeat_s=0.3, follow_every_s=0.05)
    with serve(sample) as running:
        accounts = sample.plant.accounts
        token, other = (accounts.login("viewer", "correct horse battery") for _ in range(2))
        with (
            httpx.Client(base_url=running.url, cookies={"gaugeblock_session": token}, timeout=20) as client,
            client.stream("GET", "/api/v1/events") as stream,
        ):
            lines = stream.iter_lines()
            assert next(lines).startswith("event: heartbeat")
            accounts.revoke(other)
            seen = 0
            for line in lines:
                seen += line.startswith("event:")
                if busy and seen < 200:
                    sample.inspect()
                if seen == 3:
                    accounts.revoke(token)
                assert seen < 400, "the stream outlives its session"


def test_a_store_that_is_away_ends_no_stream(serve, make_plant) -> None:  # type: ignore[no-untyped-def]
    from gaugeblock.stores.errors import StoreUnavailableError

    sample = make_plant(heartbeat_s=0.2)
    with serve(sample) as running:
        accounts = sample.plant.accounts
        token = accounts.login("viewer", "correct horse battery")
        with (
            httpx.Client(base_url=running.url, cookies={"gaugeblock_session": token}, timeout=20) as client,
            client.stream("GET", "/api/v1/events") as stream,
        ):
            seen = 0
            for line in stream.iter_lines():
                seen += line.startswith("event:")
                if seen == 1:
                    accounts.fault = StoreUnavailableError(store="state", detail="away")
                if seen == 4:
                    break
            assert seen == 4
