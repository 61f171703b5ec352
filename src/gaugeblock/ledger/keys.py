"""Ed25519 keys: raw bytes, JWK and PEM, and the thumbprint that names a key everywhere.

Signatures are made and checked by libsodium, key files are read and written by cryptography (decision 0007).

Source: RFC 8032 (Ed25519), RFC 8037 (JWK of it), RFC 7638 (thumbprint).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import NoReturn

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import BadSignatureError

from gaugeblock.ledger import base64s
from gaugeblock.ledger.detail import because, reason
from gaugeblock.ledger.errors import KeyFormError

KEY_BYTES = 32
SIGNATURE_BYTES = 64

_FIELD_PRIME = 2**255 - 19
# The y coordinates of the eight points whose order divides 8. Under such a "key" one signature fits many
# messages, so nobody who shows it is bound by anything.
_SMALL_ORDER_Y = frozenset(
    {
        0,
        1,
        _FIELD_PRIME - 1,
        0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
        0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
    }
)


class PublicKey:
    """The public half of an Ed25519 key.

    Parameters
    ----------
    raw
        32 bytes, RFC 8032 §5.1.5.

    Raises
    ------
    KeyFormError
        Wrong length, a coordinate outside the field, or a point of small order.

    Examples
    --------
    RFC 8037 appendix A.3:

    >>> PublicKey.from_jwk({"kty": "OKP", "crv": "Ed25519",
    ...     "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}).thumbprint
    'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k'
    """

    __slots__ = ("raw", "thumbprint")

    raw: bytes
    thumbprint: str

    def __init__(self, raw: bytes) -> None:
        if len(raw) != KEY_BYTES:
            raise KeyFormError(**because("key_length", found=len(raw), needed=KEY_BYTES))
        y = int.from_bytes(raw, "little") & (2**255 - 1)
        if y >= _FIELD_PRIME or y in _SMALL_ORDER_Y:
            raise KeyFormError(**because("key_small_order"))
        self.raw = raw
        canonical = b'{"crv":"Ed25519","kty":"OKP","x":"' + base64s.encode_url(raw) + b'"}'
        self.thumbprint = base64s.encode_url(hashlib.sha256(canonical).digest()).decode()

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, object]) -> PublicKey:
        """From an RFC 8037 JWK of exactly ``kty``, ``crv`` and ``x``; a private ``d`` is refused.

        Raises
        ------
        KeyFormError
        """
        x = jwk.get("x")
        if set(jwk) != {"kty", "crv", "x"} or jwk["kty"] != "OKP" or jwk["crv"] != "Ed25519":
            raise KeyFormError(**because("key_jwk"))
        if not isinstance(x, str):
            raise KeyFormError(**because("key_jwk"))
        try:
            raw = base64s.decode_url(x.encode("ascii"))
        except ValueError as error:
            raise KeyFormError(**because("key_x", cause=reason(error))) from error
        return cls(raw)

    def to_jwk(self) -> dict[str, str]:
        """As an RFC 8037 JWK."""
        return {"kty": "OKP", "crv": "Ed25519", "x": base64s.encode_url(self.raw).decode()}

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Whether this key signed exactly these bytes."""
        if len(signature) != SIGNATURE_BYTES:
            return False
        try:
            crypto_sign_open(signature + message, self.raw)
        except BadSignatureError:
            return False
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and other.raw == self.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def __reduce__(self) -> tuple[type[PublicKey], tuple[bytes]]:
        # A key directory is handed to processes that check signatures.
        return PublicKey, (self.raw,)

    def __repr__(self) -> str:
        return f"PublicKey({self.thumbprint})"


class SigningKey:
    """A private Ed25519 key. Its text form never shows the secret.

    Examples
    --------
    >>> key = SigningKey.from_seed(bytes(32))
    >>> key.public.verify(key.sign(b"part 7"), b"part 7")
    True
    """

    __slots__ = ("_secret", "_seed", "public")

    public: PublicKey

    def __init__(self, seed: bytes) -> None:
        if len(seed) != KEY_BYTES:
            raise KeyFormError(**because("key_length", found=len(seed), needed=KEY_BYTES))
        raw, self._secret = crypto_sign_seed_keypair(seed)
        self._seed = seed
        self.public = PublicKey(raw)

    @classmethod
    def generate(cls) -> SigningKey:
        """A new key from the system's random source."""
        return cls.from_seed(secrets.token_bytes(KEY_BYTES))

    @classmethod
    def from_seed(cls, seed: bytes) -> SigningKey:
        """From the 32 bytes of RFC 8032's private key.

        Raises
        ------
        KeyFormError
        """
        return cls(seed)

    @classmethod
    def from_pem(cls, pem: bytes) -> SigningKey:
        """From PKCS#8 PEM, unencrypted.

        Raises
        ------
        KeyFormError
        """
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise KeyFormError(**because("key_pem")) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyFormError(**because("key_not_ed25519"))
        return cls(key.private_bytes_raw())

    def to_pem(self) -> bytes:
        """As unencrypted PKCS#8 PEM: for a file that only its owner can read."""
        return Ed25519PrivateKey.from_private_bytes(self._seed).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def sign(self, message: bytes) -> bytes:
        """64 bytes, deterministic (RFC 8032)."""
        return crypto_sign(message, self._secret)[:SIGNATURE_BYTES]

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key does not leave its process")

    def __repr__(self) -> str:
        return f"SigningKey({self.public.thumbprint})"
