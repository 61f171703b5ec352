"""All projections of this room, in the order in which they are brought up to date."""

from __future__ import annotations

from gaugeblock.exchange.contract_projection import ContractProjection
from gaugeblock.exchange.items_projection import ItemsProjection
from gaugeblock.exchange.messages_projection import MessagesProjection
from gaugeblock.exchange.transfers_projection import TransfersProjection
from gaugeblock.stores.projections import Projection


def exchange_projections() -> list[Projection]:
    """One instance of each."""
    return [ContractProjection(), ItemsProjection(), MessagesProjection(), TransfersProjection()]
