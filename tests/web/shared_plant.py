"""A sample plant that shares documents and states footprints, with contracts that show some of them."""

from __future__ import annotations

import hashlib
import json

from gaugeblock.exchange.footprint_desk import FootprintDraft
from gaugeblock.plant.exchange_facets import DocumentSubject, Permission
from gaugeblock.plant.production_facets import OrderStatement, OrderSubject
from tests.web.conftest import SamplePlant
from tests.web.contracts_plant import OWNER, accept, terms

PERSON = "person:quality"
PDF = b"%PDF-1.7 bracket"
DIGEST = hashlib.sha256(PDF).hexdigest()
PERMISSIONS = (
    Permission("exchange.document", ("subject", "statement")),
    Permission("exchange.footprint", ("subject", "statement")),
)


def shared_plant() -> SamplePlant:
    """The plant."""
    sample = SamplePlant(OWNER)
    desks = sample.plant.services.exchange
    sample.plant.statements.state(
        PERSON,
        "production.order",
        "WO-1042",
        {"subject": OrderSubject("WO-1042"), "statement": OrderStatement("bracket-7", 200, "acme")},
    )
    desks.contracts.draft(
        PERSON, "C-1", "acme", terms(permissions=PERMISSIONS, products=("bracket-7",), documents=()), "token01"
    )
    accept(sample, "C-1", "acme")
    desks.documents.share(
        PERSON,
        "token02",
        PDF,
        "支架 7.pdf",
        "drawing",
        DocumentSubject(product="bracket-7"),
        "支架图纸",
        "Bracket drawing",
    )
    environment = {"submodels": [{"modelType": "Submodel", "id": "urn:supplier:pump"}]}
    desks.documents.share(
        PERSON, "token03", json.dumps(environment).encode(), "pump.json", "aas", DocumentSubject(machine="M1")
    )
    whole = FootprintDraft(
        product="bracket-7",
        begin="2026-01-01T00:00:00Z",
        end="2026-07-01T00:00:00Z",
        energy_kwh_per_unit="2.4",
        grid_kg_co2e_per_kwh="0.5703",
        grid_factor_source="MEE",
        grid_factor_version="2022",
        material_kg_co2e_per_unit="3.2",
        material_primary=True,
        mass_kg_per_unit="1.35",
        fossil_carbon_content_kg_per_unit="0",
        exempted_emissions_percent="0.5",
        biogenic_uptake_kg_co2e_per_unit="0",
        methods=("ISO 14067",),
        characterization=("AR6",),
    )
    desks.footprints.state(PERSON, "token04", whole)
    bare = FootprintDraft(
        product="bracket-8",
        begin="2026-01-01T00:00:00Z",
        end="2026-07-01T00:00:00Z",
        kg_co2e_per_unit="9.4",
        primary_data_share_percent="10",
    )
    desks.footprints.state(PERSON, "token05", bare)
    sample.log.sign_checkpoint()
    return sample
