"""Carbon Footprint 1.0 (IDTA 02023-1-0-1): the greenhouse gas emissions of a product by life-cycle phase.

Methods and phases are coded values of ECLASS in the template; they are given here as the caller has them, for what a
footprint follows is the caller's statement.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec

from gaugeblock.exchange.aas.identifiables import submodel
from gaugeblock.exchange.aas.references import Tree
from gaugeblock.exchange.submodels.address import Address, address
from gaugeblock.exchange.submodels.vocabulary import HeldFile, Vocabulary, check_demanded

SEMANTIC_ID = "https://admin-shell.io/idta/CarbonFootprint/CarbonFootprint/1/0"

_BASE = "https://admin-shell.io/idta/CarbonFootprint/"
_METHOD, _PHASE = "0173-1#02-ABG854#003", "0173-1#02-ABG858#003"
_WORDS = Vocabulary(
    _BASE + "{}/1/0",
    {
        "Method": _METHOD,
        "Phase": _PHASE,
        "PcfCO2eq": "0173-1#02-ABG855#003",
        "ReferenceImpactUnitForCalculation": "0173-1#02-ABG856#003",
        "QuantityOfMeasureForCalculation": "0173-1#02-ABG857#003",
        "PcfRuleOperator": f"{_BASE}ProductOrSectorSpecificRule/Operator/1/0",
        "PcfRuleName": f"{_BASE}ProductOrSectorSpecificRule/Name/1/0",
        "PcfRuleVersion": f"{_BASE}ProductOrSectorSpecificRule/Version/1/0",
        "PcfApiEndpoint": f"{_BASE}ExternalPcfApi/Endpoint/1/0",
        "PcfApiQuery": f"{_BASE}ExternalPcfApi/Query/1/0",
        "ArbitraryContent": "https://admin-shell.io/SMT/General/Arbitrary",
    },
)


class Footprint(msgspec.Struct, frozen=True, kw_only=True):
    """A footprint.

    Parameters
    ----------
    method, phase
        One each, as the template demands: a footprint over several phases is one for each of them, or its phase
        names the span.
    co2eq_kg
        For the quantity, in the phase.
    unit, quantity
        What the footprint is of: ``piece`` and 1, ``kg`` and 1000.
    """

    method: str
    co2eq_kg: Decimal
    unit: str
    quantity: Decimal
    phase: str
    published: dt.datetime
    expires: dt.datetime | None = None
    explanation: HeldFile | None = None
    handover_address: Address | None = None


class SectorFootprint(msgspec.Struct, frozen=True, kw_only=True):
    """A footprint after a rule of a sector, as PACT has them."""

    method: str
    rule_operator: str
    rule_name: str
    rule_version: str | None = None
    api: tuple[str, str] | None = None
    """Address and query of the interface that gives it."""
    content: tuple[tuple[str, str], ...] = ()
    """Names and values of the rule's own."""


class CarbonFootprint(msgspec.Struct, frozen=True, kw_only=True):
    """What the submodel says: at least one footprint."""

    footprints: tuple[Footprint, ...]
    sector_footprints: tuple[SectorFootprint, ...] = ()


def build(identifier: str, given: CarbonFootprint) -> Tree:
    """The submodel.

    Raises
    ------
    AasValueError
    """
    check_demanded(given)
    return submodel(
        identifier,
        "CarbonFootprint",
        SEMANTIC_ID,
        [
            _WORDS.list(
                "ProductCarbonFootprints",
                map(_footprint, given.footprints),
                of_semantic=_WORDS.of("ProductCarbonFootprint"),
            ),
            _WORDS.list(
                "ProductOrSectorSpecificCarbonFootprints",
                map(_sector, given.sector_footprints),
                of_semantic=_WORDS.of("ProductOrSectorSpecificCarbonFootprint"),
            ),
        ],
        version="1",
        revision="0",
        template_id="https://admin-shell.io/IDTA 02023-1-0",
    )


def _coded(name: str, element: str, value: str) -> Tree | None:
    elements = [_WORDS.prop(element, value)]
    return _WORDS.list(name, elements, of="Property", of_type="xs:string", of_semantic=_WORDS.of(element))


def _footprint(given: Footprint) -> Tree | None:
    handover = given.handover_address
    return _WORDS.group(
        "ProductCarbonFootprint",
        [
            _coded("PcfCalculationMethods", "Method", given.method),
            _WORDS.prop("PcfCO2eq", given.co2eq_kg, "xs:decimal"),
            _WORDS.prop("ReferenceImpactUnitForCalculation", given.unit),
            _WORDS.prop("QuantityOfMeasureForCalculation", given.quantity, "xs:double"),
            _coded("LifeCyclePhases", "Phase", given.phase),
            _WORDS.file("ExplanatoryStatement", given.explanation),
            None if handover is None else address("GoodsHandoverAddress", handover),
            _WORDS.prop("PublicationDate", given.published, "xs:dateTime"),
            _WORDS.prop("ExpirationDate", given.expires, "xs:dateTime"),
        ],
    )


def _sector(given: SectorFootprint) -> Tree | None:
    api = given.api and [
        _WORDS.prop("PcfApiEndpoint", given.api[0], "xs:anyURI"),
        _WORDS.prop("PcfApiQuery", given.api[1]),
    ]
    return _WORDS.group(
        "ProductOrSectorSpecificCarbonFootprint",
        [
            _coded("PcfCalculationMethods", "Method", given.method),
            _WORDS.group(
                "ProductOrSectorSpecificRule",
                [
                    _WORDS.prop("PcfRuleOperator", given.rule_operator),
                    _WORDS.prop("PcfRuleName", given.rule_name),
                    _WORDS.prop("PcfRuleVersion", given.rule_version),
                ],
            ),
            _WORDS.group("ExternalPcfApi", api) if api else None,
            _WORDS.group(
                "PcfInformation",
                [_WORDS.prop(name, value, means="ArbitraryContent") for name, value in given.content],
            ),
        ],
    )
