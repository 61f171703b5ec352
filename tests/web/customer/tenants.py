"""Two customers with everything that one can have, a third without a contract, a sandbox key; behind the real gate.

Every text, number, picture and document of a customer carries a **marker**, a word that occurs nowhere else. Whatever
is answered to another customer is searched for it: as it stands, base64, hex, UTF-16, and inside compressed containers.
The faces, the gate, the recorder's records and the state are those of the process; only sockets are left out.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import io
import os
import random
import socket
import threading
import time
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import httpx
import msgspec
from argon2 import PasswordHasher

from gaugeblock.apps.exchange_faces import Parts, aas_views, portal_services, rest_services, sandbox_seed
from gaugeblock.exchange.access import Access
from gaugeblock.exchange.credentials import DEFAULT_SCOPES, SCOPES, Caller, CredentialDesk, new_api_key
from gaugeblock.exchange.limits import Buckets, Quotas
from gaugeblock.exchange.recorder import Recorded
from gaugeblock.exchange.sandbox import Sandboxes
from gaugeblock.exchange.shared_document import document_of
from gaugeblock.exchange.tokens import AccessTokens
from gaugeblock.exchange.transfers import BatchKey
from gaugeblock.exchange.transfers_queries import ProjectedTransfers
from gaugeblock.exchange.view import CustomerView
from gaugeblock.exchange.webhook_dispatch import Turn
from gaugeblock.ledger.keys import SigningKey
from gaugeblock.plant.exchange_facets import (
    DocumentStatement,
    DocumentSubject,
    FootprintStatement,
    FootprintSubject,
    MessageInputs,
    MessageStatement,
    MessageSubject,
    Permission,
    TransferEntry,
    TransferStatement,
    TransferSubject,
)
from gaugeblock.plant.facet import Facet, Verdict
from gaugeblock.plant.nonconformity_facets import (
    NonconformityInputs,
    NonconformityStatement,
    NonconformitySubject,
    StepStatement,
)
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
    LotOfUnitsStatement,
    LotOfUnitsSubject,
    Quantile,
    ResultStatement,
    ResultSubject,
    ShipmentStatement,
    ShipmentSubject,
    UnitSubject,
)
from gaugeblock.plant.settings import parse_settings
from gaugeblock.plant.times import to_rfc3339
from gaugeblock.stores.exchange_state import CredentialRow, ExchangeState, RequestRow
from gaugeblock.stores.exchange_users import CustomerUsers
from gaugeblock.stores.memory import MemoryBlobs
from gaugeblock.web.customer.app import ExchangeServices, Schema, create_exchange_app
from gaugeblock.web.customer.gate import App, Gate
from gaugeblock.web.customer.log_window import LogWindow
from gaugeblock.web.customer.oauth import OAuthServices
from tests.exchange.exchange_plant import DRAFTER, ExchangePlant
from tests.web.customer.trading import ALL, _Documents, _Statements, permission

URL = "http://exchange.example"
PASSWORD = "correct horse battery"
CUSTOMERS = ("acme", "bolt", "cora")
TYPES = (*ALL, "nonconformity.opened", "nonconformity.step")
SETTINGS = """[enterprise]
name = "示例工厂"
name_en = "Example Works"
[server]
log_origin = "plant.example/log"
[exchange]
public_url = "http://exchange.example"
webhook_private_networks = ["127.0.0.0/8"]
[[customers]]
id = "acme"
name = "ACME"
country = "DE"
[[customers]]
id = "bolt"
name = "Bolt"
country = "FR"
[[customers]]
id = "cora"
name = "Cora"
country = "US"
"""


class Tenant:
    """A customer's markers by what they mark, and the ids that others will try."""

    def __init__(self, customer: str, seed: int) -> None:
        self.customer = customer
        self._random = random.Random(seed)
        self.markers: dict[str, str] = {}
        self.ids: dict[str, Any] = {}
        self.key = self.only_read = self.only_message = self.session = ""

    def mark(self, what: str) -> str:
        """The marker of a field: made up when it is first asked for."""
        if what not in self.markers:
            self.markers[what] = "zq" + "".join(self._random.choices("abcdefghjkmnpqrstuvwxy23456789", k=12))
        return self.markers[what]

    def number(self, what: str) -> str:
        """A marker that is a number."""
        if what not in self.markers:
            self.markers[what] = str(self._random.randrange(10**9, 10**10))
        return self.markers[what]


class _Window(LogWindow):
    """The log as the process shows it."""

    def __init__(self, plant: ExchangePlant) -> None:
        self._plant = plant

    def checkpoint(self) -> bytes:
        return self._plant.log.checkpoint()

    def tile(self, path: str) -> bytes:
        return self._plant.log.tile(path)

    async def carry(self, note: bytes) -> tuple[int, bytes, str]:
        return 422, b"{}", "application/problem+json"


class Tenants:
    """The exchange of a plant that serves them."""

    def __init__(self, folder: Path, buckets: Buckets | None = None) -> None:
        self.plant = plant = ExchangePlant()
        self.blobs = MemoryBlobs()
        plant.database.upgrade("exchange")
        self.state = ExchangeState(plant.database, plant.clock)
        # One iteration and little memory: these tests are not about guessing.
        self.users = CustomerUsers(self.state, plant.clock, PasswordHasher(1, 8, 1))
        self.desk = CredentialDesk(self.state, CUSTOMERS, plant.clock, os.urandom, lambda _: None)
        self.signing = SigningKey.from_seed(bytes([9]) * 32)
        self.access = Access(self.state, AccessTokens(self.signing, URL, os.urandom), plant.clock, time.monotonic)
        self.access.is_fresh = lambda: True  # type: ignore[method-assign]  # a thread of the process sees to it
        self.sandboxes = Sandboxes(sandbox_seed(SigningKey.from_seed(bytes([8]) * 32)), plant.clock)
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        # Nobody listens there: what is sent to it is refused, and stands in the history.
        self.closed = socket.socket()
        self.closed.bind(("127.0.0.1", 0))
        self.settings = parse_settings(SETTINGS)
        assert self.settings.exchange is not None
        self.recording = True
        self.requests_seen: list[tuple[str, RequestRow]] = []
        self._sequence, self._lock = 0, threading.RLock()
        transfers = ProjectedTransfers(plant.database, plant.log)
        parts: Any = Parts(
            settings=self.settings,
            exchange=self.settings.exchange,
            clock=plant.clock,
            state=self.state,
            reader=plant.log,  # type: ignore[arg-type]
            blobs=self.blobs,  # type: ignore[arg-type]
            statements=_Statements(plant),  # type: ignore[arg-type]
            documents=_Documents(self.blobs),  # type: ignore[arg-type]
            transfers=transfers,
            users=self.users,
            views=self,  # type: ignore[arg-type]
            recorder=self,  # type: ignore[arg-type]
            loop=self.loop,
            key=SigningKey.from_seed(bytes([8]) * 32),
            sandboxes=self.sandboxes,
            webhook_key=SigningKey.from_seed(bytes([7]) * 32),
        )
        self.quotas = Quotas()
        self.quotas.begin(to_rfc3339(plant.clock.now())[:10], {})
        self.faces: Any = None
        schema = Schema()
        self.portal = portal_services(parts, schema)
        self.aas_views = aas_views(self.settings, plant.log.origin, self.blobs, self.sandboxes)  # type: ignore[arg-type]

        def gate(app: App) -> Gate:
            self.faces = app
            return Gate(
                app,
                access=self.access,
                sessions=self,
                views=self,
                recorder=self,
                buckets=buckets or Buckets(100_000.0, 100_000),
                quotas=self.quotas,
                requests=self,
                at=lambda: to_rfc3339(plant.clock.now()),
                epoch=1,
                now_s=lambda: plant.clock.now().timestamp(),
            )

        self.rest = rest_services(parts)
        self.gate = create_exchange_app(
            ExchangeServices(
                gate=gate,
                aas_view_of=self.aas_views,
                oauth=OAuthServices(self.access, self.state, plant.clock, URL),
                rest=self.rest,
                portal=self.portal,
                log_key=plant.log.log_key,
                log_window=_Window(plant),
                version="0.1.0",
                schema=schema,
            )
        )
        self.tenants = {name: Tenant(name, seed) for seed, name in enumerate(CUSTOMERS, 41)}
        for name, tenant in self.tenants.items():
            tenant.key = self.issue(name, SCOPES)
            tenant.only_read = self.issue(name, ("read",))
            tenant.only_message = self.issue(name, ("read", "message"))
            self.users.create(name, f"{tenant.mark('user')}", PASSWORD)
            tenant.session = self.users.sign_in(name, tenant.mark("user"), PASSWORD)
        self.test_key = self.issue("acme", DEFAULT_SCOPES, test=True)
        for name in ("acme", "bolt"):
            self._trade(self.tenants[name])
        self.runner = asyncio.Runner()
        transport = httpx.ASGITransport(self.gate)
        self.client = httpx.AsyncClient(transport=transport, base_url=URL)
        for name in ("acme", "bolt"):
            self._use(self.tenants[name])
        for name in ("acme", "bolt"):
            t = self.tenants[name]
            for kind in ("shells", "submodels"):
                listed = self.ask(t.key, "GET", f"/aas/{kind}?limit=100")
                t.ids[kind] = [one["id"] for one in listed.json()["result"]]
        # What comes now in thousands is not stated: others test that it would be.
        self.recording = False

    def close(self) -> None:
        """Give everything back."""
        self.runner.run(self.client.aclose())
        self.runner.close()
        self.closed.close()
        self.sandboxes.close()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.plant.close()

    def issue(self, customer: str, scopes: Iterable[str], *, test: bool = False, expires_at: str | None = None) -> str:
        """A key."""
        text, key = new_api_key(os.urandom, test=test)
        row = CredentialRow(
            id=key.id,
            customer=customer,
            kind="api_key",
            name="",
            scopes=tuple(scopes),
            created_at=to_rfc3339(self.plant.clock.now()),
            expires_at=expires_at,
            test=test,
            secret_sha256=key.secret_sha256,
        )
        self.state.add_credential(row)
        self.access.renew()
        return text

    # ── what the gate and the webhooks ask for ──

    def current(self, caller: Caller) -> CustomerView | None:
        if caller.test:
            return self.sandboxes.current(caller.customer)
        return self.of_customer(caller.customer)

    async def load(self, caller: Caller) -> CustomerView:
        return await asyncio.to_thread(self.sandboxes.view, caller.customer)

    def of_customer(self, customer: str) -> CustomerView:
        with self._lock:
            return self.plant.view(customer)

    def wait_beyond(self, index: int, timeout_s: float = 0.0) -> None:
        del index, timeout_s

    def caller_of(self, token: str) -> Caller | None:
        found = self.users.signed_in(token)
        if found is None:
            return None
        return Caller(found.customer, f"user:{found.name}", frozenset(SCOPES), session=found.session)

    async def record(self, key: BatchKey, entry: TransferEntry) -> Recorded:
        with self._lock:
            self._sequence += 1
            identity = f"1/{self._sequence}"
            if not self.recording:
                return Recorded(identity, time.monotonic())
            facets: dict[str, Facet] = {
                "subject": TransferSubject(key.customer, key.contract, key.version),
                "statement": TransferStatement((entry,)),
            }
            self.plant.state("exchange:main", "exchange.transfer", identity, facets)
            # A busy machine is no reason to serve nothing here.
            return Recorded(identity, time.monotonic())

    def add(self, customer: str, row: RequestRow) -> None:
        self.requests_seen.append((customer, row))
        self.state.keep_requests({customer: [row]})

    # ── what they have ──

    def _trade(self, t: Tenant) -> None:
        plant, m, ids = self.plant, t.mark, t.ids
        order, lot, heat = m("order"), m("lot"), m("heat")
        units = [m("unit 1"), m("unit 2")]
        photo = b"\xff\xd8\xff\xe0\x00\x10JFIF" + m("image bytes").encode() * 3
        ids |= {"order": order, "lot": lot, "unit": units[0], "heat": heat, "image": self.blobs.put(photo)}
        plant.order(
            order,
            t.customer,
            product=m("product"),
            promised="2026-12-20",
            customer_reference=m("customer reference"),
            note=m("order note"),
            line=m("line"),
        )
        plant.order(m("second order"), t.customer, product=m("product"))
        plant.say(
            DRAFTER,
            "production.lot",
            subject=LotOfUnitsSubject(lot),
            statement=LotOfUnitsStatement(product=m("product"), order=order, heat=heat, units=tuple(units)),
        )
        ids["inspection"] = plant.inspect(order, units[0], Verdict.NOK, image=ids["image"], product=m("product"))
        ids["second inspection"] = plant.inspect(order, units[1], Verdict.OK, product=m("product"))
        quantiles = tuple(Quantile(p, f"2026-12-{d}T00:00:00Z") for p, d in ((0.05, 18), (0.5, 20), (0.95, 23)))
        plant.say(
            "server:plant",
            "production.forecast",
            subject=ForecastSubject(order),
            statement=ForecastStatement(quantiles, 8),
            process=ForecastProcess(m("forecast software"), 100, 7, hashlib.sha256(order.encode()).hexdigest()),
        )
        plant.say(
            DRAFTER,
            "production.genealogy",
            subject=UnitSubject(units[0], m("product"), order, lot),
            statement=GenealogyStatement(
                (Component("lot", m("component"), supplier=m("supplier")), Component("heat", heat)),
                m("assembly station"),
            ),
        )
        value = Characteristic(
            "chemistry", m("characteristic"), "0.12", "%", upper="0.20", method=m("method"), equipment=m("equipment")
        )
        diameter = Characteristic(
            "dimension", m("dimension"), t.number("measured") + ".5", "mm", location=m("location")
        )
        for unit in (None, units[0]):
            plant.say(
                DRAFTER,
                "production.result",
                subject=ResultSubject(order=order, lot=lot, heat=heat, unit=unit),
                statement=ResultStatement((value, diameter), True, m("laboratory")),
            )
        ids["shipment"] = m("shipment")
        plant.say(
            DRAFTER,
            "production.shipment",
            subject=ShipmentSubject(m("shipment"), order, t.customer),
            statement=ShipmentStatement("2026-12-01T08:00:00Z", 2, (lot,), tuple(units), m("carrier")),
        )
        json_sha256 = self.blobs.put(
            msgspec.json.encode({"CertificateLanguages": ["EN"], "note": m("certificate json")})
        )
        pdf = b"%PDF-1.7\nstream\n" + zlib.compress(m("certificate pdf").encode() * 4) + b"\nendstream"
        pdf_sha256 = self.blobs.put(pdf)
        ids |= {"certificate": m("certificate"), "certificate pdf": pdf_sha256}
        ids["certificate record"] = plant.say(
            DRAFTER,
            "production.certificate",
            subject=CertificateSubject(m("certificate"), t.customer, m("product"), order),
            statement=CertificateStatement("3.1", json_sha256, pdf_sha256),
            inputs=CertificateInputs((ids["inspection"],)),
        )
        manual = b"%PDF-1.7 " + m("document bytes").encode()
        ids["document"] = self.blobs.put(manual)
        document = document_of(manual, f"{m('document name')}.pdf", "other")
        plant.say(
            DRAFTER,
            "exchange.document",
            subject=DocumentSubject(order=order),
            statement=DocumentStatement(document, m("title zh"), m("title en")),
        )
        package = aas_package(t)
        ids["aas document"] = self.blobs.put(package)
        plant.say(
            DRAFTER,
            "exchange.document",
            subject=DocumentSubject(order=order),
            statement=DocumentStatement(document_of(package, f"{m('aas name')}.aasx", "aas")),
        )
        ids |= {"shell": f"urn:example:{m('shell')}", "submodel": f"urn:example:{m('submodel')}"}
        ids["concept"] = f"urn:example:{m('concept')}"
        stated = FootprintStatement(
            "1." + t.number("footprint"),
            mass_kg_per_unit="0.8",
            methods=("ISO 14067",),
            fossil_carbon_content_kg_per_unit="0.02",
            exempted_emissions_percent="0.5",
            biogenic_uptake_kg_co2e_per_unit="0",
            characterization=("AR6",),
        )
        ids["footprint"] = plant.say(
            DRAFTER,
            "exchange.footprint",
            subject=FootprintSubject(m("product"), "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z", order),
            statement=stated,
        )
        plant.say(
            DRAFTER,
            "exchange.footprint",
            subject=FootprintSubject(m("second product"), "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z", order),
            statement=msgspec.structs.replace(stated, kg_co2e_per_unit="2." + t.number("second footprint")),
        )
        ids["nonconformity"] = m("nonconformity")
        subject = NonconformitySubject(m("nonconformity"), m("product"), "ST10", order)
        plant.say(
            DRAFTER,
            "nonconformity.opened",
            subject=subject,
            statement=NonconformityStatement("major", None, m("nonconformity text")),
            inputs=NonconformityInputs(ids["inspection"]),
        )
        plant.say(
            DRAFTER,
            "nonconformity.step",
            subject=subject,
            statement=StepStatement("cause", m("cause"), authority=m("authority"), responsible=m("responsible")),
        )
        ids["contract"] = m("contract")
        plant.contract(
            *(permission(name) for name in TYPES),
            customer=t.customer,
            contract=m("contract"),
            purpose=m("purpose"),
            personal_information=False,
        )
        plant.draft(*(permission(name) for name in TYPES), customer=t.customer, contract=m("contract"), version=2)
        ids["thread"] = m("thread")
        plant.say(
            DRAFTER,
            "exchange.message",
            subject=MessageSubject(m("thread"), t.customer, order=order),
            statement=MessageStatement("first_article_submitted", m("message text")),
            inputs=MessageInputs((document_of(manual, f"{m('attachment')}.pdf", "drawing"),)),
        )

    def recontract(self, t: Tenant, *permissions: Permission, **terms: Any) -> None:
        """Another version of a customer's contract, accepted."""
        contract = {"customer": t.customer, "contract": t.ids["contract"]}
        self.plant.draft(*permissions, **contract, version=3, **terms)
        self.plant.step("accepted", **contract, version=3)

    def _use(self, t: Tenant) -> None:
        """What a customer leaves behind by using the exchange: messages, webhooks, requests, captures."""
        m, ids = t.mark, t.ids
        body = {
            "kind": "complaint_opened",
            "order": ids["order"],
            "text": m("complaint"),
            "units": [ids["unit"]],
            "documents": [
                {
                    "name": f"{m('photo name')}.txt",
                    "kind": "report",
                    "content_base64": base64.b64encode(m("photo").encode()).decode(),
                }
            ],
        }
        ids["idempotency"] = m("idempotency key")
        said = self.ask(t.key, "POST", "/api/v1/threads", json=body, headers={"Idempotency-Key": m("idempotency key")})
        assert said.status_code == 201, said.text
        ids["photo"] = hashlib.sha256(m("photo").encode()).hexdigest()
        ids["complaint"] = said.json()["thread"]
        ids["complaint body"] = body
        made = self.ask(
            t.key,
            "POST",
            "/api/v1/webhooks",
            json={
                "url": f"http://127.0.0.1:{self.closed.getsockname()[1]}/{m('webhook url')}",
                "description": m("webhook text"),
            },
        )
        assert made.status_code == 201, made.text
        ids["webhook"], t.markers["webhook secret"] = (
            made.json()["id"],
            made.json()["secret"].removeprefix("whsec_")[:40],
        )
        fired = self.ask(t.key, "POST", f"/api/v1/webhooks/{ids['webhook']}/test")
        assert fired.status_code < 300, fired.text
        ids["message"] = fired.json()["message"]
        self.plant.order(m("later order"), t.customer, product=m("product"))
        self.turn(t)
        asked = self.ask(t.key, "GET", f"/api/v1/orders/{m('asked order')}", headers={"X-Request-Id": m("request id")})
        assert asked.status_code == 404
        event = {
            "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
            "type": "ObjectEvent",
            "eventID": f"urn:uuid:{uuid_of(t)}",
            "eventTime": "2026-11-25T07:00:00.000Z",
            "eventTimeZoneOffset": "+00:00",
            "epcList": [f"urn:example:{m('captured epc')}"],
            "action": "OBSERVE",
        }
        ids["event"] = event["eventID"]
        t.markers["event id"] = uuid_of(t)
        captured = self.ask(t.key, "POST", "/epcis/events", json=event)
        assert captured.status_code == 201, captured.text
        ids["capture"] = self.ask(t.key, "GET", "/epcis/capture").json()[0]["captureID"]
        page = self.ask(t.key, "GET", "/api/v1/orders?limit=1")
        assert page.status_code == 200, page.text
        ids["cursor"], ids["etag"] = page.json()["next"].partition("cursor=")[2], page.headers["etag"]
        for what in (
            "image",
            "certificate pdf",
            "document",
            "aas document",
            "photo",
            "complaint",
            "webhook",
            "message",
            "capture",
        ):
            t.markers[f"id of {what}"] = str(ids[what])
        ids["transfer"] = self.ask(t.key, "GET", "/api/v1/transfers").json()["transfers"][0]["record_index"]

    def turn(self, t: Tenant) -> list[Turn]:
        """One turn of each of a customer's webhook endpoints, in a thread of its own as in the process."""
        endpoints = self.portal.webhooks.endpoints(t.customer)
        with ThreadPoolExecutor(1) as worker:
            return list(worker.map(self.portal.dispatcher.turn, endpoints))

    # ── asking ──

    def ask(self, key: str | None, method: str, path: str, **more: Any) -> Any:
        """One request with a key, or with nothing."""
        headers = dict(more.pop("headers", {}))
        if key is not None:
            headers.setdefault("Authorization", f"Bearer {key}")
        self.client.cookies.clear()
        return self.runner.run(self.client.request(method, path, headers=headers, **more))

    def browse(self, session: str, method: str, path: str, **more: Any) -> Any:
        """One request of a browser that is signed in."""
        headers = {"Accept": "text/html", "Accept-Language": "en", "Cookie": f"gaugeblock_customer={session}"}
        headers |= dict(more.pop("headers", {}))
        self.client.cookies.clear()
        return self.runner.run(self.client.request(method, path, headers=headers, **more))


def uuid_of(t: Tenant) -> str:
    """A UUID that is the customer's own."""
    text = hashlib.sha256(t.mark("order").encode()).hexdigest()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-8{text[17:20]}-{text[20:32]}"


def aas_package(t: Tenant) -> bytes:
    """An AASX with a shell, a submodel, a concept and a file, all marked."""
    submodel, shell = f"urn:example:{t.mark('submodel')}", f"urn:example:{t.mark('shell')}"
    environment = {
        "assetAdministrationShells": [
            {
                "modelType": "AssetAdministrationShell",
                "id": shell,
                "idShort": t.mark("shell name"),
                "assetInformation": {"assetKind": "Instance", "globalAssetId": f"urn:example:{t.mark('asset')}"},
                "submodels": [{"type": "ModelReference", "keys": [{"type": "Submodel", "value": submodel}]}],
            }
        ],
        "submodels": [
            {
                "modelType": "Submodel",
                "id": submodel,
                "idShort": t.mark("submodel name"),
                "submodelElements": [
                    {
                        "modelType": "Property",
                        "idShort": t.mark("property name"),
                        "valueType": "xs:string",
                        "value": t.mark("property value"),
                    },
                    {
                        "modelType": "File",
                        "idShort": "Drawing",
                        "contentType": "text/plain",
                        "value": "/aasx/files/drawing.txt",
                    },
                ],
            }
        ],
        "conceptDescriptions": [
            {
                "modelType": "ConceptDescription",
                "id": f"urn:example:{t.mark('concept')}",
                "idShort": t.mark("concept name"),
            }
        ],
    }
    from gaugeblock.exchange.aas.package import package
    from gaugeblock.exchange.aas.view import StoredFile

    files = {"/aasx/files/drawing.txt": StoredFile("text/plain", t.mark("attachment bytes").encode())}
    return package(environment, files)


# ── searching ───────────────────────────────────────────────────────────────────────────────────────────────────────


@cache
def spellings(marker: str) -> tuple[bytes, ...]:
    """A marker as encodings hide it."""
    return tuple(_spellings(marker.lower()))


def _spellings(marker: str) -> Iterator[bytes]:
    raw = marker.encode()
    yield raw
    yield raw.hex().encode()
    yield marker.encode("utf-16-le")
    for shift in range(3):
        # In base64 a text has three spellings, by where it begins; its ends depend on the neighbours.
        spelled = base64.b64encode(b"\x00" * shift + raw + b"\x00" * 2)
        yield spelled[4 if shift else 0 : len(spelled) - 8].lower()


def opened(content: bytes, depth: int = 0) -> Iterator[bytes]:
    """The bytes, and what is packed in them: zip (xlsx, AASX), zlib streams (PDF), base64 in JSON, percent-encoding."""
    yield content
    if depth >= 3:
        return
    if content[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for name in packed.namelist():
                yield name.encode()
                yield from opened(packed.read(name), depth + 1)
        return
    if b"%" in content[:100_000]:
        yield unquote_to_bytes(content)
    place = content.find(b"stream\n")
    while place >= 0:
        with contextlib.suppress(zlib.error):
            yield zlib.decompressobj().decompress(content[place + 7 :], 1_000_000)
        place = content.find(b"stream\n", place + 7)


def seen_in(answer: Any, markers: Mapping[str, str]) -> set[str]:
    """Which of the markers an answer shows, anywhere in head or body."""
    head = b"\n".join(name + b": " + value for name, value in answer.headers.raw)
    haystacks = [part.lower() for part in (*opened(head), *opened(answer.content))]
    return {
        what
        for what, marker in markers.items()
        if any(spelling in haystack for spelling in spellings(marker) for haystack in haystacks)
    }
