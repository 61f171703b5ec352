"""From the permitted part of a record to the struct that a customer sees. Pure.

A value that is not there, because it was withheld or never said, is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from gaugeblock.exchange.contract_history import VersionState, needs_approval
from gaugeblock.exchange.customer_stock import Facets, Item
from gaugeblock.exchange.view_model import (
    CertificateView,
    ChangeView,
    CompletionQuantile,
    ContractState,
    ContractView,
    DeliveryForecast,
    DocumentView,
    FileGrant,
    FootprintView,
    GenealogyView,
    InspectionView,
    LotView,
    MessageView,
    NonconformityStep,
    NonconformityView,
    OrderProgress,
    OrderView,
    Promise,
    RecordView,
    ResultView,
    Seen,
    ShipmentView,
    ThreadView,
)

S = TypeVar("S", bound=Seen)
_CENTRAL = (0.05, 0.5, 0.95)


def build(shape: type[S], item: Item, *sources: Mapping[str, Any], **more: Any) -> S:
    """A struct from those of the sources' values that it has fields for; ``more`` goes before them."""
    known = shape.__struct_fields__
    values: dict[str, Any] = {
        "record_index": item.index,
        "stated_at": item.stated_at,
        "proven_facets": item.proven,
    }
    for source in sources:
        values.update({name: value for name, value in source.items() if name in known and name not in values})
    values.update(more)
    return msgspec.convert(values, shape)


def parts(facets: Facets) -> tuple[dict[str, Any], dict[str, Any]]:
    """Subject and statement; empty where they are withheld."""
    return facets.get("subject", {}), facets.get("statement", {})


def order_view(
    item: Item, history: Sequence[Item], progress: OrderProgress | None, delivery: DeliveryForecast | None
) -> OrderView:
    """An order by its newest record; ``history`` are all of them, oldest first."""
    promises = []
    for earlier in history:
        statement = earlier.opened().get("statement", {})
        promises.append(
            Promise(
                record_index=earlier.index,
                stated_at=earlier.stated_at,
                promised=statement.get("promised"),
                due=statement.get("due"),
                state=statement.get("state"),
            )
        )
    # Records that changed neither date nor state are no promise of their own.
    told = [
        promise
        for at, promise in enumerate(promises)
        if at == 0
        or (promise.promised, promise.due, promise.state)
        != (promises[at - 1].promised, promises[at - 1].due, promises[at - 1].state)
    ]
    subject, statement = parts(item.opened())
    return build(OrderView, item, subject, statement, promises=told, progress=progress, delivery=delivery)


def forecast_view(item: Item) -> DeliveryForecast:
    """A forecast; the ends of the central 90 % where it states these quantiles."""
    subject, statement = parts(item.opened())
    completion = tuple(CompletionQuantile(q["probability"], q["at"]) for q in statement.get("completion", ()))
    by_probability = {round(quantile.probability, 3): quantile.at for quantile in completion}
    earliest, median, latest = (by_probability.get(probability) for probability in _CENTRAL)
    return build(
        DeliveryForecast,
        item,
        subject,
        statement,
        completion=completion,
        earliest=earliest,
        median=median,
        latest=latest,
    )


def inspection_view(item: Item, lot: str | None, review: Item | None) -> InspectionView:
    """A verdict, with the person's decision about it where that may be seen."""
    facets = item.opened()
    subject, statement = parts(facets)
    inputs = {"module_sha256": facets.get("inputs", {}).get("module_sha256")}
    said: dict[str, Any] = {}
    if review is not None:
        spoken = review.opened().get("statement", {})
        said = {
            "decision": spoken.get("decision"),
            "defects": spoken.get("defects", ()),
            "review_index": review.index,
        }
    return build(
        InspectionView,
        item,
        subject,
        statement,
        facets.get("measurement", {}),
        facets.get("process", {}),
        inputs,
        lot=lot,
        image_sha256=item.image,
        **said,
    )


def flat(shape: type[S], item: Item, **more: Any) -> S:
    """A struct whose fields are those of subject and statement."""
    return build(shape, item, *parts(item.opened()), **more)


def lot_view(item: Item) -> LotView:
    """A lot."""
    return flat(LotView, item)


def genealogy_view(item: Item) -> GenealogyView:
    """What a unit was made of."""
    return flat(GenealogyView, item)


def result_view(item: Item) -> ResultView:
    """Values measured or entered."""
    return flat(ResultView, item)


def shipment_view(item: Item) -> ShipmentView:
    """A shipment."""
    return flat(ShipmentView, item)


def certificate_view(item: Item) -> CertificateView:
    """A certificate with the records that it was drawn from."""
    return flat(CertificateView, item, record_indices=item.opened().get("inputs", {}).get("record_indices", ()))


def footprint_view(item: Item) -> FootprintView:
    """A footprint."""
    return flat(FootprintView, item)


def document_view(item: Item) -> DocumentView:
    """A shared document."""
    subject, statement = parts(item.opened())
    return build(DocumentView, item, statement.get("document", {}), subject, statement)


def message_view(item: Item) -> MessageView:
    """One message of a thread."""
    facets = item.opened()
    subject, statement = parts(facets)
    inputs = facets.get("inputs", {})
    return build(MessageView, item, statement, subject, inputs, by="plant" if item.by_person else "customer")


def step_view(item: Item) -> NonconformityStep:
    """One step."""
    return flat(NonconformityStep, item)


def nonconformity_view(item: Item, steps: Sequence[Item]) -> NonconformityView:
    """A nonconformity; it is closed while its last closure or reopening is a closure."""
    told = tuple(step_view(step) for step in steps)
    turns = [step.step for step in told if step.step in ("closure", "reopening")]
    return flat(NonconformityView, item, steps=told, closed=bool(turns) and turns[-1] == "closure")


def record_view(item: Item) -> RecordView:
    """Any record."""
    return build(RecordView, item, record_type=item.record_type, facets=item.opened())


def change_view(item: Item) -> ChangeView:
    """One step of the changes feed."""
    subject = item.opened().get("subject", {})
    return ChangeView(
        record_index=item.index,
        stated_at=item.stated_at,
        record_type=item.record_type,
        order=subject.get("order"),
        lot=subject.get("lot"),
        unit=item.unit,
        product=subject.get("product"),
        id=item.noun,
    )


def contract_view(state: VersionState, in_force: VersionState | None) -> ContractView | None:
    """A version as its customer sees it; ``None`` before it is offered, and where it never was."""
    if state.stage == "awaiting_approval" or (state.stage == "revoked" and not _was_offered(state)):
        return None
    stage: ContractState = state.stage
    statement, step = state.statement, state.ended or state.accepted
    return ContractView(
        contract=state.stated.contract,
        version=statement.version,
        state=stage,
        in_force=in_force is not None and in_force.stated.index == state.stated.index,
        record_index=state.stated.index,
        stated_at=state.stated.stated_at,
        purpose=statement.purpose,
        permissions=statement.permissions,
        valid_from=statement.valid_from,
        valid_until=statement.valid_until,
        recipient_country=statement.recipient_country,
        own_orders=statement.own_orders,
        products=statement.products,
        orders=statement.orders,
        lots=statement.lots,
        documents=statement.documents,
        quota_per_day=statement.quota_per_day,
        classification=statement.classification,
        personal_information=statement.personal_information,
        step_index=step.index if step is not None else None,
        step_at=step.stated_at if step is not None else None,
    )


def _was_offered(state: VersionState) -> bool:
    return state.approved is not None or not needs_approval(state.statement)


def thread_view(items: Sequence[Item]) -> ThreadView:
    """A conversation from its messages, oldest first."""
    messages = tuple(message_view(item) for item in items)
    first = messages[0]
    return ThreadView(
        thread=first.thread,
        kind=first.kind,
        opened_at=first.stated_at,
        last_at=messages[-1].stated_at,
        last_index=messages[-1].record_index,
        messages=messages,
        product=first.product,
        order=first.order,
        lot=first.lot,
        unit=first.unit,
    )


def file_grant(sha256: str, items: Sequence[Item]) -> FileGrant | None:
    """What is known of a file from the records that let it be seen; ``None`` where there are none."""
    if not items:
        return None
    indices = tuple(item.index for item in items)
    newest = items[-1]
    statement = newest.opened().get("statement", {})
    if newest.record_type == "inspection.verdict":
        return FileGrant(sha256=sha256, kind="image", record_indices=indices)
    if newest.record_type == "production.certificate":
        pdf = statement.get("pdf_sha256") == sha256
        return FileGrant(
            sha256=sha256,
            kind="certificate",
            record_indices=indices,
            media_type="application/pdf" if pdf else "application/json",
            name=f"{newest.noun}.{'pdf' if pdf else 'json'}",
        )
    documents = newest.opened().get("inputs", {}).get("documents", [statement.get("document", {})])
    known: dict[str, Any] = next((document for document in documents if document.get("sha256") == sha256), {})
    return FileGrant(
        sha256=sha256,
        kind="document",
        record_indices=indices,
        media_type=known.get("media_type"),
        name=known.get("name"),
    )
