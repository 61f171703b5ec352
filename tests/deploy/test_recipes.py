"""The deployment recipes of ``deploy/``, tried with real nginx, nftables and OpenSSH in network namespaces.

The plant behind them is a bare server that says which port it was reached at: what is tried here is what the network
lets through. The exchange itself behind a proxy is tried in tests/apps.
"""

from __future__ import annotations

import datetime
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.deploy.namespaces import Hosts, missing

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
SERVER_NAME = "exchange.example.com"
PROXY, EXCHANGE, CUSTOMER, RELAY, PLANT = "192.0.2.66", "192.0.2.130", "198.51.100.7", "198.51.100.66", "203.0.113.9"
WHY_NOT = missing("nginx", "sshd", "ssh", "ssh-keygen")

pytestmark = [
    pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT)),
    pytest.mark.xdist_group("namespaces"),
]

SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = f"{self.server.server_port} {self.headers['X-Forwarded-For']} {self.headers['Host']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    made = Hosts()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def tls(tmp_path: Path) -> Path:
    """A self-signed certificate for the server's name."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SERVER_NAME)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(SERVER_NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path / "tls"
    folder.mkdir()
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder


def start_plant(hosts: Hosts, address: str, tmp_path: Path) -> None:
    for port in (8470, 8471):
        hosts.start("plant", [sys.executable, "-c", SERVER, address, str(port)], tmp_path / f"plant-{port}.log")
        hosts.wait_for("plant", address, port)


def start_nginx(hosts: Hosts, host: str, tls: Path, tmp_path: Path, upstream: str | None = None) -> None:
    """The recipe's configuration; only where its files lie is the test's."""
    text = (DEPLOY / "dmz" / "nginx.conf").read_text("utf-8")
    text = text.replace("/etc/gaugeblock/tls", str(tls)).replace("/run/nginx-exchange.pid", str(tmp_path / "nginx.pid"))
    text = text.replace("/var/log/nginx/exchange-error.log", str(tmp_path / "nginx-error.log"))
    if upstream is not None:
        text = text.replace(f"{EXCHANGE}:8471", upstream)
    file = tmp_path / "nginx.conf"
    file.write_text("daemon off;\n" + text, "utf-8")
    hosts.start(host, ["nginx", "-c", str(file), "-p", str(tmp_path)], tmp_path / "nginx.log")


def get(hosts: Hosts, host: str, address: str, tls: Path) -> tuple[int, str]:
    """GET over TLS with the certificate checked, as a customer's program does it."""

    def question() -> tuple[int, str]:
        context = ssl.create_default_context(cafile=str(tls / "fullchain.pem"))
        connection = HTTPSConnection(SERVER_NAME, 443, timeout=5, context=context)
        connection._create_connection = lambda _, *rest: socket_to(address, *rest)  # type: ignore[attr-defined]
        connection.request("GET", "/api/v1/orders", headers={"X-Forwarded-For": "1.2.3.4"})
        response = connection.getresponse()
        return response.status, response.read().decode()

    answer = hosts.ask(host, question)
    assert isinstance(answer, tuple), answer
    return answer


def socket_to(address: str, timeout: float, source: object = None) -> object:
    import socket

    return socket.create_connection((address, 443), timeout)


def test_in_a_dmz_only_the_exchange_is_reached(hosts: Hosts, tls: Path, tmp_path: Path) -> None:
    hosts.add("customer", "gateway", "dmz", "plant")
    hosts.cable(("gateway", "outside0", "198.51.100.1/24"), ("customer", "eth0", f"{CUSTOMER}/24"))
    hosts.cable(("gateway", "dmz0", "192.0.2.65/26"), ("dmz", "eth0", f"{PROXY}/26"))
    hosts.cable(("gateway", "plant0", "192.0.2.129/26"), ("plant", "eth0", f"{EXCHANGE}/26"))
    for host, gateway in (("customer", "198.51.100.1"), ("dmz", "192.0.2.65"), ("plant", "192.0.2.129")):
        hosts.run(host, "ip", "route", "add", "default", "via", gateway)
    hosts.run("gateway", "sysctl", "-qw", "net.ipv4.ip_forward=1")
    start_plant(hosts, EXCHANGE, tmp_path)
    start_nginx(hosts, "dmz", tls, tmp_path)
    hosts.wait_for("dmz", PROXY, 443)
    # Without the rules everything is reached: so it is the rules that hold below.
    assert hosts.connects("customer", EXCHANGE, 8470)
    hosts.run("gateway", "nft", "-f", str(DEPLOY / "dmz" / "nftables.conf"))
    assert get(hosts, "customer", PROXY, tls) == (200, f"8471 {CUSTOMER} {SERVER_NAME}")
    assert not hosts.connects("customer", EXCHANGE, 8470)
    assert not hosts.connects("customer", EXCHANGE, 8471)
    assert not hosts.connects("customer", PROXY, 80)
    assert hosts.connects("dmz", EXCHANGE, 8471)
    assert not hosts.connects("dmz", EXCHANGE, 8470)
    assert not hosts.connects("dmz", CUSTOMER, 443)
    assert not hosts.connects("plant", PROXY, 443)


def test_behind_a_relay_nothing_connects_into_the_plant(hosts: Hosts, tls: Path, tmp_path: Path) -> None:
    hosts.add("customer", "relay", "plant")
    hosts.cable(("relay", "eth0", f"{RELAY}/24"), ("customer", "eth0", f"{CUSTOMER}/24"))
    hosts.cable(("relay", "eth1", "203.0.113.1/24"), ("plant", "eth0", f"{PLANT}/24"))
    hosts.run("customer", "ip", "route", "add", "default", "via", RELAY)
    hosts.run("relay", "sysctl", "-qw", "net.ipv4.ip_forward=1")
    hosts.run("plant", "ip", "route", "add", "default", "via", "203.0.113.1")
    # The plant's own firewall: answers to what it asked, and nothing else.
    for rule in (
        "add table inet f",
        "add chain inet f input { type filter hook input priority 0; policy drop; }",
        "add rule inet f input iif lo accept",
        "add rule inet f input ct state established,related accept",
    ):
        hosts.run("plant", "nft", *rule.split(" "))
    start_plant(hosts, "127.0.0.1", tmp_path)
    tunnel = start_tunnel(hosts, tmp_path)
    start_nginx(hosts, "relay", tls, tmp_path, "127.0.0.1:18471")
    hosts.wait_for("relay", "127.0.0.1", 18471)
    hosts.wait_for("relay", RELAY, 443)
    assert get(hosts, "customer", RELAY, tls) == (200, f"8471 {CUSTOMER} {SERVER_NAME}")
    for host in ("customer", "relay"):
        assert not hosts.connects(host, PLANT, 8471)
        assert not hosts.connects(host, PLANT, 8470)
    # The tunnel ends at the relay's loopback: only its nginx reaches it, not the world.
    assert not hosts.connects("customer", RELAY, 18471)
    tunnel[0].kill()
    tunnel[0].wait(10)
    deadline = time.monotonic() + 10
    while get(hosts, "customer", RELAY, tls)[0] != 502:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    hosts.start("plant", tunnel[1], tmp_path / "ssh.log")
    hosts.wait_for("relay", "127.0.0.1", 18471)
    assert get(hosts, "customer", RELAY, tls)[0] == 200


def test_the_relays_account_can_do_nothing_else(hosts: Hosts, tmp_path: Path) -> None:
    hosts.add("relay", "plant")
    hosts.cable(("relay", "eth1", "203.0.113.1/24"), ("plant", "eth0", f"{PLANT}/24"))
    _, command = start_tunnel(hosts, tmp_path)
    hosts.wait_for("relay", "127.0.0.1", 18471)
    other = [part.replace("127.0.0.1:18471:", "127.0.0.1:18472:") for part in command]
    listening = hosts.start("plant", other, tmp_path / "other.log")
    assert listening.wait(15) != 0, "the account may listen at another port"
    shell = [part for part in command if part not in ("-N", "-R", "127.0.0.1:18471:127.0.0.1:8471")]
    ran = hosts.start("plant", [*shell, "id"], tmp_path / "shell.log")
    assert ran.wait(15) != 0
    assert "uid=" not in (tmp_path / "shell.log").read_text("utf-8")


def start_tunnel(hosts: Hosts, tmp_path: Path) -> tuple[subprocess.Popen[bytes], list[str]]:
    """sshd at the relay and the unit's own command in the plant, with the test's files and an account that is here."""
    for name in ("host", "plant"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)], check=True)
    public = (tmp_path / "plant.pub").read_text("utf-8").split()[:2]
    keys = tmp_path / "authorized_keys"
    keys.write_text(f'restrict,port-forwarding,permitlisten="127.0.0.1:18471" {" ".join(public)} plant\n', "utf-8")
    recipe = (DEPLOY / "relay" / "sshd.conf").read_text("utf-8").replace("gaugeblock-relay", "nobody")
    sshd = tmp_path / "sshd.conf"
    sshd.write_text(
        f"ListenAddress 203.0.113.1:22\nHostKey {tmp_path / 'host'}\nPidFile {tmp_path / 'sshd.pid'}\n"
        f"AuthorizedKeysFile {keys}\nStrictModes no\nPasswordAuthentication no\nUsePAM no\n{recipe}",
        "utf-8",
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    for parent in keys.parents:  # sshd reads it as the account
        if parent == Path(tempfile.gettempdir()):
            break
        parent.chmod(parent.stat().st_mode | 0o055)
    keys.chmod(0o644)
    hosts.start("relay", ["/usr/sbin/sshd", "-D", "-e", "-f", str(sshd)], tmp_path / "sshd.log")
    hosts.wait_for("relay", "203.0.113.1", 22)
    host_key = (tmp_path / "host.pub").read_text("utf-8").split()[:2]
    (tmp_path / "known_hosts").write_text(f"203.0.113.1 {' '.join(host_key)}\n", "utf-8")
    unit = (DEPLOY / "relay" / "gaugeblock-relay.service").read_text("utf-8")
    line = next(line for line in unit.splitlines() if line.startswith("ExecStart="))
    line = line.replace("/etc/gaugeblock/relay.known_hosts", str(tmp_path / "known_hosts"))
    line = line.replace("/etc/gaugeblock/relay.key", str(tmp_path / "plant"))
    command = (
        line.removeprefix("ExecStart=").replace("gaugeblock-relay@relay.example.com", "nobody@203.0.113.1").split()
    )
    return hosts.start("plant", command, tmp_path / "ssh.log"), command
