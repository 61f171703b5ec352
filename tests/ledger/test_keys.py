from __future__ import annotations

import pickle
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from gaugeblock.ledger import base64s
from gaugeblock.ledger.errors import KeyFormError
from gaugeblock.ledger.keys import PublicKey, SigningKey

P = 2**255 - 19
D = -121665 * pow(121666, P - 2, P) % P


def _square_root(value: int) -> int | None:
    root = pow(value, (P + 3) // 8, P)
    if (root * root - value) % P:
        root = root * pow(2, (P - 1) // 4, P) % P
    return None if (root * root - value) % P else root


def _double(point: tuple[int, int]) -> tuple[int, int]:
    x, y = point
    k = D * x * x * y * y % P
    return 2 * x * y * pow(1 + k, P - 2, P) % P, (y * y + x * x) * pow(1 - k, P - 2, P) % P


def _small_order_points() -> list[tuple[int, int]]:
    """All points with 8·P = identity, found by halving the identity three times."""
    points = {(0, 1), (0, P - 1)}
    for y in (0,):
        x = _square_root((y * y - 1) * pow(D * y * y + 1, P - 2, P) % P)
        assert x is not None
        points |= {(x, y), (P - x, y)}
    # Order 8: doubling gives (±x, 0), that is y² = −x², so 2x² = 1 + … ; solved by d·y⁴ + 2·y² − 1 = 0.
    for sign in (1, -1):
        root = _square_root(1 + D)
        assert root is not None
        y2 = (-1 + sign * root) * pow(D, P - 2, P) % P
        y = _square_root(y2)
        if y is None:
            continue
        x = _square_root((y2 - 1) * pow(D * y2 + 1, P - 2, P) % P)
        assert x is not None
        points |= {(a, b) for a in (x, P - x) for b in (y, P - y)}
    return sorted(points)


def test_every_point_of_small_order_is_refused() -> None:
    points = _small_order_points()
    assert len(points) == 8
    for x, y in points:
        point = (x, y)
        for _ in range(3):
            point = _double(point)
        assert point == (0, 1)
        for sign in (0, 1):
            with pytest.raises(KeyFormError):
                PublicKey((y | sign << 255).to_bytes(32, "little"))


@pytest.mark.parametrize("y", [P, P + 1, P + 5, 2**255 - 1])
def test_coordinates_outside_the_field_are_refused(y: int) -> None:
    with pytest.raises(KeyFormError):
        PublicKey(y.to_bytes(32, "little"))


def test_pem_round_trip_and_secrecy(kit: Any) -> None:
    key = SigningKey.generate()
    again = SigningKey.from_pem(key.to_pem())
    assert again.public == key.public
    assert hash(again.public) == hash(key.public)
    assert key.public != kit.key("another").public
    assert "PRIVATE" not in repr(key)
    assert key.public.thumbprint in repr(key)


def test_other_keys_are_refused_by_name() -> None:
    ec = generate_private_key(SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    encrypted = serialization.load_pem_private_key(SigningKey.generate().to_pem(), None).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
    )
    for pem in (ec, encrypted, b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"):
        with pytest.raises(KeyFormError):
            SigningKey.from_pem(pem)
    with pytest.raises(KeyFormError):
        SigningKey.from_seed(bytes(31))
    with pytest.raises(KeyFormError):
        PublicKey(bytes(33))


def test_jwk_is_read_strictly(kit: Any) -> None:
    public = kit.key("jwk").public
    jwk = public.to_jwk()
    assert PublicKey.from_jwk(jwk) == public
    for change in (
        {"kty": "EC"},
        {"crv": "X25519"},
        {"d": "AAAA"},
        {"x": jwk["x"] + "="},
        {"x": jwk["x"][:-1]},
        {"x": 5},
        {"x": "é" * 43},
    ):
        with pytest.raises(KeyFormError):
            PublicKey.from_jwk({**jwk, **change})
    with pytest.raises(KeyFormError):
        PublicKey.from_jwk({"kty": "OKP"})


@given(st.binary(max_size=40))
@settings(max_examples=200, deadline=None)
def test_base64_has_one_spelling(data: bytes) -> None:
    assert base64s.decode_url(base64s.encode_url(data)) == data
    assert base64s.decode(base64s.encode(data)) == data


@given(st.text(alphabet="AQgwx01_-+/= \n", max_size=9))
@settings(max_examples=500, deadline=None)
def test_base64_refuses_every_other_spelling(text: str) -> None:
    for decode, encode in (
        (lambda t: base64s.decode_url(t.encode()), lambda d: base64s.encode_url(d).decode()),
        (base64s.decode, base64s.encode),
    ):
        try:
            data = decode(text)
        except ValueError:
            continue
        assert encode(data) == text


def test_public_keys_cross_process_boundaries(kit: Any) -> None:
    key = kit.key("travels").public
    again = pickle.loads(pickle.dumps(key))
    assert again == key
    assert again.thumbprint == key.thumbprint
    with pytest.raises((TypeError, AttributeError)):
        pickle.dumps(kit.key("travels"))
