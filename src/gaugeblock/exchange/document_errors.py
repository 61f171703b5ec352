"""The named errors of documents that are written for, or taken from, a customer or supplier."""

from __future__ import annotations

from gaugeblock.plant.errors import GaugeblockError, LimitError


class DecimalTextError(GaugeblockError):
    """A measured value that is not a decimal number in digits. Facts: ``where``, ``value``."""

    code = "exchange.decimal_text"


class CertificateFormError(GaugeblockError):
    """A material certificate that breaks the form of Metals 0.1.1. Facts: ``where``, ``detail``."""

    code = "exchange.certificate_form"


class CertificateLimitsError(GaugeblockError):
    """Limits of a certificate's value that contradict each other. Facts: ``where``, ``minimum``, ``maximum``."""

    code = "exchange.certificate_limits"


class CertificateInspectionError(GaugeblockError):
    """Counts of an inspection that do not add up. Facts: ``units``, ``parts``."""

    code = "exchange.certificate_inspection"


class CertificateNonconformingError(GaugeblockError):
    """A certificate of conformity over values outside their limits. Facts: ``values``."""

    code = "exchange.certificate_nonconforming"


class CertificateGapsError(GaugeblockError):
    """Something stands against a certificate. Facts: ``certificate``, ``gaps``."""

    code = "exchange.certificate_gaps"


class PrintingMissingError(GaugeblockError):
    """The extra that sets PDF files is not installed. Facts: ``missing``."""

    code = "exchange.printing_missing"


class PrintingFailedError(GaugeblockError):
    """The typesetter refused a document. Facts: ``detail``."""

    code = "exchange.printing_failed"


class WorkbookLimitError(LimitError):
    """More rows, columns or letters than a worksheet holds. Facts: ``what``, ``found``, ``limit``."""

    code = "exchange.workbook_limit"


class QifFormError(GaugeblockError):
    """Results that QIF cannot say. Facts: ``where``, ``detail``."""

    code = "exchange.qif_form"


class QifLimitError(LimitError):
    """More parts or characteristics than one QIF file takes. Facts: ``what``, ``found``, ``limit``."""

    code = "exchange.qif_limit"


class EventFormError(GaugeblockError):
    """An EPCIS document or event that breaks its form. Facts: ``where``, ``detail``."""

    code = "exchange.event_form"


class EventExtensionError(GaugeblockError):
    """A member that neither the standard nor a declared vocabulary knows. Facts: ``where``."""

    code = "exchange.event_extension"


class EventCountLimitError(LimitError):
    """More events than one capture takes. Facts: ``found``, ``limit``."""

    code = "exchange.event_count_limit"


class CaptureBehaviourError(GaugeblockError):
    """A ``GS1-Capture-Error-Behaviour`` that the standard does not have. Facts: ``value``."""

    code = "exchange.capture_behaviour"


class EventMissingError(GaugeblockError):
    """No event or capture that the caller may see has this id. Facts: ``event``."""

    code = "exchange.event_missing"


class EventExistsError(GaugeblockError):
    """An event of this id is there already. Facts: ``event``."""

    code = "exchange.event_exists"


class EventVersionError(GaugeblockError):
    """A version or form of EPCIS that is asked for and not offered. Facts: ``header``, ``value``, ``offered``."""

    code = "exchange.event_version"


class QueryParameterError(GaugeblockError):
    """A query parameter that the standard does not have. Facts: ``name``."""

    code = "exchange.query_parameter"


class QueryUnsupportedError(GaugeblockError):
    """A query parameter of the standard that is not offered here. Facts: ``name``."""

    code = "exchange.query_unsupported"


class QueryValueError(GaugeblockError):
    """A query parameter whose value is none of its kind. Facts: ``name``, ``value``, ``expected``."""

    code = "exchange.query_value"


class QueryTooComplexError(LimitError):
    """A query with more parameters or values than one answer takes. Facts: ``found``, ``limit``."""

    code = "exchange.query_too_complex"


class QueryTooLargeError(LimitError):
    """More events than the caller wants to have at most. Facts: ``limit``."""

    code = "exchange.query_too_large"


class PageTokenError(GaugeblockError):
    """A page token of another query, or of none."""

    code = "exchange.page_token"


class FootprintFormError(GaugeblockError):
    """A product carbon footprint that breaks the form of PACT 3. Facts: ``where``, ``detail``."""

    code = "exchange.footprint_form"


class FootprintInputError(GaugeblockError):
    """Inputs of a footprint that say nothing or contradict each other. Facts: ``where``, ``detail``."""

    code = "exchange.footprint_input"


class FootprintMissingError(GaugeblockError):
    """No footprint that the caller may see has this id. Facts: ``footprint``."""

    code = "exchange.footprint_missing"


class FootprintEventError(GaugeblockError):
    """An event that PACT does not have, or in another form. Facts: ``where``, ``detail``."""

    code = "exchange.footprint_event"
