"""The named refusals of the order desk and of the import of orders."""

from __future__ import annotations

from gaugeblock.plant.errors import GaugeblockError, LimitError


class NumberFormError(GaugeblockError):
    """A number of an order, lot, unit, shipment or certificate with characters that do not travel. Facts: ``value``."""

    code = "production.number_form"


class QuantityError(LimitError):
    """A quantity that is none. Facts: ``value``, ``limit``."""

    code = "production.quantity"


class DateFormError(GaugeblockError):
    """A date that is none. Facts: ``value``."""

    code = "production.date_form"


class TimeFormError(GaugeblockError):
    """A time that is none. Facts: ``value``."""

    code = "production.time_form"


class TextLengthError(LimitError):
    """A text longer than its limit. Facts: ``field``, ``limit``."""

    code = "production.text_length"


class ListLengthError(LimitError):
    """More entries than one record takes, or none where one is needed. Facts: ``field``, ``found``, ``limit``."""

    code = "production.list_length"


class CustomerUnknownError(GaugeblockError):
    """``plant.toml`` has no such customer. Facts: ``customer``."""

    code = "production.customer_unknown"


class ProductUnknownError(GaugeblockError):
    """``plant.toml`` has no such product. Facts: ``product``."""

    code = "production.product_unknown"


class OrderMissingError(GaugeblockError):
    """No order has this number. Facts: ``order``."""

    code = "production.order_missing"


class OrderExistsError(GaugeblockError):
    """A new order with a number that is taken. Facts: ``order``."""

    code = "production.order_exists"


class OrderCustomerError(GaugeblockError):
    """An order would pass from one customer to another, and with it everything said about it. Facts: ``order``."""

    code = "production.order_customer"


class OrderChangedError(GaugeblockError):
    """Somebody changed the order since it was read. Facts: ``order``, ``index`` of that record."""

    code = "production.order_changed"


class OrderEndedError(GaugeblockError):
    """An order that is cancelled takes nothing more. Facts: ``order``."""

    code = "production.order_ended"


class OrderProductError(GaugeblockError):
    """A lot of another product than its order. Facts: ``order``, ``expected``, ``found``."""

    code = "production.order_product"


class LotMissingError(GaugeblockError):
    """No lot has this number. Facts: ``lot``."""

    code = "production.lot_missing"


class LotOrderError(GaugeblockError):
    """A lot that belongs to another order. Facts: ``lot``, ``order``."""

    code = "production.lot_order"


class UnitTwiceError(GaugeblockError):
    """A serial number that is in another lot, or in another shipment. Facts: ``unit``, ``other``."""

    code = "production.unit_twice"


class GenealogyCycleError(GaugeblockError):
    """A unit that would be a part of itself. Facts: ``unit``, ``component``."""

    code = "production.genealogy_cycle"


class DecimalFormError(GaugeblockError):
    """A value or limit that is not a decimal number. Facts: ``name``, ``value``."""

    code = "production.decimal_form"


class LimitsOrderError(GaugeblockError):
    """A lower limit above the upper one. Facts: ``name``, ``lower``, ``upper``."""

    code = "production.limits_order"


class ResultSubjectError(GaugeblockError):
    """A result that says of nothing what it is about."""

    code = "production.result_subject"


class ConformityError(GaugeblockError):
    """A result said to conform with a value outside its limits. Facts: ``name``, ``value``."""

    code = "production.conformity"


class CertificateMissingError(GaugeblockError):
    """No certificate has this number. Facts: ``certificate``."""

    code = "production.certificate_missing"


class CertificateExistsError(GaugeblockError):
    """A certificate is never rewritten; a new one replaces it. Facts: ``certificate``."""

    code = "production.certificate_exists"


class DocumentMissingError(GaugeblockError):
    """The plant does not hold the document. Facts: ``sha256``."""

    code = "production.document_missing"


class ImportTooLargeError(LimitError):
    """More bytes or lines than one import takes. Facts: ``found``, ``limit``."""

    code = "production.import_too_large"


class ImportEncodingError(GaugeblockError):
    """A file that is no text in UTF-8 or GB 18030."""

    code = "production.import_encoding"


class ImportColumnError(GaugeblockError):
    """A column that is needed is not there. Facts: ``column``, ``found``."""

    code = "production.import_column"


class ImportValueError(GaugeblockError):
    """A value that a column does not take. Facts: ``column``, ``value``."""

    code = "production.import_value"


class ImportTwiceError(GaugeblockError):
    """An order stands twice in the file. Facts: ``order``, ``line`` of the first."""

    code = "production.import_twice"


class ImportFaultyError(GaugeblockError):
    """Lines have faults: nothing was taken. Facts: ``faults``, ``line`` of the first."""

    code = "production.import_faulty"


class ImportMissingError(GaugeblockError):
    """No import has this number. Facts: ``batch``."""

    code = "production.import_missing"


class ImportInUseError(GaugeblockError):
    """An order of the import has gone on since. Facts: ``order``."""

    code = "production.import_in_use"
