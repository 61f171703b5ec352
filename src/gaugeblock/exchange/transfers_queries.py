"""What left the plant, as its people search it and as an authority gets it: from the transfer records themselves."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, func, select

from gaugeblock.exchange.contract_errors import TransferExportLimitError
from gaugeblock.exchange.transfers_projection import transfers
from gaugeblock.exchange.view import EvidenceLog
from gaugeblock.plant.exchange_facets import TransferEntry, TransferStatement
from gaugeblock.plant.times import from_rfc3339, to_rfc3339
from gaugeblock.stores.database import Database
from gaugeblock.stores.projections import open_record

PAGE = 100
EXPORT_MOST = 2_000
EXPORT_FORM = "gaugeblock-transfers/1"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class TransferFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Of all that is given. Times are half open (RFC 3339), of the answers in a record."""

    customer: str | None = None
    contract: str | None = None
    since: str | None = None
    until: str | None = None


class TransferRow(msgspec.Struct, frozen=True, kw_only=True):
    """One transfer record: ``answers`` to one customer within some milliseconds, ``served`` of them with data.

    ``identity`` is what these answers carried as ``Gaugeblock-Transfer``.
    """

    record_index: int
    identity: str
    customer: str
    contract: str | None
    version: int | None
    first_at: str
    last_at: str
    answers: int
    served: int
    size_bytes: int


class TransferTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over what was searched."""

    records: int
    answers: int
    served: int
    size_bytes: int


class ProjectedTransfers:
    """Reads transfers.

    Parameters
    ----------
    database
        Holds the table of :class:`~gaugeblock.exchange.transfers_projection.TransfersProjection`.
    log
        For the entries and their evidence.
    """

    def __init__(self, database: Database, log: EvidenceLog) -> None:
        self._database, self._log = database, log

    def listed(self, wanted: TransferFilter, before: int | None = None, limit: int = PAGE) -> list[TransferRow]:
        """Newest first; ``before`` is the index of the last one of the page before.

        Raises
        ------
        TimeFormatError
        """
        query = _where(select(transfers), wanted).order_by(transfers.c.record_index.desc()).limit(limit)
        if before is not None:
            query = query.where(transfers.c.record_index < before)
        with self._database.reading() as connection:
            return [_row(row) for row in connection.execute(query).mappings()]

    def totals(self, wanted: TransferFilter) -> TransferTotals:
        """Sums over all that fit.

        Raises
        ------
        TimeFormatError
        """
        columns = (transfers.c.answers, transfers.c.served, transfers.c.size_bytes)
        query = _where(select(func.count(), *(func.coalesce(func.sum(column), 0) for column in columns)), wanted)
        with self._database.reading() as connection:
            records, answers, served, size_bytes = connection.execute(query).one()
        return TransferTotals(records=records, answers=int(answers), served=int(served), size_bytes=int(size_bytes))

    def last_of(self, customers: Sequence[str]) -> dict[str, str]:
        """When each customer was last answered."""
        query = (
            select(transfers.c.customer, func.max(transfers.c.last_at))
            .where(transfers.c.customer.in_(customers))
            .group_by(transfers.c.customer)
        )
        with self._database.reading() as connection:
            return {row[0]: str(row[1]) for row in connection.execute(query)}

    def entries(self, index: int) -> tuple[TransferEntry, ...]:
        """The answers that a transfer record states; none where it is no transfer, or its statement is not kept.

        Raises
        ------
        RecordMissingError
        """
        statement = open_record(self._log.record(index)).facets.get("statement")
        return statement.entries if isinstance(statement, TransferStatement) else ()

    # ── for an authority ────────────────────────────────────────────────────────────────────────────────

    def as_csv(self, wanted: TransferFilter) -> bytes:
        """All answers as CSV (UTF-8 with a byte order mark, for Excel), one a line, each with its record.

        Raises
        ------
        TransferExportLimitError, TimeFormatError
        """
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(
            [
                "record_index",
                "customer",
                "contract",
                "version",
                "request",
                "at",
                "credential",
                "method",
                "resource",
                "status",
                "sha256",
                "size_bytes",
                "log_size",
                "derived_from",
                "truncated",
            ]
        )
        for row in self._exported(wanted):
            for entry in self.entries(row.record_index):
                runs = " ".join(
                    f"{first}-{last}" if first != last else str(first) for first, last in entry.derived_from
                )
                writer.writerow(
                    _plain(value)
                    for value in (
                        row.record_index,
                        row.customer,
                        row.contract or "",
                        "" if row.version is None else row.version,
                        entry.request,
                        entry.at,
                        entry.credential,
                        entry.method,
                        entry.resource,
                        entry.status,
                        entry.sha256,
                        entry.size_bytes,
                        entry.log_size,
                        runs,
                        "yes" if entry.truncated else "no",
                    )
                )
        return b"\xef\xbb\xbf" + text.getvalue().encode()

    def as_json(self, wanted: TransferFilter, origin: str, log_key: str, at: str) -> bytes:
        """All transfer records with their evidence, so that whoever gets the file can check that nothing was altered.

        Parameters
        ----------
        origin, log_key
            The log's name and public key.
        at
            When it is exported.

        Raises
        ------
        TransferExportLimitError, TimeFormatError, CheckpointPendingError
        """
        chosen = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not None}
        records = [
            {
                "record_index": row.record_index,
                "customer": row.customer,
                "contract": row.contract,
                "version": row.version,
                "entries": self.entries(row.record_index),
                "evidence": msgspec.Raw(self._log.evidence(row.record_index)),
            }
            for row in self._exported(wanted)
        ]
        document = {
            "form": EXPORT_FORM,
            "origin": origin,
            "log_key": log_key,
            "exported_at": at,
            "filter": chosen,
            "totals": self.totals(wanted),
            "transfers": records,
        }
        return msgspec.json.encode(document)

    def _exported(self, wanted: TransferFilter) -> Iterator[TransferRow]:
        found = self.totals(wanted).records
        if found > EXPORT_MOST:
            raise TransferExportLimitError(found=found, limit=EXPORT_MOST)
        yield from reversed(self.listed(wanted, limit=EXPORT_MOST))


def _where(query: Select[Any], wanted: TransferFilter) -> Select[Any]:
    clauses: list[ColumnElement[bool]] = []
    if wanted.customer is not None:
        clauses.append(transfers.c.customer == wanted.customer)
    if wanted.contract is not None:
        clauses.append(transfers.c.contract == wanted.contract)
    if wanted.since is not None:
        clauses.append(transfers.c.last_at >= to_rfc3339(from_rfc3339(wanted.since)))
    if wanted.until is not None:
        clauses.append(transfers.c.first_at < to_rfc3339(from_rfc3339(wanted.until)))
    return query.where(*clauses)


def _row(row: Any) -> TransferRow:
    return TransferRow(**{name: row[name] for name in TransferRow.__struct_fields__})


def _plain(value: object) -> object:
    """A cell that no spreadsheet takes for a formula (OWASP: CSV injection)."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
