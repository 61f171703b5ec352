"""The sandbox: everything a customer's program may try, with evidence that verifies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gaugeblock.exchange.pact.from_records import footprints_of
from gaugeblock.exchange.sandbox import ORIGIN, FilesWithSandbox, Sandbox, Sandboxes
from gaugeblock.exchange.sandbox_story import DONE_ORDER, OPEN_ORDER, UNITS
from gaugeblock.exchange.view_model import InspectionFilter
from gaugeblock.exchange.webhooks import event_type_of
from gaugeblock.ledger.verify import verify_evidence
from gaugeblock.stores.clock import SystemClock
from gaugeblock.stores.errors import BlobMissingError
from gaugeblock.web.customer.portal_ports import NewMessage


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(bytes(32), SystemClock())
    yield made
    made.close()


def test_every_noun_is_there(sandbox: Sandbox) -> None:
    view = sandbox.view()
    assert view.contract is not None
    assert [order.order for order in view.orders().items] == [DONE_ORDER, OPEN_ORDER]
    order = view.order(OPEN_ORDER)
    assert order is not None
    assert len(order.promises) == 3
    assert order.delivery is not None
    assert order.delivery.earliest is not None
    assert order.progress is not None
    assert (order.progress.ok, order.progress.nok, order.quantity) == (15, 1, UNITS)
    assert len(view.lots().items) == 2
    assert view.certificates().items[0].json_sha256 is not None
    assert view.shipments(DONE_ORDER).items
    assert view.results(lot="LOT-0412").items
    assert view.threads().items[0].kind == "first_article_submitted"
    assert view.footprints().items
    assert len(footprints_of(view, "Example Works", ORIGIN)) == len(view.footprints().items)
    assert view.genealogy("U-2611-00101")


def test_every_image_is_there_and_every_record_verifies(sandbox: Sandbox) -> None:
    view = sandbox.view()
    for row in view.inspections(InspectionFilter(), None, 500).items:
        assert row.image_sha256 is not None
        assert sandbox.get(row.image_sha256).startswith(b"\xff\xd8")
        grant = view.file(row.image_sha256)
        assert grant is not None
    proven = 0
    for change in view.changes(-1, 500).items:
        record = view.record(change.record_index)
        assert record is not None
        if record.proven_facets:
            evidence = view.evidence(change.record_index)
            assert evidence is not None
            assert verify_evidence(evidence, sandbox.log_key).ok, change.record_type
            proven += 1
    assert proven > 40


def test_every_change_is_an_event(sandbox: Sandbox) -> None:
    changes = sandbox.view().changes(-1, 500).items
    assert all(event_type_of(change.record_type) is not None for change in changes), {c.record_type for c in changes}


def test_a_message_is_seen_at_once(sandbox: Sandbox) -> None:
    view = sandbox.view()
    message = NewMessage(kind="complaint_opened", order=DONE_ORDER, text="scratched", severity="major")
    thread = sandbox.commands.post(view, "gbk_test_x", "request-1", message)
    seen = sandbox.view().thread(thread)
    assert seen is not None
    assert seen.messages[0].text == "scratched"
    assert view.thread(thread) is None  # a view is a snapshot


def test_keys_stay_over_restarts_and_differ_by_installation(sandbox: Sandbox) -> None:
    again, other = (Sandbox(seed, SystemClock()) for seed in (bytes(32), b"\x01" * 32))
    try:
        assert again.log_key == sandbox.log_key
        assert other.log_key != sandbox.log_key
        assert sandbox.log_key.startswith(ORIGIN)
    finally:
        again.close()
        other.close()


def test_files_beside_the_plant_s(sandbox: Sandbox) -> None:
    class Plant:
        def get(self, sha256: str) -> bytes:
            if sha256 != "p":
                raise BlobMissingError(sha256=sha256)
            return b"plant"

    files = FilesWithSandbox(Plant(), sandbox)
    assert files.get("p") == b"plant"
    assert files.get(sandbox.keep(b"mine")) == b"mine"
    with pytest.raises(BlobMissingError):
        files.get("0" * 64)


def test_each_customer_has_their_own() -> None:
    sandboxes = Sandboxes(bytes(32), SystemClock(), kept=2)
    try:
        assert sandboxes.current("acme") is None
        acme, beta = sandboxes.view("acme"), sandboxes.view("beta")
        assert (acme.customer, beta.customer) == ("sandbox:acme", "sandbox:beta")
        message = NewMessage(kind="note", order=OPEN_ORDER, text="ours alone")
        thread = sandboxes.commands.post(acme, "gbk_test_x", "request-1", message)
        assert sandboxes.commands.post(acme, "gbk_test_x", "request-1", message) == thread  # once
        seen = sandboxes.current("acme")
        assert seen is not None
        assert seen.thread(thread) is not None
        assert sandboxes.view("beta").thread(thread) is None
        evidence = sandboxes.view("beta").evidence(sandboxes.view("beta").inspections().items[0].record_index)
        assert evidence is not None
        assert verify_evidence(evidence, sandboxes.log_key).ok
        image = beta.inspections().items[0].image_sha256
        assert image is not None
        assert sandboxes.get(image).startswith(b"\xff\xd8")
        sandboxes.view("gamma")
        assert sandboxes.current("acme") is None  # the longest unused is forgotten
    finally:
        sandboxes.close()
