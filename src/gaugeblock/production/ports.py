"""What this room asks of others: a way to state records, and a place for the documents they name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from gaugeblock.plant.facet import Facet


class Statements(Protocol):
    """Signs and appends records on behalf of the server and of people who are signed in."""

    def state(
        self,
        author: str,
        record_type: str,
        identity: str,
        facets: Mapping[str, Facet],
        observed_at: str | None = None,
    ) -> int:
        """The record's index, once it is durable; the same identity again gives the first record's index."""
        ...


class Documents(Protocol):
    """Documents by their SHA-256 in lower-case hex."""

    def put(self, data: bytes) -> str:
        """Durable when it returns; the digest."""
        ...

    def has(self, sha256: str) -> bool:
        """Whether it is kept."""
        ...
