"""Contracts as pages, desk and views read them: rows of the projection, folded."""

from __future__ import annotations

import msgspec
from sqlalchemy import ColumnElement, Connection, select

from gaugeblock.exchange.contract_history import ContractState, StepStated, VersionStated, fold
from gaugeblock.exchange.contract_projection import steps, versions
from gaugeblock.plant.exchange_facets import ContractStatement
from gaugeblock.stores.database import Database

_statement = msgspec.json.Decoder(ContractStatement)


class ProjectedContracts:
    """Reads contracts.

    Parameters
    ----------
    database
        Holds the tables of :class:`~gaugeblock.exchange.contract_projection.ContractProjection`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def listed(self) -> list[ContractState]:
        """All, those with the newest version first."""
        with self._database.reading() as connection:
            contracts = read_contracts(connection)
        return sorted(contracts.values(), key=lambda known: -known.latest.stated.index)

    def contract(self, contract: str) -> ContractState | None:
        """One by its number."""
        with self._database.reading() as connection:
            return read_contracts(connection, contract=contract).get(contract)

    def of_customer(self, customer: str) -> list[ContractState]:
        """A customer's."""
        with self._database.reading() as connection:
            contracts = read_contracts(connection, customer=customer)
        return [known for known in contracts.values() if known.customer == customer]


def read_contracts(
    connection: Connection, *, contract: str | None = None, customer: str | None = None
) -> dict[str, ContractState]:
    """Contracts by number: all, one, or those with a record that names the customer."""
    if customer is not None:
        # A number that another customer stated first is not this one's: the whole of each contract is folded.
        numbers = connection.execute(
            select(versions.c.contract).where(versions.c.customer == customer).distinct()
        ).scalars()
        wanted = list(numbers)
        return fold(read_events(connection, [versions.c.contract.in_(wanted)], [steps.c.contract.in_(wanted)]))
    if contract is not None:
        return fold(read_events(connection, [versions.c.contract == contract], [steps.c.contract == contract]))
    return fold(read_events(connection, [], []))


def read_events(
    connection: Connection,
    of_versions: list[ColumnElement[bool]],
    of_steps: list[ColumnElement[bool]],
) -> list[VersionStated | StepStated]:
    """The records as the fold takes them."""
    events: list[VersionStated | StepStated] = [
        VersionStated(
            index=row.record_index,
            contract=row.contract,
            customer=row.customer,
            author=row.author,
            stated_at=row.stated_at,
            statement=_statement.decode(row.statement),
        )
        for row in connection.execute(select(versions).where(*of_versions))
    ]
    events += [
        StepStated(
            index=row.record_index,
            contract=row.contract,
            customer=row.customer,
            version=row.version,
            step=row.step,
            author=row.author,
            stated_at=row.stated_at,
            reason=row.reason,
            credential=row.credential,
        )
        for row in connection.execute(select(steps).where(*of_steps))
    ]
    return events
