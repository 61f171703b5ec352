"""Which addresses a webhook may call: none that leads back into the house, or to any network but the public one.

A customer names the address, the plant's process calls it: without a guard the customer borrows the plant's place in
its network (server-side request forgery). Four rules close it:

* the URL is plain: ``https``, a name or a literal address, a port of a short list, no user and no fragment;
* the name is resolved **once**, every address it gives must be public, and the connection goes to exactly that address:
  a name that answers differently the second time (DNS rebinding) gains nothing;
* what embeds an IPv4 address (IPv4-mapped, NAT64, 6to4, Teredo, ISATAP) is refused as such;
* networks that ``webhook_private_networks`` names are exempt, for a customer's own server in the same house; only
  there is ``http`` allowed, and any unprivileged port.

Sources: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890, RFC 8190); RFC 6052 (NAT64); OWASP API7:2023.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from gaugeblock.exchange.webhook_errors import (
    WebhookAddressError,
    WebhookNameError,
    WebhookNetworkError,
    WebhookUrlError,
)

URL_CHARACTERS_MAX = 500
ADDRESSES_MAX = 32
PORTS = frozenset({443, 8443})
HOUSE_PORTS = PORTS | {80}
"""Of networks in the allow-list, besides those from 1024 up."""

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolver = Callable[[str, int], Sequence[str]]
"""Gives the addresses of a name, as text. Raises ``OSError`` where there is none."""

REFUSED_IPV4: tuple[IPv4Network, ...] = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; the metadata service of some clouds
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's host agent under a public number
        "169.254.0.0/16",  # link-local; the metadata service of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; the metadata service of a cloud
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relay
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
GLOBAL_IPV6 = IPv6Network("2000::/3")
"""Of IPv6 only this is global unicast: loopback, ULA, link-local, mapped, NAT64 and multicast are outside of it."""

REFUSED_IPV6: tuple[IPv6Network, ...] = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, among them Teredo, which embeds IPv4, and benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, embeds IPv4
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
_ISATAP = (0x00005EFE, 0x02005EFE)
_NAME = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?)*\.?"
)
_NUMERIC_LABEL = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)\Z")


@dataclass(frozen=True, slots=True)
class Target:
    """An address as the customer wrote it, in parts. ``resource`` is path and query."""

    scheme: str
    host: str
    port: int
    resource: str

    @property
    def authority(self) -> str:
        """The ``Host`` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class PinnedTarget:
    """A target with the one address that may be connected to."""

    target: Target
    address: str


class AddressGuard:
    """The rules, over a resolver and an allow-list.

    Parameters
    ----------
    resolver
        Such as :func:`socket.getaddrinfo`, wrapped.
    private_networks
        Networks (CIDR) that are called although they are not public.

    Raises
    ------
    WebhookNetworkError

    Examples
    --------
    >>> guard = AddressGuard(lambda host, port: ["192.168.1.20"])
    >>> guard.pin("https://hooks.customer.example/gaugeblock")
    Traceback (most recent call last):
    ...
    gaugeblock.exchange.webhook_errors.WebhookAddressError: ...
    >>> AddressGuard(lambda host, port: ["192.168.1.20"], ["192.168.1.0/28"]).pin("https://a.example/").address
    Traceback (most recent call last):
    ...
    gaugeblock.exchange.webhook_errors.WebhookAddressError: ...
    >>> AddressGuard(lambda host, port: ["192.168.1.20"], ["192.168.1.0/24"]).pin("http://a.example:8080/").address
    '192.168.1.20'
    """

    def __init__(self, resolver: Resolver, private_networks: Sequence[str] = ()) -> None:
        self._resolver = resolver
        self._networks: tuple[Network, ...] = tuple(_network(text) for text in private_networks)

    def check(self, url: str) -> Target:
        """The URL's parts, where its form is allowed; nothing is resolved. A literal address is judged at once.

        Raises
        ------
        WebhookUrlError, WebhookAddressError
        """
        target = parse_url(url)
        literal = _literal(target.host)
        if literal is not None:
            self._judge(target, [literal])
        elif not self._networks and (target.scheme != "https" or target.port not in PORTS):
            raise WebhookUrlError(url=url[:120], detail=f"{target.scheme} :{target.port}")
        return target

    def pin(self, url: str) -> PinnedTarget:
        """Resolve the name once and judge every address it gives.

        Raises
        ------
        WebhookUrlError, WebhookAddressError, WebhookNameError
        """
        target = self.check(url)
        literal = _literal(target.host)
        if literal is not None:
            return PinnedTarget(target, str(literal))
        try:
            found = [ip_address(text) for text in self._resolver(target.host, target.port)[:ADDRESSES_MAX]]
        except (OSError, ValueError, UnicodeError) as error:
            raise WebhookNameError(host=target.host) from error
        if not found:
            raise WebhookNameError(host=target.host)
        self._judge(target, found)
        return PinnedTarget(target, str(found[0]))

    def _judge(self, target: Target, addresses: Sequence[Address]) -> None:
        # All must pass: a name that gives a public and a private address is no mistake to be lenient with.
        house = [self._in_house(address) for address in addresses]
        for address, inside in zip(addresses, house, strict=True):
            if not inside and not is_public(address):
                raise WebhookAddressError(host=target.host, address=str(address))
        if all(house):
            if target.port < 1024 and target.port not in HOUSE_PORTS:
                raise WebhookUrlError(url=target.host, detail=f":{target.port}")
        elif target.scheme != "https" or target.port not in PORTS:
            raise WebhookUrlError(url=target.host, detail=f"{target.scheme} :{target.port}")

    def _in_house(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self._networks)


def is_public(address: Address) -> bool:
    """Whether an address is of the public network and of nothing else.

    >>> is_public(ip_address("93.184.216.34")), is_public(ip_address("::ffff:93.184.216.34"))
    (True, False)
    >>> is_public(ip_address("169.254.169.254")), is_public(ip_address("64:ff9b::a00:1"))
    (False, False)
    """
    if isinstance(address, IPv4Address):
        return not any(address in network for network in REFUSED_IPV4)
    if address not in GLOBAL_IPV6 or address.scope_id is not None:
        return False
    if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        return False
    return not any(address in network for network in REFUSED_IPV6)


def parse_url(url: str) -> Target:
    """A webhook's URL in parts, strictly.

    Raises
    ------
    WebhookUrlError

    >>> parse_url("https://hooks.customer.example/in?plant=1").resource
    '/in?plant=1'
    >>> parse_url("https://user@customer.example/")
    Traceback (most recent call last):
    ...
    gaugeblock.exchange.webhook_errors.WebhookUrlError: ...
    """

    def refuse(detail: str) -> WebhookUrlError:
        return WebhookUrlError(url=ascii(url[:120])[1:-1], detail=detail)

    if len(url) > URL_CHARACTERS_MAX:
        raise refuse(f"> {URL_CHARACTERS_MAX}")
    # Whatever parsers disagree about is not argued with: only printable ASCII, no backslash.
    if not url.isascii() or any(ord(character) < 33 or character in '\\"<>^`{|}\x7f' for character in url):
        raise refuse("characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise refuse("form") from None
    if parts.scheme not in {"https", "http"} or not url.startswith(f"{parts.scheme}://"):
        raise refuse("scheme")
    if "@" in parts.netloc or "#" in url or "%" in parts.netloc:
        raise refuse("user or fragment")
    host = (parts.hostname or "").lower()
    if port == 0 or not host or parts.netloc.endswith(":"):
        raise refuse("host or port")
    if parts.netloc.startswith("["):
        if _literal(host) is None:
            raise refuse("host")
    elif not _NAME.fullmatch(host):
        raise refuse("host")
    else:
        last = host.rstrip(".").rsplit(".", 1)[-1]
        # 127.1, 0x7f000001 and 2130706433 are addresses too, to some resolvers.
        if _NUMERIC_LABEL.match(last) and _literal(host) is None:
            raise refuse("host")
    resource = parts.path or "/"
    if parts.query:
        resource += f"?{parts.query}"
    return Target(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), resource)


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        raise WebhookNetworkError(network=text[:60]) from None


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
