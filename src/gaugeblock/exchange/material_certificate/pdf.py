"""A Metals certificate as PDF/A, Chinese beside English: the same bytes for the same certificate.

The page shows every value against its limits, what that means, who validated it, the records it was derived from and
the digest of the JSON, which is the binding form. Typesetter (typst) and Chinese font are the extra ``dossier``.

Source: EN 10168:2004 for the order of the groups of content.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

import msgspec

from gaugeblock.exchange.decimal_text import plain
from gaugeblock.exchange.document_errors import PrintingFailedError, PrintingMissingError
from gaugeblock.exchange.material_certificate import metals_measurement as measured
from gaugeblock.exchange.material_certificate.building import PROVENANCE, STATEMENT
from gaugeblock.exchange.material_certificate.metals_document import MetalsDocument, Passport
from gaugeblock.exchange.material_certificate.metals_product import HeatTreatment, Party, Product
from gaugeblock.plant.language import LANGUAGES, catalogue, say

ELEMENTS_A_ROW = 12
NONE = "–"
_KINDS = {
    "In Specification": "in",
    "Out of Specification": "out",
    "Conditionally Acceptable": "conditional",
    "Not Evaluated": "open",
}
_WORDS = (
    "customer", "product", "chemistry", "element", "minimum", "maximum", "result", "mechanical", "physical",
    "supplementary", "property", "method", "conformity", "declaration", "validated", "proof", "treatment", "omitted",
)  # fmt: skip

_CONCESSION = re.compile(r" Values outside their limits are accepted under concession (?P<concessions>.+)\.")
_LONG = re.compile(r"[^\s]{30,}")

Pair = dict[str, str]


def certificate_pdf(document: MetalsDocument, json_sha256: str) -> bytes:
    """A certificate set on A4.

    Parameters
    ----------
    document
        The certificate; ours or one that was read.
    json_sha256
        Hex digest of the certificate's JSON, printed as what to compare with.

    Raises
    ------
    PrintingMissingError
        The extra ``dossier`` is not installed.
    PrintingFailedError
        The typesetter refused the document or lacks a glyph's font.
    """
    return typeset(msgspec.json.encode(certificate_page(document, json_sha256)).decode("utf-8"))


def typeset(data: str) -> bytes:
    """PDF/A-2b bytes of the certificate's page with ``data`` (JSON) in it."""
    try:
        import pylopdf_fonts_zh_cn
        import typst
    except ImportError as error:
        raise PrintingMissingError(missing=str(error.name)) from error
    fonts = typst.Fonts(include_system_fonts=False, font_paths=[pylopdf_fonts_zh_cn.sans_path().parent])
    try:
        pdf, warnings = typst.compile_with_warnings(
            _template(),
            format="pdf",
            font_paths=fonts,
            ignore_system_fonts=True,
            sys_inputs={"data": data},
            pdf_standards="a-2b",
        )
    except typst.TypstError as error:
        raise PrintingFailedError(detail=error.message) from error
    if warnings:
        raise PrintingFailedError(detail="; ".join(str(one) for one in warnings)[:400])
    return pdf


@cache
def _template() -> bytes:
    return (resources.files(__package__) / "certificate.typ").read_bytes()


def _pair(key: str, **facts: object) -> Pair:
    return {language: say(f"exchange.certificate.{key}", language, **facts) for language in LANGUAGES}


def certificate_page(document: MetalsDocument, json_sha256: str) -> dict[str, object]:
    """Everything that the page shows, as plain values; the template only places it."""
    passport = document.digital_material_passport
    validation = passport.validation
    provenance = document.provenance
    kind = validation.certificate_type
    place = f", {validation.validation_place}" if validation.validation_place else ""
    proof_rows = [{"label": _pair("digest"), "value": json_sha256}]
    if provenance is not None:
        proof_rows.append({"label": _pair("log"), "value": provenance.log_origin})
        proof_rows.append({"label": _pair("records"), "value": _indices(provenance.records)})
    statement = validation.validation_statement.statement
    head = [
        _fact("number", passport.id),
        _fact("lot", passport.product.batch_id),
        _fact("issued", passport.issue_date.isoformat()),
    ]
    if passport.chemical_analysis is not None:
        head.insert(2, _fact("heat", passport.chemical_analysis.heat_number))
    return {
        "title": _pair("title"),
        "standard": " – ".join(filter(None, (kind.standard, kind.type))) if kind else "EN 10204",
        "number": passport.id,
        "date": {
            "year": validation.validation_date.year,
            "month": validation.validation_date.month,
            "day": validation.validation_date.day,
        },
        "words": {name: _pair(name) for name in _WORDS},
        "marks": {name: _pair(f"mark_{name}") for name in ("in", "out", "conditional", "open")},
        "head": head,
        "manufacturer": _party(passport.transaction_data.parties.manufacturer),
        "customer": _party(passport.transaction_data.parties.customer),
        "order": _order(passport),
        "product": _product(passport.product),
        "chemistry": _chemistry(passport.chemical_analysis),
        "mechanical": _rows(passport.mechanical_properties),
        "physical": _rows(passport.physical_properties),
        "supplementary": _rows(passport.supplementary_tests),
        "statement": {"zh": _in_chinese(statement), "en": statement},
        "statements": [
            {
                "mark": _pair("confirmed" if one.confirmed.value else "not_confirmed"),
                "text": one.statement_text,
                "reference": one.regulatory_reference or "",
            }
            for one in validation.validation_statement.individual_statements or ()
            if not (provenance is not None and one.statement_id == PROVENANCE)
        ],
        "disclaimer": validation.disclaimer or "",
        "omitted": ", ".join(_omitted(passport)),
        "treatment": _treatment(passport.heat_treatment),
        "validators": [
            {"name": one.name, "role": ", ".join(filter(None, (one.title, one.department)))}
            for one in validation.validators
        ],
        "validated": f"{validation.validation_date.isoformat()}{place}",
        "proof": {**_pair("proof_text" if provenance else "proof_foreign"), "rows": proof_rows},
    }


def _omitted(passport: Passport) -> list[str]:
    """Members that the certificate has and the page does not show, by the names of the JSON."""
    parties, product, validation = passport.transaction_data.parties, passport.product, passport.validation
    not_shown = (
        (parties, ("subcustomer", "goods_receiver", "certificate_receiver")),
        (passport.transaction_data.business_transaction, ("contract",)),
        (
            product,
            ("tooling_id", "supplementary_standards", "customs_classification", "specification_reference",
             "dimensional_tolerances", "packaging_and_marking"),
        ),
        (validation, ("ce_marking", "other_markings")),
        (passport, ("expiration_date",)),
    )  # fmt: skip
    return [
        dict(zip(thing.__struct_fields__, thing.__struct_encode_fields__, strict=True))[name]
        for thing, names in not_shown
        for name in names
        if getattr(thing, name) is not None
    ]


def _treatment(treatment: HeatTreatment | None) -> list[dict[str, object]]:
    if treatment is None:
        return []
    stages = [
        f"{stage.stage_type} {plain(stage.temperature)} °{stage.temperature_unit}".replace("°K", "K")
        + (f", {plain(stage.duration)} {stage.duration_unit or ''}".rstrip() if stage.duration is not None else "")
        + (f", {stage.cooling_medium}" if stage.cooling_medium is not None else "")
        for stage in treatment.stages
    ]
    return _facts(
        (
            ("process", treatment.process),
            ("treatment_lot", " / ".join(filter(None, (treatment.heat_treatment_lot, treatment.charge_number)))),
            ("stages", "; ".join(stages)),
            ("furnace", treatment.furnace_id),
            ("treated", treatment.process_date.isoformat() if treatment.process_date else None),
        )
    )


def _in_chinese(statement: str) -> str:
    """Our own declaration in Chinese; another's stands as it was written."""
    if not statement.startswith(STATEMENT):
        return ""
    rest = statement.removeprefix(STATEMENT)
    accepted = _CONCESSION.fullmatch(rest)
    if accepted is not None:
        return say("exchange.certificate.statement", "zh") + say(
            "exchange.certificate.statement_concession", "zh", concessions=accepted["concessions"]
        )
    return "" if rest else say("exchange.certificate.statement", "zh")


def _breakable(text: str) -> str:
    """Long tokens, such as digests, with places where a line may end."""
    return _LONG.sub(lambda found: "\u200b".join(re.findall(".{1,8}", found.group())), text)


def _fact(key: str, value: str) -> dict[str, object]:
    return {"label": _pair(key), "value": value}


def _facts(pairs: Sequence[tuple[str, str | None]]) -> list[dict[str, object]]:
    return [_fact(key, value) for key, value in pairs if value]


def _indices(records: Sequence[int]) -> str:
    """Indices with runs drawn together.

    >>> _indices((3, 4, 5, 9))
    '3–5, 9'
    """
    runs: list[list[int]] = []
    for index in sorted(set(records)):
        if runs and runs[-1][1] == index - 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in runs)


def _party(party: Party) -> dict[str, object]:
    lines = [*party.street, f"{party.zip_code} {party.city}", party.country]
    if party.email:
        lines.append(party.email)
    return {"name": party.name, "lines": lines}


def _amount(number: object, unit: str | None) -> str | None:
    return None if number is None else f"{format(number, 'f')} {unit or ''}".strip()


def _order(passport: Passport) -> list[dict[str, object]]:
    deal = passport.transaction_data.business_transaction
    order = deal.order.id + (f" / {deal.order.position}" if deal.order.position else "")
    return _facts(
        (
            ("order", order),
            ("customer_product", deal.order.customer_product_id),
            ("delivery", deal.delivery.id),
            ("delivered", deal.delivery.date.isoformat() if deal.delivery.date else None),
            ("quantity", _amount(deal.delivery.quantity, deal.delivery.quantity_unit)),
            ("internal_order", deal.delivery.internal_order_id),
        )
    )


def _product(product: Product) -> list[dict[str, object]]:
    names = [part.value for one in product.material_designations or () for part in (one.name, one.number) if part]
    norms = [f"{norm.standard}:{norm.year}" if norm.year else norm.standard for norm in product.product_norms or ()]
    shape = None
    if product.shape is not None:
        sizes = [
            f"{name} {plain(size)}"
            for name, size in msgspec.structs.asdict(product.shape).items()
            if name in product.shape.above_zero[:11] and size is not None
        ]
        shape = f"{product.shape.form} {' × '.join(sizes)} {product.shape.unit}".replace("_", " ")
    condition = product.delivery_condition
    return _facts(
        (
            ("name", product.name),
            ("material", " / ".join(names)),
            ("norms", ", ".join(norms)),
            ("shape", shape),
            ("condition", ", ".join(filter(None, (condition.code if condition else None, product.surface_condition)))),
            ("marking", product.marking),
            ("weight", _amount(product.weight, product.weight_unit)),
            ("origin", ", ".join(filter(None, (product.manufacturing_location, product.country_of_origin)))),
            ("produced", product.production_date.isoformat() if product.production_date else None),
        )
    )


def result_text(result: measured.Result | None) -> str:
    """A result as it is printed.

    >>> from decimal import Decimal
    >>> result_text(measured.NumericResult(value=Decimal("0.0050"), operator="<"))
    '< 0.0050'
    """
    match result:
        case None:
            return NONE
        case measured.NumericResult():
            operator = "" if result.operator in (None, "=") else f"{result.operator} "
            spread = "" if result.uncertainty is None else f" ± {plain(result.uncertainty)}"
            return f"{operator}{plain(result.value)}{spread}"
        case measured.BooleanResult():
            return result.description or say(f"exchange.certificate.{'yes' if result.value else 'no'}", "en")
        case measured.StringResult():
            return result.value
        case measured.RangeResult():
            return f"{plain(result.minimum)} … {plain(result.maximum)}"
        case measured.MultiValueResult():
            return "; ".join(result_text(value) for value in result.values)
        case measured.ArrayResult():
            return "; ".join(f"{point.parameter}: {result_text(point.value)}" for point in result.data)


def _note(one: measured.Measurement) -> str:
    notes = []
    if isinstance(one.actual, measured.MultiValueResult) and one.actual.statistics is not None:
        mean = one.actual.statistics.average
        if mean is not None:
            notes.append(" ".join((*_pair("mean").values(), result_text(mean))))
    if isinstance(one.actual, measured.ArrayResult) and one.actual.parameter_name:
        notes.append(
            f"{one.actual.parameter_name}{f' [{one.actual.parameter_unit}]' if one.actual.parameter_unit else ''}"
        )
    if one.target is not None:
        notes.append(f"⌖ {result_text(one.target)}")
    return "; ".join(notes)


def _names(symbol: str | None, name: str | None) -> Pair:
    key = "exchange.certificate.properties." + re.sub("[^a-z0-9]", "", (symbol or "").lower())
    if key in catalogue("zh"):
        return {"zh": catalogue("zh")[key], "en": name or catalogue("en")[key]}
    return {"zh": "", "en": name or ""}


def _rows(measurements: Sequence[measured.Measurement] | None) -> list[Mapping[str, object]]:
    rows: list[Mapping[str, object]] = []
    for one in measurements or ():
        specimen = one.specimen_specification
        taken = () if specimen is None else (specimen.custom_location or specimen.location, specimen.orientation)
        names = _names(one.property_symbol, one.property_name)
        rows.append(
            {
                "symbol": one.property_symbol or names["en"],
                "names": names if one.property_symbol else {"zh": names["zh"], "en": ""},
                "unit": one.unit or "",
                "method": _breakable("; ".join(filter(None, (one.method, one.test_conditions, *taken)))),
                "minimum": result_text(one.minimum),
                "maximum": result_text(one.maximum),
                "result": result_text(one.actual),
                "note": _note(one),
                "kind": _KINDS[one.interpretation or "Not Evaluated"],
            }
        )
    return rows


def _chemistry(analysis: measured.ChemicalAnalysis | None) -> dict[str, object]:
    if analysis is None:
        return {"facts": [], "tables": []}
    facts = _facts(
        (
            ("heat", analysis.heat_number),
            ("melting", analysis.melting_process),
            ("casting", analysis.casting_method),
            ("sample", analysis.sample_location),
            ("cast", analysis.casting_date.isoformat() if analysis.casting_date else None),
            ("norms", analysis.analysis_standard),
        )
    )
    tables = []
    count = len(analysis.elements)
    rows = -(-count // ELEMENTS_A_ROW)
    width = -(-count // rows)
    for start in range(0, count, width):
        part = analysis.elements[start : start + width]
        tables.append(
            {
                "symbols": [
                    f"{one.property_symbol or one.property_name or ''} {one.unit or ''}".strip() for one in part
                ],
                "minimum": [result_text(one.minimum) for one in part],
                "maximum": [result_text(one.maximum) for one in part],
                "result": [
                    {"text": result_text(one.actual), "kind": _KINDS[one.interpretation or "Not Evaluated"]}
                    for one in part
                ],
            }
        )
    return {"facts": facts, "tables": tables}
