"""What left the plant for one customer, as the customer may see it: only their own, out of the log itself."""

from __future__ import annotations

from gaugeblock.exchange.transfers_queries import ProjectedTransfers, TransferFilter, TransferRow
from gaugeblock.exchange.view import EvidenceLog
from gaugeblock.plant.exchange_facets import TransferEntry


class CustomerTransfers:
    """Reads transfers; another's is as one that is not there.

    Parameters
    ----------
    transfers
        All of them.
    log
        For their evidence.
    """

    def __init__(self, transfers: ProjectedTransfers, log: EvidenceLog) -> None:
        self._transfers, self._log = transfers, log

    def listed(self, customer: str, before: int | None, limit: int) -> list[TransferRow]:
        """Newest first."""
        return self._transfers.listed(TransferFilter(customer=customer), before, limit)

    def find(self, customer: str, index: int) -> TransferRow | None:
        """One of the customer's."""
        return next((row for row in self.listed(customer, index + 1, 1) if row.record_index == index), None)

    def entries(self, customer: str, index: int) -> tuple[TransferEntry, ...] | None:
        """The answers of one."""
        return None if self.find(customer, index) is None else self._transfers.entries(index)

    def evidence(self, customer: str, index: int) -> bytes | None:
        """Evidence of one, with both of its facets."""
        return None if self.find(customer, index) is None else self._log.evidence(index)
