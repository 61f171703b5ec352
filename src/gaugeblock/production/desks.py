"""The desks of this room, wired in one place for the composition and for tests."""

from __future__ import annotations

from dataclasses import dataclass

from gaugeblock.plant.settings import PlantSettings
from gaugeblock.production.genealogy import ProjectedGenealogy
from gaugeblock.production.orders import OrderDesk
from gaugeblock.production.ports import Documents, Statements
from gaugeblock.production.queries import ProjectedOrders
from gaugeblock.stores.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductionDesks:
    """All desks of the room, and the plant as its owner describes it."""

    orders: OrderDesk
    settings: PlantSettings


def open_production_desks(
    database: Database, statements: Statements, documents: Documents, settings: PlantSettings
) -> ProductionDesks:
    """One of each.

    Parameters
    ----------
    database
        Holds the tables of :func:`~gaugeblock.production.projections.production_projections`.
    statements
        What it has stated, the tables show when it returns.
    documents
        The plant's blobs.
    """
    return ProductionDesks(
        orders=OrderDesk(
            statements,
            ProjectedOrders(database),
            ProjectedGenealogy(database),
            documents,
            [customer.id for customer in settings.customers],
            [product.id for product in settings.products],
        ),
        settings=settings,
    )
