"""A customer's order with all that becomes a shell or submodel; each value of it can be told from all others."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

import msgspec

from gaugeblock.exchange.contract import fields_of
from gaugeblock.exchange.material_certificate.building import metals_document
from gaugeblock.exchange.material_certificate.metals_json import write_metals
from gaugeblock.exchange.shells.maker import Maker
from gaugeblock.exchange.shells.naming import Naming
from gaugeblock.exchange.shells.reading import Reading
from gaugeblock.exchange.shells.record_shells import RecordShells
from gaugeblock.exchange.submodels.address import Address
from gaugeblock.plant.exchange_facets import (
    DocumentStatement,
    DocumentSubject,
    FootprintStatement,
    FootprintSubject,
    Permission,
    SharedDocument,
)
from gaugeblock.plant.facet import Verdict
from gaugeblock.plant.inspection_facets import (
    InspectionInputs,
    InspectionMeasurement,
    InspectionProcess,
    InspectionStatement,
    InspectionSubject,
)
from gaugeblock.plant.module_facets import ModuleInputs, ModuleStatement, ModuleSubject, ReleaseStatement
from gaugeblock.plant.production_facets import (
    CertificateInputs,
    CertificateStatement,
    CertificateSubject,
    Characteristic,
    ForecastProcess,
    ForecastStatement,
    ForecastSubject,
    Quantile,
    ResultStatement,
    ResultSubject,
)
from gaugeblock.plant.record_types import LATEST, RECORD_TYPES
from gaugeblock.stores.memory import MemoryBlobs
from tests.exchange.exchange_plant import DRAFTER, STATION, ExchangePlant
from tests.exchange.material_certificate.certificates import forged_impeller

MODULE = "ab" * 32
TYPES = (
    "production.order",
    "production.forecast",
    "production.lot",
    "production.result",
    "production.certificate",
    "inspection.verdict",
    "inspection.module",
    "inspection.release",
    "exchange.footprint",
    "exchange.document",
)
MAKER = Maker(
    name="示例精密",
    name_en="Example Precision",
    address=Address(
        company={"en": "Example Precision"},
        street={"en": "18 Huanghe West Road"},
        zip_code="213022",
        city={"en": "Changzhou"},
        country="CN",
    ),
    products={"P1": ("泵轴", "Pump shaft")},
)


def whole(record_type: str) -> Permission:
    """Everything of a type."""
    return Permission(record_type, tuple(RECORD_TYPES[record_type, LATEST[record_type]]))


def without(record_type: str, *withheld: tuple[str, str]) -> Permission:
    """Everything of a type but some fields, each a facet and a name."""
    given = whole(record_type)
    facets, fields = [], []
    for facet in given.facets:
        left = [name for name in fields_of(record_type, facet) if (facet, name) not in withheld]
        if left:
            facets.append(facet)
        if len(left) < len(fields_of(record_type, facet)):
            fields += [f"{facet}.{name}" for name in left]
    return msgspec.structs.replace(given, facets=tuple(facets), fields=tuple(fields))


class Story:
    """The plant, its files and the shells that a customer sees."""

    def __init__(self) -> None:
        self.plant = plant = ExchangePlant()
        self.blobs = MemoryBlobs()
        self.contracts = 0
        plant.order("A-1", "acme", promised="2026-12-20")
        plant.lot("L-A", "A-1", ("SN/1", "SN 2", "轴3"), heat="H-7")
        plant.order("B-1", "bolt", product="P9")
        plant.lot("L-B", "B-1", ("FOREIGN1",))
        self.verdicts = [self.verdict("SN/1", Verdict.OK, 0.2619), self.verdict("SN 2", Verdict.NOK, 4.75)]
        self.verdict("轴3", Verdict.UNDECIDED, None)
        plant.inspect("B-1", "FOREIGN1", Verdict.NOK, product="P9")
        plant.say(
            DRAFTER,
            "production.result",
            subject=ResultSubject(unit="SN/1", product="P1", order="A-1", lot="L-A"),
            statement=ResultStatement(
                (
                    Characteristic(
                        "dimension", "Bore Ø", "20.013", "mm", "20.000", "20.021", "CMM-21", "end", "ZEISS-4711"
                    ),
                    Characteristic("dimension", "Roughness", "0.9", "µm", upper="1.5"),
                    Characteristic("dimension", "Free size", "77.125", "mm"),
                ),
                conforms=True,
                laboratory="Lab-Seven",
            ),
        )
        plant.say(
            DRAFTER,
            "production.result",
            subject=ResultSubject(lot="L-A", order="A-1"),
            statement=ResultStatement((Characteristic("dimension", "Length", "101.77", "mm", "101.5", "102"),), True),
        )
        for remaining in (8642, 7531):
            plant.say(
                "server:plant",
                "production.forecast",
                subject=ForecastSubject("A-1"),
                statement=ForecastStatement((Quantile(0.5, "2026-12-20T00:00:00Z"),), remaining),
                process=ForecastProcess("twin", 100, 7, "cd" * 32),
            )
        certificate = metals_document(
            msgspec.structs.replace(
                forged_impeller(),
                order=msgspec.structs.replace(forged_impeller().order, ordered_on=datetime.date(2026, 9, 1)),
            )
        )
        self.json_sha256 = self.blobs.put(write_metals(certificate))
        self.pdf_sha256 = self.blobs.put(b"%PDF-1.7 certificate")
        plant.say(
            DRAFTER,
            "production.certificate",
            subject=CertificateSubject("GB/2026-0817", "acme", "P1", "A-1", "L-A", "H-7"),
            statement=CertificateStatement("3.1", self.json_sha256, self.pdf_sha256, replaces="GB-OLD-16"),
            inputs=CertificateInputs((self.verdicts[0],)),
        )
        self.manual = self.blobs.put(b"%PDF-1.7 manual")
        plant.say(
            DRAFTER,
            "exchange.document",
            subject=DocumentSubject(product="P1"),
            statement=DocumentStatement(
                SharedDocument(self.manual, "shaft-manual.pdf", "application/pdf", 15, "drawing"),
                "轴图纸",
                "Shaft plan",
            ),
        )
        plant.say(
            DRAFTER,
            "exchange.footprint",
            subject=FootprintSubject("P1", "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z"),
            statement=FootprintStatement(
                "1.3579", "kilogram", "2.5", "88.1", "6.54", "0.5703", "3.1234", ("PACT Methodology 3.0.1",), "CN"
            ),
        )
        plant.say(
            "server:plant",
            "inspection.module",
            subject=ModuleSubject(MODULE, "P1", "ST10"),
            statement=ModuleStatement(1.2345, 0.0111, 0.0222, 0.9333, 4321),
            inputs=ModuleInputs("11" * 32, "22" * 32, "33" * 32),
        )
        plant.say(
            DRAFTER,
            "inspection.release",
            subject=ModuleSubject(MODULE, "P1", "ST10"),
            statement=ReleaseStatement("release", "44" * 32, None, "better-than-before", "person:wu.di"),
        )

    def verdict(self, unit: str, verdict: Verdict, score: float | None) -> int:
        """One inspection of the customer's order."""
        number = self.plant.log.size
        return self.plant.say(
            STATION,
            "inspection.verdict",
            subject=InspectionSubject(station="ST10", unit=unit, product="P1", order="A-1"),
            statement=InspectionStatement(verdict, "guard-said-so" if verdict is Verdict.UNDECIDED else None),
            measurement=InspectionMeasurement(score=score, threshold=1.8765),
            process=InspectionProcess(
                boot_epoch=1, sequence=number, trigger=number, deadline_ms=300.0, latency_ms=61.875, software="9.8.7"
            ),
            inputs=InspectionInputs(image_sha256="ee" * 32, module_sha256=MODULE),
        )

    def close(self) -> None:
        """Give everything back."""
        self.plant.close()

    def shells(self, permissions: Iterable[Permission] | None = None, maker: Maker = MAKER) -> RecordShells:
        """What the customer sees under a new contract version with these permissions."""
        given = tuple(map(whole, TYPES)) if permissions is None else tuple(permissions)
        self.contracts += 1
        self.plant.draft(*given, version=self.contracts, products=("P1",))
        self.plant.step("accepted", version=self.contracts)
        return self.under_the_last(maker)

    def under_the_last(self, maker: Maker = MAKER) -> RecordShells:
        """By the contract that is in force."""
        return RecordShells(Reading(self.plant.view(), Naming(self.plant.log.origin), maker, self.blobs))
