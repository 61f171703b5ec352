"""What is wrong with an attached AAS document beside its form."""

from __future__ import annotations

from gaugeblock.exchange.aas.errors import AasDocumentError


class AasIdentifierTakenError(AasDocumentError):
    """A document names an object as only the plant's own are named. Facts: ``identifier``, ``base``."""

    code = "exchange.aas_identifier_taken"
