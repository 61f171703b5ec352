"""What can be wrong with a request to the AAS interface, and with an AAS document that others wrote."""

from __future__ import annotations

from typing import ClassVar

from gaugeblock.plant.errors import GaugeblockError, LimitError


class AasRequestError(GaugeblockError):
    """Base of what a request is refused for; ``status`` is the HTTP status that says so."""

    status: ClassVar[int] = 400


class AasIdentifierError(AasRequestError):
    """An identifier in the address is not base64url of UTF-8. Facts: ``value``."""

    code = "exchange.aas_identifier"


class AasParameterError(AasRequestError):
    """A query parameter with a value it cannot have. Facts: ``name``, ``value``, ``allowed``."""

    code = "exchange.aas_parameter"


class AasCursorError(AasRequestError):
    """A cursor that this listing did not give, or whose place is gone. Facts: none."""

    code = "exchange.aas_cursor"


class AasPathError(AasRequestError):
    """An idShort path that breaks the grammar. Facts: ``path``."""

    code = "exchange.aas_path"


class AasContentError(AasRequestError):
    """A serialisation that this kind of element does not have. Facts: ``kind``, ``content``."""

    code = "exchange.aas_content"


class AasAnswerTooLargeError(AasRequestError):
    """More than one answer may carry. Facts: ``found``, ``limit``."""

    code = "exchange.aas_answer_too_large"


class AasNotFoundError(AasRequestError):
    """Nothing of that name is here, or not for this caller: the two are not told apart. Facts: ``what``."""

    code = "exchange.aas_not_found"
    status = 404


class AasNoSuchRouteError(AasRequestError):
    """No operation of the interface has this address. Facts: none."""

    code = "exchange.aas_no_such_route"
    status = 404


class AasMethodError(AasRequestError):
    """The interface is read only. Facts: none."""

    code = "exchange.aas_method"
    status = 405


class AasNotAFileError(AasRequestError):
    """An attachment was asked of an element that is no File. Facts: ``kind``."""

    code = "exchange.aas_not_a_file"
    status = 405


class AasNotAcceptableError(AasRequestError):
    """None of the formats asked for is offered. Facts: ``offered``."""

    code = "exchange.aas_not_acceptable"
    status = 406


class AasValueError(GaugeblockError):
    """A value that the metamodel has no place for, found while building. Facts: ``where``, ``value``, ``rule``."""

    code = "exchange.aas_value"


class AasDocumentError(GaugeblockError):
    """Base of what is wrong with a document that others wrote."""


class AasDocumentTooLargeError(AasDocumentError, LimitError):
    """More bytes, elements, levels or files than are read. Facts: ``what``, ``found``, ``limit``."""

    code = "exchange.aas_document_too_large"


class AasDocumentSyntaxError(AasDocumentError):
    """Neither JSON nor XML. Facts: ``detail``."""

    code = "exchange.aas_document_syntax"


class AasDocumentShapeError(AasDocumentError):
    """JSON or XML, but not an environment of the metamodel. Facts: ``where``, ``detail``."""

    code = "exchange.aas_document_shape"


class AasPackageError(AasDocumentError):
    """Not an AASX package, or one that is damaged. Facts: ``detail``."""

    code = "exchange.aas_package"


class AasPackageFormatError(AasDocumentError):
    """A package whose environment is kept in a format that is not read here. Facts: ``found``."""

    code = "exchange.aas_package_format"
