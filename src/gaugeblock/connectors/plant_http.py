"""The station's way to the plant over HTTP: records in batches, images one by one.

Images are put under their digest with a header that the station's key signs, so that nobody else in the network
fills the plant's disk; records carry their signatures in themselves.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import httpx
import msgspec

from gaugeblock.connectors.errors import (
    PlantAnswerError,
    PlantBusyError,
    PlantRefusedError,
    PlantUnreachableError,
)
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.plant.language import Language

TIMEOUT_S = 10.0
ANSWER_BYTES_MAX = 16 * 1024 * 1024
RETRY_AFTER_S_MAX = 300.0
PERMANENT = frozenset({400, 409, 413, 415, 422})
"""Statuses that say: not this request, whenever it comes. Others (401, 404, 500…) may change by themselves."""


class Record(Protocol):
    """A signed record to submit."""

    @property
    def jws(self) -> bytes: ...

    @property
    def disclosures(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class PlantAnswer:
    """The plant's answer about one record: its index in the log, or why it was refused."""

    index: int | None
    duplicate: bool = False
    error_code: str | None = None
    error_text: str | None = None


class _Error(msgspec.Struct):
    code: str
    text: str = ""


class _Problem(msgspec.Struct):
    detail: str


class _Receipt(msgspec.Struct):
    index: int | None = None
    leaf_hash: str | None = None
    duplicate: bool = False
    error: _Error | None = None


class _Receipts(msgspec.Struct):
    receipts: list[_Receipt]


class PlantHttp:
    """Submits records and images to the plant's HTTP API.

    Parameters
    ----------
    url
        Of the plant's server, without path: ``http://127.0.0.1:8420``.
    key
        The station's key; it signs the header of images.
    unix_s
        The wall clock for that header.
    language
        In which the plant shall say why it refuses something.
    """

    def __init__(
        self,
        url: str,
        key: SigningKey,
        timeout_s: float = TIMEOUT_S,
        unix_s: Callable[[], float] = time.time,
        transport: httpx.BaseTransport | None = None,
        language: Language = "zh",
    ) -> None:
        self.url = url.rstrip("/")
        self._key = key
        self._unix_s = unix_s
        # A proxy of the environment has no business between a station and its plant.
        self._client = httpx.Client(
            timeout=timeout_s, transport=transport, trust_env=False, headers={"Accept-Language": language}
        )

    def send(self, records: Sequence[Record]) -> list[PlantAnswer]:
        """Submit records in order; one answer each.

        Raises
        ------
        PlantUnreachableError, PlantBusyError, PlantRefusedError, PlantAnswerError
        """
        body = {"records": [{"jws": r.jws.decode("ascii"), "disclosures": dict(r.disclosures)} for r in records]}
        response = self._request(
            "POST", "/api/v1/records", msgspec.json.encode(body), {"Content-Type": "application/json"}
        )
        try:
            receipts = msgspec.json.decode(response.content, type=_Receipts).receipts
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise PlantAnswerError(url=self.url, detail=str(error)[:200]) from error
        if len(receipts) != len(records):
            raise PlantAnswerError(url=self.url, detail=f"{len(receipts)} receipts for {len(records)} records")
        return [_answer(receipt, self.url) for receipt in receipts]

    def send_blob(self, sha256: str, data: bytes) -> None:
        """Hand over one image.

        Raises
        ------
        PlantUnreachableError, PlantBusyError, PlantRefusedError
        """
        headers = {
            "Authorization": authorization(self._key, sha256, int(self._unix_s())),
            "Content-Type": "application/octet-stream",
        }
        self._request("PUT", f"/api/v1/blobs/{sha256}", data, headers)

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def _request(self, method: str, path: str, content: bytes, headers: Mapping[str, str]) -> httpx.Response:
        try:
            response = self._client.request(method, self.url + path, content=content, headers=dict(headers))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise PlantUnreachableError(url=self.url, detail=str(error) or type(error).__name__) from error
        status = response.status_code
        if status in (200, 201, 204):
            if len(response.content) > ANSWER_BYTES_MAX:
                raise PlantAnswerError(url=self.url, detail=f"{len(response.content)} bytes")
            return response
        if status in (429, 503):
            raise PlantBusyError(url=self.url, status=status, retry_after_s=_retry_after_s(response))
        detail = _reason(response)
        if status in PERMANENT:
            raise PlantRefusedError(url=self.url, status=status, detail=detail, permanent=1)
        raise PlantRefusedError(url=self.url, status=status, detail=detail)


def authorization(key: SigningKey, sha256: str, unix_s: int) -> str:
    """The header value with which a station puts an image.

    >>> authorization(SigningKey.from_seed(bytes(32)), "ab" * 32, 1).split()[0]
    'Gaugeblock-Key'
    """
    signature = key.sign(f"PUT\n{sha256}\n{unix_s}".encode())
    text = base64.urlsafe_b64encode(signature).rstrip(b"=").decode()
    return f"Gaugeblock-Key {key.public.thumbprint} {unix_s} {text}"


def _answer(receipt: _Receipt, url: str) -> PlantAnswer:
    if receipt.error is not None:
        return PlantAnswer(None, error_code=receipt.error.code, error_text=receipt.error.text)
    if receipt.index is None or receipt.index < 0:
        raise PlantAnswerError(url=url, detail="a receipt without index")
    return PlantAnswer(receipt.index, receipt.duplicate)


def _reason(response: httpx.Response) -> str:
    """Why the plant refuses: the sentence of its problem details (RFC 9457), else what it sent."""
    try:
        return msgspec.json.decode(response.content, type=_Problem).detail[:500]
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return response.text[:500]


def _retry_after_s(response: httpx.Response) -> float:
    try:
        return min(RETRY_AFTER_S_MAX, max(0.0, float(response.headers.get("Retry-After", "1"))))
    except ValueError:
        return 1.0  # the form with a date needs a clock that both sides share
