"""No webhook reaches into a network that is not public, by whatever name or notation."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaugeblock.exchange.address_guard import (
    PORTS,
    REFUSED_IPV4,
    REFUSED_IPV6,
    AddressGuard,
    is_public,
    parse_url,
)
from gaugeblock.exchange.webhook_errors import (
    WebhookAddressError,
    WebhookError,
    WebhookNameError,
    WebhookNetworkError,
    WebhookUrlError,
)

PUBLIC = "93.184.216.34"
PUBLIC_6 = "2606:2800:220:1:248:1893:25c8:1946"


def guard(*addresses: str, networks: list[str] | None = None) -> AddressGuard:
    return AddressGuard(lambda host, port: list(addresses), networks or [])


def in_network(network) -> st.SearchStrategy:  # type: ignore[no-untyped-def]
    first, last = int(network.network_address), int(network.broadcast_address)
    kind = IPv6Address if network.version == 6 else IPv4Address
    return st.integers(first, last).map(kind)


inside_ipv4 = st.sampled_from(REFUSED_IPV4).flatmap(in_network)
inside_ipv6 = st.sampled_from(
    [
        *REFUSED_IPV6,
        *(
            IPv6Network(text)
            for text in ("::/128", "::1/128", "fc00::/7", "fe80::/10", "ff00::/8", "fec0::/10", "100::/64", "5f00::/16")
        ),
    ]
).flatmap(in_network)
any_ipv4 = st.integers(0, 2**32 - 1).map(IPv4Address)


def embeddings(address: IPv4Address) -> list[str]:
    number = int(address)
    high, low = number >> 16, number & 0xFFFF
    return [
        f"::ffff:{address}",
        f"::{address}",
        f"64:ff9b::{address}",
        f"64:ff9b:1::{address}",
        f"2002:{high:x}:{low:x}::1",
        f"2001:0:{high:x}:{low:x}::1",
        f"2606:2800:220:1:0:5efe:{high:x}:{low:x}",
        f"2606:2800:220:1:200:5efe:{high:x}:{low:x}",
        f"::ffff:0:{address}",
    ]


@given(address=st.one_of(inside_ipv4, inside_ipv6))
def test_a_name_that_leads_inside_is_refused(address: IPv4Address | IPv6Address) -> None:
    with pytest.raises(WebhookAddressError):
        guard(str(address)).pin("https://hooks.customer.example/")
    # Nor where it hides among public ones, at whatever place.
    for addresses in ([PUBLIC, str(address)], [str(address), PUBLIC_6]):
        with pytest.raises(WebhookAddressError):
            guard(*addresses).pin("https://hooks.customer.example/")


@given(address=st.one_of(inside_ipv4, inside_ipv6))
def test_a_literal_inside_is_refused_without_resolving(address: IPv4Address | IPv6Address) -> None:
    def never(host: str, port: int) -> list[str]:
        raise AssertionError("resolved a literal")

    host = f"[{address}]" if address.version == 6 else str(address)
    with pytest.raises(WebhookError):
        AddressGuard(never).check(f"https://{host}/")


@given(address=any_ipv4)
def test_what_embeds_an_ipv4_address_is_refused(address: IPv4Address) -> None:
    for text in embeddings(address):
        assert not is_public(ip_address(text)), text
        with pytest.raises(WebhookAddressError):
            guard(text).pin("https://hooks.customer.example/")


@given(address=any_ipv4)
def test_ours_allows_nothing_that_the_registry_calls_private(address: IPv4Address) -> None:
    if is_public(address):
        assert address.is_global
        assert not address.is_multicast


@given(address=st.integers(0, 2**128 - 1).map(IPv6Address))
def test_the_same_of_ipv6(address: IPv6Address) -> None:
    if is_public(address):
        assert address.is_global
        assert not address.is_multicast


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "100.100.100.200", "fd00:ec2::254", "168.63.129.16", "192.0.0.192"]
)
def test_metadata_services_are_refused(address: str) -> None:
    with pytest.raises(WebhookAddressError):
        guard(address).pin("https://metadata.customer.example/")


@pytest.mark.parametrize("address", [PUBLIC, PUBLIC_6])
def test_a_public_address_is_pinned(address: str) -> None:
    pinned = guard(address).pin("https://hooks.customer.example/in?x=1")
    assert pinned.address == address
    assert pinned.target.authority == "hooks.customer.example"


def test_the_name_is_resolved_once_only() -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    rebinding = AddressGuard(lambda host, port: next(answers))
    assert rebinding.pin("https://rebind.example/").address == PUBLIC
    with pytest.raises(WebhookAddressError):
        rebinding.pin("https://rebind.example/")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/",
        "file:///etc/passwd",
        "gopher://a.example:70/",
        "https:/a.example",
        "https://",
        "https://user@a.example/",
        "https://user:password@a.example/",
        "https://a.example/#fragment",
        "https://a.example\\@b.example/",
        "https://a.example%2eb.example/",
        "https://a.example:0/",
        "https://a.example:/",
        "https://a.example:99999/",
        "https://a.example:x/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://127.1/",
        "https://0177.0.0.1/",
        "https://a.0x7f/",
        "https://[::1",
        "https://[fe80::1%25eth0]/",
        "https://a..example/",
        "https://-a.example/",
        "https://a.example/\r\nX-Injected: 1",
        "https://a.example/ b",
        "https://例子.example/",
        "https://a.example/" + "x" * 500,
    ],
)
def test_odd_urls_are_refused(url: str) -> None:
    with pytest.raises(WebhookError):
        guard(PUBLIC, networks=["127.0.0.0/8"] if "127" not in url else []).check(url)


@given(url=st.text(max_size=80))
def test_any_text_is_parsed_or_named(url: str) -> None:
    for candidate in (url, f"https://{url}", f"https://a.example/{url}"):
        try:
            target = parse_url(candidate)
        except WebhookUrlError:
            continue
        assert target.scheme in {"http", "https"}
        assert 0 < target.port < 65536
        assert all(33 <= ord(character) < 127 for character in target.host + target.resource)


@given(port=st.integers(1, 65535))
def test_ports_of_the_public_network(port: int) -> None:
    if port in PORTS:
        guard(PUBLIC).pin(f"https://a.example:{port}/")
    else:
        with pytest.raises(WebhookUrlError):
            guard(PUBLIC).pin(f"https://a.example:{port}/")
        # Not even where some network is exempt: the address is not of it.
        with pytest.raises(WebhookUrlError):
            guard(PUBLIC, networks=["10.0.0.0/8"]).pin(f"https://a.example:{port}/")


def test_http_only_into_exempt_networks() -> None:
    with pytest.raises(WebhookUrlError):
        guard(PUBLIC).pin("http://a.example/")
    with pytest.raises(WebhookUrlError):
        guard(PUBLIC, networks=["10.0.0.0/8"]).pin("http://a.example/")
    house = guard("10.1.2.3", networks=["10.1.0.0/16"])
    assert house.pin("http://a.example:8080/").address == "10.1.2.3"
    with pytest.raises(WebhookUrlError):
        house.pin("http://a.example:22/")
    with pytest.raises(WebhookAddressError):
        guard("10.2.0.1", networks=["10.1.0.0/16"]).pin("http://a.example:8080/")
    # The mapped form is not the network that was named.
    with pytest.raises(WebhookAddressError):
        guard("::ffff:10.1.2.3", networks=["10.1.0.0/16"]).pin("http://a.example:8080/")


@pytest.mark.parametrize("answer", [[], ["not an address"]])
def test_a_name_without_address(answer: list[str]) -> None:
    with pytest.raises(WebhookNameError):
        guard(*answer).pin("https://a.example/")

    def fails(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    with pytest.raises(WebhookNameError):
        AddressGuard(fails).pin("https://a.example/")


@pytest.mark.parametrize("network", ["", "house", "10.0.0.0/33", "10.0.0.1/8", "fe80::1%eth0/64"])
def test_a_network_that_is_none_is_named(network: str) -> None:
    with pytest.raises(WebhookNetworkError):
        guard(PUBLIC, networks=[network])
