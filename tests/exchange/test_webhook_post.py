"""One attempt over real sockets: pinned, bounded, no redirects."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gaugeblock.exchange.address_guard import PinnedTarget, Target
from gaugeblock.exchange.webhook_post import post

Handler = Callable[[socket.socket], None]


@contextmanager
def receiver(handle: Handler, context: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[bytes]]]:
    """A server for one connection after the other; what each sent first."""
    seen: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            with plain:
                try:
                    connection = context.wrap_socket(plain, server_side=True) if context else plain
                    connection.settimeout(10)
                    received = b""
                    while b"\r\n\r\n" not in received or not received.endswith(b"}"):
                        piece = connection.recv(65536)
                        if not piece:
                            break
                        received += piece
                    seen.append(received)
                    handle(connection)
                except OSError:
                    pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1], seen
    listener.close()


def pinned(port: int, scheme: str = "http", host: str = "hooks.customer.example") -> PinnedTarget:
    return PinnedTarget(Target(scheme, host, port, "/in?plant=1"), "127.0.0.1")


def says(text: bytes) -> Handler:
    return lambda connection: connection.sendall(text)


def test_the_pinned_address_is_called_under_its_name() -> None:
    with receiver(says(b"HTTP/1.1 204 No Content\r\n\r\n")) as (port, seen):
        answer = post(pinned(port), {"webhook-id": "msg_1"}, b"{}")
    assert (answer.status, answer.error) == (204, None)
    head = seen[0].decode()
    assert head.startswith("POST /in?plant=1 HTTP/1.1\r\n")
    assert f"Host: hooks.customer.example:{port}\r\n" in head
    assert "webhook-id: msg_1\r\n" in head
    assert head.endswith("\r\n\r\n{}")


def test_nothing_is_sent_where_what_has_to_hold_does_not() -> None:
    class RefusedError(Exception):
        pass

    def refuse() -> None:
        raise RefusedError

    with receiver(says(b"HTTP/1.1 204 No Content\r\n\r\n")) as (port, seen):
        with pytest.raises(RefusedError):
            post(pinned(port), {}, b"{}", refuse)
        assert post(pinned(port), {}, b"{}").status == 204
    # The first connection stood, and not a byte came over it.
    assert [len(piece) > 0 for piece in seen] == [False, True]


def test_a_redirect_is_not_followed() -> None:
    with receiver(says(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")) as (
        port,
        seen,
    ):
        assert post(pinned(port), {}, b"{}").status == 302
        assert len(seen) == 1


def test_an_endless_answer_is_not_read() -> None:
    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with receiver(endless) as (port, _):
        answer = post(pinned(port), {}, b"{}", total_timeout_s=5)
    assert answer.status == 200
    assert answer.excerpt == "x" * 500
    assert answer.took_ms < 4000


@pytest.mark.parametrize("drip", [b"H", b"HTTP/1.1 200 OK\r\nX: "])
def test_a_dripping_receiver_is_cut_off(drip: bytes) -> None:
    def dripping(connection: socket.socket) -> None:
        connection.sendall(drip)
        for _ in range(100):
            time.sleep(0.05)
            connection.sendall(b"y")

    with receiver(dripping) as (port, _):
        begun = time.monotonic()
        answer = post(pinned(port), {}, b"{}", total_timeout_s=0.4)
    assert answer.status is None
    assert answer.error == "timeout"
    assert time.monotonic() - begun < 3


def test_faults_are_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert post(pinned(port), {}, b"{}").error == "connection"
    with receiver(says(b"SSH-2.0-OpenSSH\r\n")) as (port, _):
        assert post(pinned(port), {}, b"{}").error == "http"


@pytest.mark.parametrize(
    ("value", "expected"), [(b"30", 30.0), (b"Wed, 25 Nov 2026 00:00:00 GMT", None), (b"-1", None)]
)
def test_retry_after(value: bytes, expected: float | None) -> None:
    with receiver(says(b"HTTP/1.1 429 Slow\r\nRetry-After: " + value + b"\r\nContent-Length: 0\r\n\r\n")) as (port, _):
        answer = post(pinned(port), {}, b"{}")
    assert (answer.status, answer.retry_after_s) == (429, expected)


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert_file, key_file


def test_the_certificate_is_checked_against_the_name(tmp_path: Path) -> None:
    cert_file, key_file = certificate(tmp_path, "hooks.customer.example")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert_file, key_file)
    trusting = ssl.create_default_context(cafile=str(cert_file))
    with receiver(says(b"HTTP/1.1 204 No Content\r\n\r\n"), server) as (port, seen):
        assert post(pinned(port, "https"), {}, b"{}", context=trusting).status == 204
        assert post(pinned(port, "https", "other.example"), {}, b"{}", context=trusting).error == "tls"
        assert post(pinned(port, "https"), {}, b"{}").error == "tls"
    assert len(seen) == 1
