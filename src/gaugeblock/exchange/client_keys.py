"""Public keys of OAuth clients: Ed25519 or P-256, as JWK, checked before they are kept."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey

from gaugeblock.exchange.access_errors import ClientKeyError

ALGORITHMS = {"Ed25519": "EdDSA", "P-256": "ES256"}
"""Curve → the one algorithm that a signature by such a key may name: no key is used with two."""


def key_of(jwk: Mapping[str, object]) -> tuple[OKPKey | ECKey, str]:
    """The key and its algorithm.

    Raises
    ------
    ClientKeyError
        Not a public key of one of the two curves.
    """
    curve, kind = jwk.get("crv"), jwk.get("kty")
    if not isinstance(curve, str) or curve not in ALGORITHMS:
        raise ClientKeyError(detail=f"crv {str(curve)[:20]}")
    members = ("kty", "crv", "x") if curve == "Ed25519" else ("kty", "crv", "x", "y")
    if kind != ("OKP" if curve == "Ed25519" else "EC") or "d" in jwk:
        raise ClientKeyError(detail="d" if "d" in jwk else f"kty {str(kind)[:20]}")
    plain = {name: jwk.get(name) for name in members}
    if not all(isinstance(value, str) and 1 <= len(value) <= 100 for value in plain.values()):
        raise ClientKeyError(detail=", ".join(members))
    text: dict[str, str | list[str]] = {name: str(value) for name, value in plain.items()}
    try:
        key = OKPKey.import_key(text) if curve == "Ed25519" else ECKey.import_key(text)
        # Only now is the point read: a coordinate that lies on no curve is found here.
        _ = key.public_key
    except (JoseError, ValueError, TypeError) as error:
        raise ClientKeyError(detail=str(error)[:120]) from error
    return key, ALGORITHMS[curve]


def check_client_key(jwk: Mapping[str, object]) -> str:
    """The public JWK as it is kept: known members only, compact, sorted.

    Raises
    ------
    ClientKeyError

    >>> check_client_key({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
    '{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'
    """
    key, _ = key_of(jwk)
    public = {name: value for name, value in key.as_dict(private=False).items() if name in ("crv", "kty", "x", "y")}
    return msgspec.json.encode(public, order="sorted").decode()
