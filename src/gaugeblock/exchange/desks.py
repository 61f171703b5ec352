"""All desks of this room in the plant process, made of what the plant process has."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from gaugeblock.exchange.contract_desk import ContractDesk
from gaugeblock.exchange.credentials import CredentialDesk
from gaugeblock.exchange.footprint_desk import FootprintDesk
from gaugeblock.exchange.messages import MessageDesk
from gaugeblock.exchange.ports import Statements
from gaugeblock.exchange.shared_files_desk import DocumentDesk, Files
from gaugeblock.exchange.shells.naming import Naming
from gaugeblock.exchange.transfers_queries import ProjectedTransfers
from gaugeblock.exchange.view import EvidenceLog
from gaugeblock.plant.settings import PlantSettings
from gaugeblock.plant.times import Clock
from gaugeblock.stores.database import Database
from gaugeblock.stores.exchange_state import ExchangeState


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeMaterials:
    """What desks are made of.

    Parameters
    ----------
    database
        Holds the tables of :func:`~gaugeblock.exchange.projections.exchange_projections`.
    statements
        What it has stated, the tables show when it returns.
    log
        For the entries of transfers and their evidence.
    blobs
        Hold the documents that are shared.
    clock, settings
        Time, and the plant as its owner describes it.
    state
        The exchange's own state, where ``plant.toml`` has an ``[exchange]``.
    """

    database: Database
    statements: Statements
    log: EvidenceLog
    blobs: Files
    clock: Clock
    settings: PlantSettings
    state: ExchangeState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeDesks:
    """One of each; ``credentials`` is ``None`` where there is no exchange that would take them."""

    contracts: ContractDesk
    messages: MessageDesk
    transfers: ProjectedTransfers
    credentials: CredentialDesk | None
    documents: DocumentDesk
    footprints: FootprintDesk


def open_exchange_desks(materials: ExchangeMaterials) -> ExchangeDesks:
    """One of each."""
    customers = materials.settings.customers
    products = [product.id for product in materials.settings.products]
    credentials = None
    if materials.state is not None:
        known = [customer.id for customer in customers]
        credentials = CredentialDesk(materials.state, known, materials.clock, os.urandom, time.sleep)
    return ExchangeDesks(
        contracts=ContractDesk(materials.statements, materials.database, materials.clock, customers),
        messages=MessageDesk(
            materials.statements, materials.database, materials.clock, [customer.id for customer in customers]
        ),
        transfers=ProjectedTransfers(materials.database, materials.log),
        credentials=credentials,
        documents=DocumentDesk(
            materials.statements,
            materials.database,
            materials.blobs,
            Naming(materials.settings.server.log_origin),
            materials.clock,
            products,
        ),
        footprints=FootprintDesk(materials.statements, materials.database, materials.clock, products),
    )
