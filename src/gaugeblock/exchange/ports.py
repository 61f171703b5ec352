"""What this room asks of others in the plant process: a way to state records."""

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
