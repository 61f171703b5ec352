"""Documents that the plant shares, over a real log, database and blobs: what is refused, who sees them, taking back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gaugeblock.exchange.aas.errors import AasDocumentError
from gaugeblock.exchange.collaboration_errors import DocumentNameError, DocumentSizeError, DocumentTypeError
from gaugeblock.exchange.shared_errors import (
    SharedAlreadyError,
    SharedMissingError,
    SharedSubjectError,
    SharedTitleError,
)
from gaugeblock.exchange.shared_files_desk import BYTES_MAX, DocumentDesk
from gaugeblock.exchange.shells.errors import AasIdentifierTakenError
from gaugeblock.exchange.shells.naming import Naming
from gaugeblock.plant.exchange_facets import DocumentSubject, Permission
from gaugeblock.stores.blobs import BlobStore
from tests.exchange.exchange_plant import DRAFTER, ORDERS, ExchangePlant

DOCUMENTS = Permission("exchange.document", ("subject", "statement"))
PDF = b"%PDF-1.7 drawing"
P1, P2 = DocumentSubject(product="P1"), DocumentSubject(product="P2")


@pytest.fixture
def plant() -> Iterator[ExchangePlant]:
    made = ExchangePlant()
    yield made
    made.close()


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


@pytest.fixture
def desk(plant: ExchangePlant, blobs: BlobStore) -> DocumentDesk:
    return DocumentDesk(plant, plant.database, blobs, Naming(plant.log.origin), plant.clock, ("P1", "P2"))


def _share(desk: DocumentDesk, data: bytes = PDF, subject: DocumentSubject = P1, **more: object) -> int:
    given = {"token": "t1", "name": "plan 7.pdf", "kind": "drawing", **more}
    return desk.share(
        DRAFTER, given.pop("token"), data, given.pop("name"), given.pop("kind"), subject, **given  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_document_is_its_bytes_and_a_record_and_its_customer_reads_it(
    plant: ExchangePlant, desk: DocumentDesk, blobs: BlobStore
) -> None:
    plant.contract(DOCUMENTS, products=("P1",))
    plant.contract(DOCUMENTS, customer="beta", contract="C-2", products=("P2",))
    index = _share(desk, title_zh="图纸", title_en="Drawing")
    (one,) = desk.listed()
    digest = hashlib.sha256(PDF).hexdigest()
    assert (one.document.sha256, one.document.media_type, one.newest.index) == (digest, "application/pdf", index)
    assert blobs.get(digest) == desk.content(digest) == PDF
    assert [(seen.customer, seen.contract, seen.version) for seen in one.audience] == [("acme", "C-1", 1)]
    (shown,) = plant.view().documents().items
    assert (shown.sha256, shown.title_en, shown.record_index) == (digest, "Drawing", index)
    assert plant.view("beta").documents().items == ()


def test_taken_back_it_is_gone_for_everybody_and_can_be_shared_again(plant: ExchangePlant, desk: DocumentDesk) -> None:
    plant.contract(DOCUMENTS, products=("P1", "P2"))
    _share(desk)
    _share(desk, subject=P2, token="t2")
    (one,) = desk.listed()
    assert [share.subject for share in one.shares] == [P1, P2]
    desk.withdraw(DRAFTER, "t3", one.document.sha256)
    assert desk.listed() == []
    assert plant.view().documents().items == plant.fresh_view().documents().items == ()
    assert plant.view().file(one.document.sha256) is None
    for gone in (lambda: desk.withdraw(DRAFTER, "t4", one.document.sha256), lambda: desk.content(one.document.sha256)):
        with pytest.raises(SharedMissingError):
            gone()
    again = _share(desk, token="t5")
    assert [shown.record_index for shown in plant.view().documents().items] == [again]


def test_the_same_again_states_nothing_twice_and_another_for_the_same_is_refused(desk: DocumentDesk) -> None:
    first = _share(desk)
    assert _share(desk, token="other") == first
    with pytest.raises(SharedAlreadyError):
        _share(desk, token="other", title_en="Another title")


def test_only_a_contract_shows_it_and_one_that_names_its_digest_does(plant: ExchangePlant, desk: DocumentDesk) -> None:
    plant.order("A-1", "acme")
    _share(desk, subject=DocumentSubject(machine="M1"))
    _share(desk, b"of an order", DocumentSubject(order="A-1"), name="order.txt", token="t2")
    assert [one.audience for one in desk.listed()] == [(), ()]
    digest = hashlib.sha256(PDF).hexdigest()
    plant.contract(ORDERS, customer="beta", contract="C-2", documents=(digest,))
    plant.contract(DOCUMENTS)
    of_order, of_machine = desk.listed()
    assert [seen.customer for seen in of_order.audience] == ["acme"]
    assert [seen.customer for seen in of_machine.audience] == ["beta"]
    assert [shown.sha256 for shown in plant.view("beta").documents().items] == [digest]
    plant.step("revoked", DRAFTER, contract="C-2", customer="beta")
    assert desk.listed()[1].audience == ()


@pytest.mark.parametrize(
    ("fault", "changes"),
    [
        (DocumentTypeError, {"data": b"MZ\x90"}),
        (DocumentSizeError, {"data": b""}),
        (DocumentSizeError, {"data": bytes(BYTES_MAX + 1)}),
        (DocumentNameError, {"name": "../plan.pdf"}),
        (SharedTitleError, {"title_zh": "字" * 201}),
        (SharedTitleError, {"title_en": "a\nb"}),
        (SharedSubjectError, {"subject": DocumentSubject(product="P9")}),
        (SharedSubjectError, {"subject": DocumentSubject(order="none")}),
        (SharedSubjectError, {"subject": DocumentSubject(machine="")}),
        (AasDocumentError, {"kind": "aas"}),
        (AasDocumentError, {"kind": "aas", "data": b'{"submodels": 7}'}),
    ],
)
def test_what_cannot_be_meant_is_refused_and_leaves_nothing(
    plant: ExchangePlant,
    desk: DocumentDesk,
    blobs: BlobStore,
    fault: type[Exception],
    changes: dict[str, object],
) -> None:
    size = plant.log.size
    with pytest.raises(fault):
        _share(desk, **changes)  # type: ignore[arg-type]
    assert (plant.log.size, list(blobs.digests())) == (size, [])


def test_a_shell_of_others_is_taken_and_one_that_poses_as_ours_is_not(desk: DocumentDesk) -> None:
    names = Naming("plant.example/log")

    def environment(identifier: str) -> bytes:
        return json.dumps({"submodels": [{"modelType": "Submodel", "id": identifier}]}).encode()

    _share(desk, environment("urn:supplier:1"), kind="aas", name="pump.json")
    assert desk.listed()[0].document.kind == "aas"
    with pytest.raises(AasIdentifierTakenError):
        _share(desk, environment(names.submodel("unit", "U1", "Nameplate")), kind="aas", name="b.json")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.booleans(), st.integers(0, 2), st.sampled_from([P1, P2])), max_size=8))
def test_the_desk_lists_what_a_customer_of_all_products_sees(
    blobs: BlobStore, steps: list[tuple[bool, int, DocumentSubject]]
) -> None:
    plant = ExchangePlant()
    desk = DocumentDesk(plant, plant.database, blobs, Naming(plant.log.origin), plant.clock)
    plant.contract(DOCUMENTS, products=("P1", "P2"))
    for at, (share, number, subject) in enumerate(steps):
        data = b"document %d" % number
        try:
            if share:
                _share(desk, data, subject, name=f"{number}.txt", token=f"t{at}")
            else:
                desk.withdraw(DRAFTER, f"t{at}", hashlib.sha256(data).hexdigest())
        except SharedMissingError:
            assert not share
    listed = {one.document.sha256: one.newest.index for one in desk.listed()}
    assert {shown.sha256: shown.record_index for shown in plant.view().documents().items} == listed
    plant.close()
