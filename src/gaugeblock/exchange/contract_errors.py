"""What the contract desk refuses, each by name."""

from __future__ import annotations

from gaugeblock.plant.errors import GaugeblockError, LimitError


class ContractMissingError(GaugeblockError):
    """No such contract or version, or another customer's. Facts: ``contract``, ``version``."""

    code = "exchange.contract_missing"


class ContractStepError(GaugeblockError):
    """A step that does not fit where the version stands. Facts: ``contract``, ``version``, ``stage``, ``step``."""

    code = "exchange.contract_step"


class ContractPartyError(GaugeblockError):
    """A step that is the other side's to state. Facts: ``step``."""

    code = "exchange.contract_party"


class ContractFourEyesError(GaugeblockError):
    """An approval by the person who drafted the version. Facts: ``person``."""

    code = "exchange.contract_four_eyes"


class ContractOtherInForceError(GaugeblockError):
    """Another contract of the customer is in force. Facts: ``contract``, ``other``."""

    code = "exchange.contract_other_in_force"


class ContractReasonError(GaugeblockError):
    """An approval or a revocation without a reason, or with one that is too long. Facts: ``limit``."""

    code = "exchange.contract_reason"


class ContractNumberError(GaugeblockError):
    """A contract's number with other characters than letters, digits, ``.``, ``_`` and ``-``, or another customer's.

    Facts: ``contract``.
    """

    code = "exchange.contract_number"


class ContractChangedError(GaugeblockError):
    """Somebody else has drafted a version since the form was opened. Facts: ``contract``, ``version``."""

    code = "exchange.contract_changed"


class ContractCustomerError(GaugeblockError):
    """A customer that ``plant.toml`` does not name. Facts: ``customer``."""

    code = "exchange.contract_customer"


class ContractPurposeError(GaugeblockError):
    """No purpose, or one that is too long. Facts: ``limit``."""

    code = "exchange.contract_purpose"


class ContractPeriodError(GaugeblockError):
    """A validity that is no period. Facts: ``begin``, ``end``."""

    code = "exchange.contract_period"


class ContractCountryError(GaugeblockError):
    """A recipient's country that is no ISO 3166-1 alpha-2 code. Facts: ``country``."""

    code = "exchange.contract_country"


class ContractScopeError(GaugeblockError):
    """No order, lot, product or document: the contract would be about nothing."""

    code = "exchange.contract_scope"


class ContractRecordTypeError(GaugeblockError):
    """A record type that cannot be permitted, or that is named twice. Facts: ``record_type``."""

    code = "exchange.contract_record_type"


class ContractFacetError(GaugeblockError):
    """A facet or field that the record type does not have, or a permission without its subject.

    Facts: ``record_type``, ``value``.
    """

    code = "exchange.contract_facet"


class ContractForeignOrderError(GaugeblockError):
    """An order or lot that belongs to another customer. Facts: ``order``."""

    code = "exchange.contract_foreign_order"


class ContractDocumentError(GaugeblockError):
    """A document that is no SHA-256 digest in lower-case hex. Facts: ``value``."""

    code = "exchange.contract_document"


class ContractQuotaError(GaugeblockError):
    """A daily quota out of range. Facts: ``value``, ``limit``."""

    code = "exchange.contract_quota"


class ContractBasisError(GaugeblockError):
    """Important or core data, or personal information, without the basis on which they may leave. Facts: ``limit``."""

    code = "exchange.contract_basis"


class ContractLimitError(LimitError):
    """Too many orders, lots, products or documents. Facts: ``what``, ``found``, ``limit``."""

    code = "exchange.contract_limit"


class EvidenceNotPermittedError(GaugeblockError):
    """A record that may be read but not proven under this contract. Facts: ``index``."""

    code = "exchange.evidence_not_permitted"


class TransferExportLimitError(LimitError):
    """More transfer records than one export holds. Facts: ``found``, ``limit``."""

    code = "exchange.transfer_export_limit"
