"""A sample plant with a lot that may be certified, and one that may not."""

from __future__ import annotations

from gaugeblock.plant.production_facets import (
    Characteristic,
    LotOfUnitsStatement,
    OrderStatement,
    ResultStatement,
    ResultSubject,
    ShipmentStatement,
)
from gaugeblock.plant.record_types import Verdict
from gaugeblock.plant.settings import Customer, Enterprise, PlantSettings, Product, Review, Site
from tests.web.conftest import SamplePlant

PERSON = "person:quality"
OWNER = PlantSettings(
    enterprise=Enterprise(name="示例工厂", name_en="Example Works"),
    review=Review(second_opinion_share=0.0),
    sites=[Site(id="cz", name="常州", name_en="Changzhou")],
    products=[Product(id="bracket-7", name="支架", name_en="Bracket 7"), Product(id="bracket-8")],
    customers=[Customer(id="acme", name="Acme GmbH", country="DE")],
)
CHEMISTRY = (
    Characteristic("chemistry", "C", "0.42", "%", "0.38", "0.45", "ISO 15350"),
    Characteristic("chemistry", "Cr", "1.05", "%", "0.90", "1.20", "EN 10315"),
    Characteristic("chemistry", "S", "0.008", "%", None, "0.035", "ISO 15350"),
)
MECHANICS = (
    Characteristic("mechanical", "Rm", "958", "MPa", "900", "1100", "ISO 6892-1"),
    Characteristic("mechanical", "A", "14.5", "%", "12", None, "ISO 6892-1"),
)
FORM = {
    "delivery": "LS-20931",
    "role": "Head of quality",
    "manufacturer_street": "No. 18 Huanghe West Road",
    "manufacturer_postal_code": "213022",
    "manufacturer_city": "Changzhou",
    "customer_street": "Industriestraße 42",
    "customer_postal_code": "70565",
    "customer_city": "Stuttgart",
    "material": "42CrMo4",
    "material_number": "1.7225",
    "standards": "EN 10250-3:2022, works standard 7",
    "delivery_condition": "+QT",
}


def certificate_plant() -> SamplePlant:
    """Lot ``L-1`` of ``WO-1042``: eleven good units and one rejected, with chemistry, mechanics and sizes; ``L-2``: a
    value outside its limits."""
    sample = SamplePlant(OWNER, heartbeat_s=1.0)
    desk = sample.plant.services.production.orders
    order = OrderStatement("bracket-7", 40, "acme", "PO 4711/3", due="2026-12-24", line="L1")
    desk.open(PERSON, "token01", "WO-1042", order)
    desk.open(PERSON, "token02", "WO-1043", OrderStatement("bracket-8", 500))
    for number in range(12):
        sample.inspect(Verdict.NOK if number == 4 else Verdict.OK, "good", f"U-{number:03d}")
    units = tuple(f"U-{number:03d}" for number in range(12))
    desk.lot(PERSON, "token03", "L-1", LotOfUnitsStatement("bracket-7", "WO-1042", "H-7731", 12, units))
    desk.lot(PERSON, "token04", "L-2", LotOfUnitsStatement("bracket-7", "WO-1042", "H-9999", 5))
    desk.result(PERSON, "token05", ResultSubject(heat="H-7731"), ResultStatement(CHEMISTRY, True, "Mill laboratory"))
    desk.result(PERSON, "token06", ResultSubject(lot="L-1"), ResultStatement(MECHANICS, True, "Prüflabor"))
    for number, size in ((0, "25.01"), (1, "25.02"), (2, "24.99")):
        sizes = (Characteristic("dimension", "bore", size, "mm", "24.95", "25.05", "", "hole 1", "CMM-2"),)
        subject = ResultSubject(unit=f"U-{number:03d}")
        desk.result(PERSON, f"token1{number}", subject, ResultStatement(sizes, True))
    too_soft = (Characteristic("mechanical", "Rm", "850", "MPa", "900", "1100", "ISO 6892-1"),)
    desk.result(PERSON, "token20", ResultSubject(lot="L-2"), ResultStatement(too_soft, False))
    good = tuple(unit for unit in units if unit != "U-004")
    shipped = ShipmentStatement("2026-12-01T08:00:00Z", 11, ("L-1",), good, "DHL")
    desk.shipment(PERSON, "token21", "S-1", "WO-1042", shipped)
    return sample
