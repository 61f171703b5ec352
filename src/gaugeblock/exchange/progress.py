"""How far an order is, counted from the records that may be seen. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from gaugeblock.exchange.contract import Terms
from gaugeblock.exchange.customer_stock import Item
from gaugeblock.exchange.view_model import OrderProgress


def order_progress(items: Sequence[Item], terms: Terms) -> OrderProgress | None:
    """Counts over an order's records, in the order of the log; ``None`` where neither verdicts nor shipments are
    permitted.

    A unit counts by its latest verdict, verdicts without a serial singly; a shipment by its latest record.
    """
    verdicts = terms.permission("inspection.verdict")
    shipments = terms.permission("production.shipment")
    if verdicts is None and shipments is None:
        return None
    latest: dict[object, str] = {}
    shipped: dict[str, int] = {}
    last_index: int | None = None
    for item in items:
        if item.record_type == "inspection.verdict" and item.verdict is not None:
            latest[item.unit if item.unit is not None else item.index] = item.verdict
            last_index = item.index
        elif item.record_type == "production.shipment" and item.noun is not None:
            shipped[item.noun] = item.opened().get("statement", {}).get("quantity", 0)
    counts = Counter(latest.values())
    told = verdicts is not None and "statement" in verdicts.facets
    return OrderProgress(
        inspected=len(latest) if told else None,
        ok=counts["OK"] if told else None,
        nok=counts["NOK"] if told else None,
        undecided=counts["UNDECIDED"] if told else None,
        shipped=sum(shipped.values()) if shipments is not None else None,
        last_index=last_index,
    )
