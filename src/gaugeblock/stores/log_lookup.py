"""Looks many identities up in the log with one query that uses its index for each."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec
from sqlalchemy import Connection, text

from gaugeblock.ledger.merkle import leaf_hash
from gaugeblock.stores.log_batch import Identity

_FIND_SQLITE = text(
    "SELECT r.idx, r.author, r.identity, r.jws FROM json_each(:pairs) AS j CROSS JOIN log_records AS r "
    "WHERE r.author = json_extract(j.value, '$[0]') AND r.identity = json_extract(j.value, '$[1]')"
)
_FIND_POSTGRESQL = text(
    "SELECT r.idx, r.author, r.identity, r.jws FROM unnest(CAST(:authors AS text[]), CAST(:identities AS text[])) "
    "AS j(author, identity) JOIN log_records AS r ON r.author = j.author AND r.identity = j.identity"
)


def find_many(connection: Connection, wanted: Collection[Identity]) -> Mapping[Identity, tuple[int, bytes]]:
    """The index and leaf hash of those of these identities that are in the log."""
    if not wanted:
        return {}
    if connection.dialect.name == "sqlite":
        rows = connection.execute(_FIND_SQLITE, {"pairs": msgspec.json.encode(list(wanted)).decode()})
    else:
        authors, identities = zip(*wanted, strict=True)
        rows = connection.execute(_FIND_POSTGRESQL, {"authors": list(authors), "identities": list(identities)})
    return {(row.author, row.identity): (int(row.idx), leaf_hash(bytes(row.jws))) for row in rows}
