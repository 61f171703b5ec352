"""All projections of this room, in the order in which they are brought up to date."""

from __future__ import annotations

from gaugeblock.production.line_projection import LineProjection
from gaugeblock.production.orders_projection import OrdersProjection
from gaugeblock.stores.projections import Projection


def production_projections() -> list[Projection]:
    """One instance of each."""
    return [OrdersProjection(), LineProjection()]
