"""The certificate as PDF: the same bytes each time, every value on the page, foreign certificates too."""

from __future__ import annotations

import builtins
import hashlib
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from gaugeblock.exchange.document_errors import PrintingFailedError, PrintingMissingError
from gaugeblock.exchange.material_certificate import metals_measurement as measured
from gaugeblock.exchange.material_certificate.building import metals_document
from gaugeblock.exchange.material_certificate.metals_json import digest, read_metals, write_metals
from gaugeblock.exchange.material_certificate.pdf import certificate_page, certificate_pdf, result_text
from tests.exchange.material_certificate.certificates import forged_impeller

pytest.importorskip("typst", reason="the extra dossier is not installed")
pytest.importorskip("pylopdf_fonts_zh_cn", reason="the extra dossier is not installed")
FIXTURES = Path(__file__).resolve().parents[3].parent / "shared/conformance/metals/fixtures"

_AGAIN = """
import hashlib, sys
from tests.exchange.material_certificate.certificates import forged_impeller
from gaugeblock.exchange.material_certificate.building import metals_document
from gaugeblock.exchange.material_certificate.pdf import certificate_pdf
sys.stdout.write(hashlib.sha256(certificate_pdf(metals_document(forged_impeller()), "ab" * 32)).hexdigest())
"""


def test_the_same_certificate_gives_the_same_bytes_in_another_process() -> None:
    pdf = certificate_pdf(metals_document(forged_impeller()), "ab" * 32)
    assert pdf.startswith(b"%PDF-")
    again = subprocess.run([sys.executable, "-c", _AGAIN], capture_output=True, check=True, text=True, timeout=60)
    assert again.stdout == hashlib.sha256(pdf).hexdigest()


def test_another_digest_gives_other_bytes() -> None:
    document = metals_document(forged_impeller())
    assert certificate_pdf(document, "ab" * 32) != certificate_pdf(document, "cd" * 32)


def test_the_page_shows_values_limits_conformity_validator_records_and_digest() -> None:
    document = metals_document(forged_impeller())
    raw = write_metals(document)
    page = msgspec.json.encode(certificate_page(document, digest(raw))).decode()
    for shown in (
        "0.410", "0.38", "0.45", "< 0.005", "958; 962; 971", "963.7", "289 ± 4", "498 of 500", "K-2026-031",
        "李娜 Li Na", "Head of quality", "10231, 10902", "czforge.example/gaugeblock", digest(raw), "让步单",
        "抗拉强度", "HT-881", "Tempering 580 °C, 120 min, Air",
    ):  # fmt: skip
        assert shown in page, shown


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="../shared/conformance/metals is not there")
def test_what_the_page_leaves_out_is_told() -> None:
    document = read_metals((FIXTURES / "valid_packaging_and_marking.json").read_bytes()).document
    assert "PackagingAndMarking" in str(certificate_page(document, "00")["omitted"])
    assert certificate_page(metals_document(forged_impeller()), "00")["omitted"] == ""


def test_a_foreign_statement_stands_as_it_was_written() -> None:
    document = metals_document(forged_impeller())
    passport = document.digital_material_passport
    foreign = msgspec.structs.replace(
        passport,
        validation=msgspec.structs.replace(
            passport.validation,
            validation_statement=msgspec.structs.replace(
                passport.validation.validation_statement, statement="Geprüft."
            ),
        ),
    )
    page = certificate_page(msgspec.structs.replace(document, digital_material_passport=foreign), "00")
    assert page["statement"] == {"zh": "", "en": "Geprüft."}


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="../shared/conformance/metals is not there")
def test_a_foreign_certificate_claims_no_records() -> None:
    foreign = read_metals((FIXTURES / "valid_minimal.json").read_bytes()).document
    assert "log" not in str(certificate_page(foreign, "00")["proof"])
    assert "transparency log" in str(certificate_page(metals_document(forged_impeller()), "00")["proof"])


def test_content_is_never_evaluated() -> None:
    certificate = forged_impeller()
    nasty = '#read("/etc/passwd") $x$ *a* @b <c> \\ ' + '"'
    product = msgspec.structs.replace(certificate.product, name=nasty)
    document = metals_document(msgspec.structs.replace(certificate, product=product))
    assert certificate_pdf(document, "00").startswith(b"%PDF-")
    assert nasty in msgspec.json.decode(msgspec.json.encode(certificate_page(document, "00")))["product"][0]["value"]


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="../shared/conformance/metals is not there")
def test_all_23_fixtures_can_be_printed() -> None:
    printed = 0
    for file in sorted(FIXTURES.glob("*.json")):
        raw = file.read_bytes()
        printed += certificate_pdf(read_metals(raw).document, digest(raw)).startswith(b"%PDF-")
    assert printed == 23


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: object, **more: object) -> object:
        if name == "typst":
            raise ImportError(name="typst")
        return real(name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(PrintingMissingError) as caught:
        certificate_pdf(metals_document(forged_impeller()), "00")
    assert caught.value.facts == {"missing": "typst"}


def test_all_six_kinds_of_results_are_said() -> None:
    texts = [
        '{"ResultType":"numeric","Value":1.50}',
        '{"ResultType":"boolean","Value":false}',
        '{"ResultType":"string","Value":"A"}',
        '{"ResultType":"range","Minimum":1,"Maximum":2.0}',
        '{"ResultType":"array","Data":[{"Parameter":"3","Value":{"ResultType":"numeric","Value":4}}]}',
        '{"ResultType":"multiValue","Values":[' + ",".join(['{"ResultType":"numeric","Value":7}'] * 3) + "]}",
    ]
    said = [result_text(msgspec.json.decode(text, type=measured.Result)) for text in texts]
    assert said == ["1.50", "failed", "A", "1 … 2.0", "3: 4", "7; 7; 7"]
    assert result_text(None) == "–"


def test_a_letter_that_no_font_has_is_named_and_never_left_blank() -> None:
    certificate = forged_impeller()
    korean = msgspec.structs.replace(certificate.customer, name="한국철강")
    with pytest.raises(PrintingFailedError) as caught:
        certificate_pdf(metals_document(msgspec.structs.replace(certificate, customer=korean)), "00")
    assert "한" in str(caught.value.facts["detail"])
