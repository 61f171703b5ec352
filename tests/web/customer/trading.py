"""A plant that trades with two customers, and the customer's API over it behind a stand-in for the gate.

The stand-in knows keys by name and gives each request its customer's view. The real gate is tested on its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Litestar
from litestar.testing import TestClient

from gaugeblock.exchange.access_errors import SignInNeededError
from gaugeblock.exchange.credentials import Caller
from gaugeblock.exchange.customer_commands import CustomerCommands
from gaugeblock.exchange.customer_transfers import CustomerTransfers
from gaugeblock.exchange.shared_document import document_of
from gaugeblock.exchange.transfers_queries import ProjectedTransfers
from gaugeblock.plant.exchange_facets import (
    DocumentStatement,
    DocumentSubject,
    FootprintStatement,
    FootprintSubject,
    MessageInputs,
    MessageStatement,
    MessageSubject,
    Permission,
)
from gaugeblock.plant.facet import Facet, Verdict
from gaugeblock.plant.production_facets import (
    CertificateInputs,
    CertificateStatement,
    CertificateSubject,
    Characteristic,
    Component,
    ForecastProcess,
    ForecastStatement,
    ForecastSubject,
    GenealogyStatement,
    Quantile,
    ResultStatement,
    ResultSubject,
    ShipmentStatement,
    ShipmentSubject,
    UnitSubject,
)
from gaugeblock.plant.record_types import LATEST, RECORD_TYPES
from gaugeblock.stores.exchange_state import ExchangeState
from gaugeblock.stores.memory import MemoryBlobs
from gaugeblock.web.customer.gate_answers import problem_answer
from gaugeblock.web.customer.rest import rest_app
from gaugeblock.web.customer.rest_ports import RestServices
from tests.exchange.exchange_plant import DRAFTER, ExchangePlant

IMAGE = b"\xff\xd8\xff\xe0" + b"photograph" * 20
SECRET_IMAGE = b"\xff\xd8\xff\xe0" + b"another's" * 20
ALL = (
    "production.order",
    "production.forecast",
    "production.lot",
    "production.genealogy",
    "production.result",
    "production.shipment",
    "production.certificate",
    "inspection.verdict",
    "exchange.footprint",
    "exchange.document",
)


def permission(record_type: str, images: bool = True) -> Permission:
    """The whole record."""
    facets = tuple(RECORD_TYPES[record_type, LATEST[record_type]])
    return Permission(record_type, facets, images=images and record_type == "inspection.verdict")


class _Statements:
    """As the exchange, straight into the plant's log."""

    def __init__(self, plant: ExchangePlant) -> None:
        self._plant = plant

    def find(self, identity: str) -> int | None:
        return self._plant.log.find("exchange:main", identity)

    def state(self, record_type: str, identity: str, facets: Mapping[str, Facet]) -> int:
        return self._plant.state("exchange:main", record_type, identity, facets)


class _Documents:
    def __init__(self, blobs: MemoryBlobs) -> None:
        self._blobs = blobs

    def keep(self, data: bytes) -> str:
        return self._blobs.put(data)


class Gatekeeper:
    """What the gate does for the faces, and nothing else. ``left`` is what each answer was derived from.

    Unless it is ``strict``, also who is nobody comes in: the faces have to refuse by themselves.
    """

    def __init__(self, app: Litestar, trade: Trade) -> None:
        self._app, self._trade = app, trade
        self.strict = False
        self.left: list[list[int]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"authorization", b"").decode("latin-1").removeprefix("Bearer ")
        customer = given.removeprefix("test-")
        state: dict[str, Any] = {"caller": None, "view": None, "request_id": f"r-{len(self.left)}", "derived_from": []}
        if customer in {"acme", "bolt"}:
            scopes = frozenset({"read", "message", "contract"})
            state["caller"] = Caller(customer, f"gbk_{customer}", scopes, given.startswith("test-"))
            state["view"] = self._trade.plant.view(customer)
        scope["state"] = state
        if self.strict and state["view"] is None and scope["path"] != "/api/v1/openapi.json":
            refusal = problem_answer(SignInNeededError(), "en", scope["path"])
            await send({"type": "http.response.start", "status": 401, "headers": refusal.headers})
            await send({"type": "http.response.body", "body": refusal.body})
            return
        if scope["method"] == "HEAD":
            scope["method"] = "GET"
        await self._app(scope, receive, send)
        self.left.append(sorted(set(state["derived_from"])))


class Trade:
    """Two customers with orders, and everything that belongs to the first one's."""

    def __init__(self, public_url: str | None = None) -> None:
        self.plant = plant = ExchangePlant()
        self.blobs = MemoryBlobs()
        image, secret = self.blobs.put(IMAGE), self.blobs.put(SECRET_IMAGE)
        for customer, number in (("acme", "A"), ("bolt", "B")):
            plant.order(f"{number}-1", customer, promised="2026-12-20", customer_reference=f"=PO-{number}")
            plant.lot(f"L-{number}", f"{number}-1", (f"{number}U1", f"{number}U2", f"{number}U3"), heat=f"H-{number}")
        plant.order("A-1", "acme", promised="2026-12-24", customer_reference="=PO-A")
        plant.order("A-2", "acme", product="P2")
        self.verdicts = [
            plant.inspect("A-1", "AU1", Verdict.OK, image=image),
            plant.inspect("A-1", "AU2", Verdict.NOK, image=image),
            plant.inspect("A-1", "AU2", Verdict.OK),
        ]
        self.foreign = plant.inspect("B-1", "BU1", Verdict.NOK, image=secret)
        self.image, self.secret_image = image, secret
        quantiles = tuple(Quantile(p, f"2026-12-{d}T00:00:00Z") for p, d in ((0.05, 18), (0.5, 20), (0.95, 23)))
        plant.say(
            "server:plant",
            "production.forecast",
            subject=ForecastSubject("A-1"),
            statement=ForecastStatement(quantiles, 8),
            process=ForecastProcess("twin", 100, 7, "ab" * 32),
        )
        plant.say(
            DRAFTER,
            "production.genealogy",
            subject=UnitSubject("AU1", "P1", "A-1", "L-A"),
            statement=GenealogyStatement((Component("lot", "L-A"), Component("heat", "H-A"))),
        )
        plant.say(
            DRAFTER,
            "production.result",
            subject=ResultSubject(order="A-1", lot="L-A", heat="H-A"),
            statement=ResultStatement((Characteristic("chemistry", "C", "0.12", "%", upper="0.20"),), True, "@LAB"),
        )
        plant.say(
            DRAFTER,
            "production.shipment",
            subject=ShipmentSubject("S-1", "A-1", "acme"),
            statement=ShipmentStatement("2026-12-01T08:00:00Z", 2, ("L-A",), ("AU1", "AU2")),
        )
        self.certificate_json = b'{"CertificateLanguages":["EN"]}'
        json_sha256, pdf_sha256 = self.blobs.put(self.certificate_json), self.blobs.put(b"%PDF-1.7 certificate")
        plant.say(
            DRAFTER,
            "production.certificate",
            subject=CertificateSubject("C-1", "acme", "P1", "A-1"),
            statement=CertificateStatement("3.1", json_sha256, pdf_sha256),
            inputs=CertificateInputs((self.verdicts[0],)),
        )
        manual = b"%PDF-1.7 manual"
        self.manual = self.blobs.put(manual)
        plant.say(
            DRAFTER,
            "exchange.document",
            subject=DocumentSubject(order="A-1"),
            statement=DocumentStatement(document_of(manual, "manual.pdf", "other"), "说明书", "Manual"),
        )
        plant.say(
            DRAFTER,
            "exchange.footprint",
            subject=FootprintSubject("P1", "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z", "A-1"),
            statement=FootprintStatement("1.25"),
        )
        plant.contract(*(permission(name) for name in ALL))
        plant.contract(*(permission(name) for name in ALL), customer="bolt", contract="C-2")
        plant.draft(*(permission(name) for name in ALL), version=2)
        plant.say(
            DRAFTER,
            "exchange.message",
            subject=MessageSubject("T-first", "acme", order="A-1"),
            statement=MessageStatement("first_article_submitted", "5 parts"),
            inputs=MessageInputs(),
        )
        plant.database.upgrade("exchange")
        self.state = ExchangeState(plant.database, plant.clock)
        self.services = RestServices(
            plant_name="示例工厂",
            log_origin=plant.log.origin,
            log_key=plant.log.log_key,
            cursor_key=b"k" * 32,
            blobs=self.blobs,
            idempotency=self.state,
            commands=CustomerCommands(_Statements(plant), _Documents(self.blobs), plant.clock),
            clock=plant.clock,
            transfers=CustomerTransfers(ProjectedTransfers(plant.database, plant.log), plant.log),
            public_url=public_url,
        )
        self.app = rest_app(self.services, "0.1.0")
        self.gate = Gatekeeper(self.app, self)

    def close(self) -> None:
        """Give everything back."""
        self.plant.close()

    def client(self, key: str = "acme") -> TestClient[Any]:
        """A customer's client."""
        client: TestClient[Any] = TestClient(self.gate, base_url="http://exchange.local")  # type: ignore[arg-type]
        client.headers["Authorization"] = f"Bearer {key}"
        return client
